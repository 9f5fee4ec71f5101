"""The writer thread of the event store: acknowledged writes, full disks, failing jobs."""

import sqlite3

import pytest

from freshet.serving.errors import RequestError
from freshet.serving.events import event_store, event_store_file
from freshet.serving.events.writer import Writer


@pytest.fixture
def writer(tmp_path):
    event_store_file.create_store(tmp_path)
    writer = Writer(tmp_path)
    writer.start()
    yield writer
    writer.stop()


def event_line(text):
    return lambda connection: event_store.enqueue(connection, [("events", 1, text)])


def stored_lines(folder):
    with sqlite3.connect(folder / event_store_file.STORE_FILE) as connection:
        return [row[0] for row in connection.execute("SELECT line FROM waiting ORDER BY seq")]


def test_acknowledged_writes_are_visible_to_other_connections(writer, tmp_path):
    writer.submit(event_line(b"one")).result()
    assert stored_lines(tmp_path) == [b"one"]


def test_a_jobs_result_is_returned(writer):
    assert writer.submit(lambda connection: connection.execute("SELECT 41 + 1").fetchone()[0]).result() == 42


def test_on_a_full_disk_nothing_is_stored_and_the_client_gets_507(writer, tmp_path):
    writer.submit(event_line(b"before")).result()
    pages = writer.connection.execute("PRAGMA page_count").fetchone()[0]
    writer.connection.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(RequestError) as exc_info:
        writer.submit(event_line(b"x" * 100_000)).result()
    assert exc_info.value.status == 507
    assert str(exc_info.value) == (
        f"{tmp_path}/gateway.sqlite: the disk is full, nothing was stored; free some space, then send it again"
    )
    assert writer.disk_full
    writer.connection.execute("PRAGMA max_page_count=1000000")
    writer.submit(event_line(b"after")).result()
    assert not writer.disk_full
    assert stored_lines(tmp_path) == [b"before", b"after"]


def test_disk_space_is_reserved_for_landing(tmp_path):
    event_store_file.create_store(tmp_path)
    writer = Writer(tmp_path, reserved_bytes=1 << 60)
    writer.start()
    with pytest.raises(RequestError, match="the disk is full, nothing was stored"):
        writer.check_writable()
    assert writer.low_disk
    writer.submit(event_line(b"landing goes on")).result()
    writer.stop()
    assert stored_lines(tmp_path) == [b"landing goes on"]


def test_a_failing_job_writes_nothing_and_later_jobs_run(writer, tmp_path):
    def failing_job(connection):
        event_store.enqueue(connection, [("events", 1, b"half")])
        raise KeyError("oh")

    with pytest.raises(RequestError, match="internal error") as exc_info:
        writer.submit(failing_job).result()
    assert exc_info.value.status == 500
    writer.submit(event_line(b"next")).result()
    assert stored_lines(tmp_path) == [b"next"]


def test_jobs_submitted_before_the_stop_are_written(tmp_path):
    event_store_file.create_store(tmp_path)
    writer = Writer(tmp_path)
    waiting = [writer.submit(event_line(b"%d" % number)) for number in range(600)]
    writer.start()
    writer.stop()
    assert all(future.done() for future in waiting)
    assert len(stored_lines(tmp_path)) == 600


def test_too_many_waiting_jobs_are_rejected(tmp_path):
    event_store_file.create_store(tmp_path)
    writer = Writer(tmp_path)
    for number in range(2048):
        writer.submit(event_line(b"%d" % number))
    with pytest.raises(RequestError) as exc_info:
        writer.submit(event_line(b"one too many"))
    assert exc_info.value.status == 503
    assert str(exc_info.value) == (
        "gateway: 2,048 posts wait; try again in a moment, or run another gateway on its own state folder"
    )
    writer.connection.close()

"""Landing segments: waiting lines land in files, once and in order."""

import os
from pathlib import Path

import pytest

from freshet.errors import LakeError
from freshet.serving.events import event_store, event_store_file, landing_segments
from freshet.serving.events.landing_segments import LandingSegment
from freshet.serving.events.writer import Writer
from freshet.store import open_store

MONDAY = 20_458  # 2026-01-05
SEGMENT_FILE = "landing/events/dt=2026-01-05/gateway/g-00000001.jsonl"


class LandingHarness:
    """An event store with its writer and a reader, and a lake."""

    def __init__(self, root):
        self.root = root
        event_store_file.create_store(root)
        self.store = open_store(str(root / "lake"))
        self.open()

    def open(self):
        self.writer, self.reader = Writer(self.root), event_store_file.connect(self.root)
        self.writer.start()

    def close(self):
        self.writer.stop()
        self.reader.close()

    def wait(self, *lines, kind="events", day=MONDAY):
        self.writer.submit(lambda c: event_store.enqueue(c, [(kind, day, line) for line in lines])).result()

    def land(self):
        return landing_segments.flush_segments(self.writer, self.reader, self.store, "g")

    def insert_segment(self):
        return self.writer.submit(lambda c: landing_segments.next_segment(c, "events", 1000)).result()


@pytest.fixture
def landing(tmp_path):
    harness = LandingHarness(tmp_path)
    yield harness
    harness.close()


def test_waiting_lines_land_in_one_file_in_order(landing):
    landing.wait(b"1\n", b"2\n")
    landing.wait(b"3\n")
    assert landing.land() == 1
    assert landing.store.list("landing") == (SEGMENT_FILE,)
    assert landing.store.get(SEGMENT_FILE) == b"1\n2\n3\n"
    assert landing_segments.count_waiting(landing.reader) == (0, None)


def test_without_waiting_lines_no_file_lands(landing):
    assert landing.land() == 0
    assert landing.store.list("landing") == ()


def test_a_file_holds_one_kind_and_one_day(landing):
    landing.wait(b"late\n")
    landing.wait(b"shown\n", kind="impressions")
    landing.wait(b"early\n", day=MONDAY + 1)
    assert landing.land() == 3
    contents = {path: landing.store.get(path) for path in landing.store.list("landing")}
    assert contents == {
        SEGMENT_FILE: b"late\n",
        "landing/events/dt=2026-01-06/gateway/g-00000002.jsonl": b"early\n",
        "landing/impressions/dt=2026-01-05/g-00000003.jsonl": b"shown\n",
    }


def test_a_file_is_never_too_large_to_hold(landing, monkeypatch):
    monkeypatch.setattr(landing_segments, "MAX_SEGMENT_LINES", 3)
    monkeypatch.setattr(landing_segments, "MAX_SEGMENT_BYTES", 10)
    landing.wait(b"1\n", b"2\n", b"3\n", b"four has many\n", b"5\n")
    assert landing.land() == 3
    assert [landing.store.get(path) for path in landing.store.list("landing")] == [
        b"1\n2\n3\n",
        b"four has many\n",
        b"5\n",
    ]


def test_file_names_are_never_reused(landing):
    landing.wait(b"1\n")
    landing.land()
    landing.close()
    landing.open()
    landing.wait(b"2\n")
    landing.land()
    assert [path[-14:] for path in landing.store.list("landing")] == ["00000001.jsonl", "00000002.jsonl"]


def test_after_a_kill_an_inserted_segment_lands_without_later_lines(landing):
    landing.wait(b"1\n", b"2\n")
    assert landing.insert_segment() == LandingSegment(1, "events", MONDAY, 1, 2)
    landing.close()
    landing.open()
    landing.wait(b"3\n")
    assert landing.land() == 2
    assert [landing.store.get(path) for path in landing.store.list("landing")] == [b"1\n2\n", b"3\n"]


def test_after_a_kill_a_put_file_does_not_land_twice(landing):
    landing.wait(b"1\n", b"2\n")
    landing.insert_segment()
    landing.store.put_if_absent(SEGMENT_FILE, b"1\n2\n")
    landing.close()
    landing.open()
    assert landing.land() == 1
    assert landing.store.list("landing") == (SEGMENT_FILE,)
    assert landing_segments.count_waiting(landing.reader) == (0, None)


def test_a_file_put_before_a_kill_is_synced_before_its_lines_are_deleted(landing, monkeypatch):
    landing.wait(b"1\n")
    landing.store.put_if_absent(SEGMENT_FILE, b"1\n")
    synced, fsync = [], os.fsync

    def record_fsync(descriptor):
        synced.append(
            (str(Path(f"/proc/self/fd/{descriptor}").readlink()), landing_segments.count_waiting(landing.reader)[0])
        )
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record_fsync)
    landing.land()
    assert (f"{landing.store.root}/{SEGMENT_FILE}", 1) in synced
    assert landing_segments.count_waiting(landing.reader) == (0, None)


def test_the_next_segment_takes_as_long_with_many_waiting_lines(landing, monkeypatch):
    """Measured in SQLite instructions: every post waits for them, because there is one writer."""
    monkeypatch.setattr(landing_segments, "MAX_SEGMENT_LINES", 3)
    landing.wait(*[b"shown\n"] * 5000, kind="impressions")
    landing.wait(*[b"later\n"] * 5000, day=MONDAY + 1)
    landing.wait(b"1\n", b"2\n")
    hundreds = []
    landing.writer.connection.set_progress_handler(lambda: hundreds.append(1), 100)
    assert landing.writer.submit(lambda c: landing_segments.next_segment(c, "events", 20_000)).result().day == MONDAY
    assert len(hundreds) < 50


def test_a_landed_file_with_other_events_stops_landing_without_a_loss(landing):
    landing.wait(b"1\n")
    landing.store.put_if_absent(SEGMENT_FILE, b"other event\n")
    with pytest.raises(LakeError) as exc_info:
        landing.land()
    assert str(exc_info.value) == (
        f"{landing.store.root}/{SEGMENT_FILE}: contains other events than this gateway is about to land there; "
        "move this state folder away and restart the gateway; recover its new events as docs/gateway.md shows"
    )
    assert landing_segments.count_waiting(landing.reader) == (1, MONDAY)


def test_an_unwritable_lake_loses_no_event(landing):
    (landing.root / "lake").write_text("a file where the lake should be")
    landing.wait(b"1\n")
    with pytest.raises(LakeError):
        landing.land()
    (landing.root / "lake").unlink()
    assert landing.land() == 1
    assert landing.store.get(SEGMENT_FILE) == b"1\n"

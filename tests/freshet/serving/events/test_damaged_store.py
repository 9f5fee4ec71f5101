"""A gateway whose event store is damaged or removed while it runs: it refuses events and still recommends."""

import shutil
import signal
import sqlite3
from contextlib import closing

import pytest

from freshet.serving.events import event_store
from freshet.serving.events.event_store_file import connect
from freshet.serving.state_lock import state_folder
from tests.tiny_gateway import (
    ManualClocks,
    damage_store,
    gateway_process,
    gateway_settings,
    landed_lines,
    release_tiny_bundle,
    run_gateway,
    wait_for,
)

VIEW_EVENT = {"user_id": "u", "item_id": "a", "event_type": "view"}


@pytest.fixture
def client(tmp_path):
    """A gateway with one event of u and 500 more waiting lines."""
    settings, clocks = gateway_settings(tmp_path), ManualClocks()
    release_tiny_bundle(settings.lake, tmp_path)
    with run_gateway(settings, clocks.clock()) as running_gateway:
        running_gateway.clocks, running_gateway.settings = clocks, settings
        running_gateway.post("/v1/events", VIEW_EVENT)
        writer = running_gateway.gateway.writer
        lines = [("events", clocks.clock().now() // 86_400_000_000, b"x" * 1000)] * 500
        writer.submit(lambda connection: event_store.enqueue(connection, lines)).result()
        yield running_gateway


def checkpoint_wal(client):
    with closing(connect(state_folder(client.settings))) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def readiness_messages(client):
    return [reason["what"] for reason in client.get("/readyz").json()["reasons"]]


def refused_messages(client):
    response = client.post("/v1/events", VIEW_EVENT)
    return response.status_code, response.json()["what"]


def test_a_store_damaged_while_open_refuses_events_once_noticed(client):
    checkpoint_wal(client)
    damage_store(state_folder(client.settings))
    client.clocks.pass_by(86_400)  # yesterday's lines are due, and cannot be read
    wait_for(lambda: any("is damaged" in message for message in readiness_messages(client)))
    status, what = refused_messages(client)
    assert status == 503
    assert what.startswith("is damaged (database disk image is malformed): no events are stored")
    assert client.get("/healthz").json() == {"alive": True, "dead": []}
    assert client.get("/v1/recommendations", user_id="stranger", k=1).status_code == 200


def test_if_the_store_cannot_be_read_recommendations_use_the_lake(client):
    client.gateway.recommendation_worker._reader.set_progress_handler(lambda: 1, 1)  # interrupts every read
    response = client.get("/v1/recommendations", user_id="u", k=1)
    assert (response.status_code, response.json()["tier"]) == (200, "popular")


def test_a_removed_state_folder_refuses_events_and_stored_ones_land(client):
    shutil.rmtree(state_folder(client.settings))
    assert refused_messages(client) == (503, "was removed or replaced: no events are stored")
    assert "was removed or replaced: no events are stored" in readiness_messages(client)
    assert client.get("/v1/recommendations", user_id="u", k=1).json()["tier"] == "sequence"
    client.clocks.pass_by(86_400)
    wait_for(lambda: list((client.gateway.settings.gateway_state_dir.parent / "lake/landing").rglob("*.jsonl")))
    wait_for(lambda: client.get("/readyz").json()["waiting"] == 0)


def test_a_replaced_store_file_refuses_events(client):
    folder = state_folder(client.settings)
    shutil.copy(folder / "gateway.sqlite", folder / "copy")
    (folder / "copy").replace(folder / "gateway.sqlite")
    assert refused_messages(client)[0] == 503


def test_an_sqlite_error_while_counting_lines_does_not_stop_landing(tmp_path):
    settings, clocks = gateway_settings(tmp_path, flush_interval_s=0.01), ManualClocks()
    with run_gateway(settings, clocks.clock(), ready=False) as gateway:
        flusher = gateway.gateway.flusher
        flusher._reader.set_progress_handler(lambda: 1, 1)
        wait_for(lambda: "counting waiting lines" in flusher.problems)
        assert gateway.post("/v1/events", {**VIEW_EVENT, "event_id": "kept"}).status_code == 202
        flusher._reader.set_progress_handler(None, 1)
        clocks.pass_by(1200)
        wait_for(lambda: not flusher.problems)
        assert flusher.alive
    assert [line["event_id"] for line in landed_lines(settings.lake)] == ["kept"]


def test_a_gateway_does_not_start_with_a_damaged_store(tmp_path):
    with gateway_process(tmp_path, FRESHET_FLUSH_INTERVAL_S="3600") as (gateway, url):
        wait_for(lambda: is_event_accepted(url))
        gateway.send_signal(signal.SIGKILL)
        gateway.wait(60)
    (folder,) = (path.parent for path in (tmp_path / "state").rglob("gateway.sqlite"))
    with closing(connect(folder)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    damage_store(folder)
    with gateway_process(tmp_path) as (gateway, url):
        assert gateway.wait(60) == 2
        assert "gateway.sqlite: is damaged" in gateway.stderr.read()
        assert not url
    assert sqlite3.connect(folder / "gateway.sqlite").execute("SELECT 1").fetchone() == (1,)


def is_event_accepted(url):
    import httpx

    events = [{**VIEW_EVENT, "title": "x" * 500} for _ in range(200)]
    try:
        return httpx.post(f"{url}/v1/events", json=events).status_code == 202
    except httpx.HTTPError:
        return False

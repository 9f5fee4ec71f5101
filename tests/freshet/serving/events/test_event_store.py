"""The event store of a gateway: events of a shopper, unique ids, and times."""

import sqlite3
from contextlib import closing

import msgspec
import pytest

from freshet.serving.errors import GatewayError
from freshet.serving.events import event_store, event_store_file
from freshet.serving.schemas.event_schema import ValidatedEvent, parse_event
from tests.tiny_gateway import NOON_S, damage_store

NOW = NOON_S * 1_000_000
TODAY = NOW // 86_400_000_000


@pytest.fixture
def connection(tmp_path):
    event_store_file.create_store(tmp_path)
    connection = event_store_file.connect(tmp_path)
    yield connection
    connection.close()


def accepted_row(shopper, item, event_id, **overrides):
    event = msgspec.json.encode(
        {"user_id": "u", "item_id": item, "event_type": "view", "event_id": event_id, **overrides}
    )
    return shopper, parse_event(msgspec.Raw(event), "", NOW, "")


def test_a_shoppers_events_come_back_in_the_order_of_arrival(connection):
    rows = [
        accepted_row("s", "b", "1"),
        accepted_row("other", "x", "2"),
        accepted_row("s", "a", "3", title="A", category="c", price=2),
    ]
    assert event_store.add_events(connection, rows, TODAY) == ["accepted"] * 3
    actual = event_store.recent_events(connection, "s")
    assert actual.events == [("b", "view", NOON_S, TODAY), ("a", "view", NOON_S, TODAY)]
    assert actual.item_metadata == [("", "", None), ("A", "c", 2.0)]


def test_an_event_id_is_unique_in_the_shop(connection):
    assert event_store.add_events(connection, [accepted_row("s", "a", "1"), accepted_row("s", "a", "1")], TODAY) == [
        "accepted",
        "duplicate",
    ]
    others = [
        accepted_row("s", "b", "1"),
        accepted_row("t", "a", "1", user_id="t"),
        accepted_row("s", "a", "1", price=2),
    ]
    assert event_store.add_events(connection, others, TODAY + 1) == ["conflict"] * 3
    assert [event[0] for event in event_store.recent_events(connection, "s").events] == ["a"]
    assert event_store.recent_events(connection, "t").events == []
    assert connection.execute("SELECT count(*) FROM waiting").fetchone() == (1,)


def test_a_filled_in_time_is_not_compared_when_an_event_is_sent_again(connection):
    first, timed = accepted_row("s", "a", "1"), accepted_row("s", "a", "2", event_time="2026-01-05T11:00:00Z")
    event_store.add_events(connection, [first, timed], TODAY)
    second = ValidatedEvent(first[1].event, "1", NOW + 5_000_000)
    other = accepted_row("s", "a", "2", event_time="2026-01-05T11:00:01Z")
    assert event_store.add_events(connection, [("s", second), timed, other], TODAY) == [
        "duplicate",
        "duplicate",
        "conflict",
    ]


def test_only_the_last_events_of_a_shopper_are_read(connection):
    connection.execute("BEGIN")
    event_store.add_events(
        connection, [accepted_row("s", str(n), str(n)) for n in range(event_store.MAX_RECENT_EVENTS + 5)], TODAY
    )
    connection.execute("COMMIT")
    actual = event_store.recent_events(connection, "s").events
    assert [actual[0][0], actual[-1][0], len(actual)] == [
        "5",
        str(event_store.MAX_RECENT_EVENTS + 4),
        event_store.MAX_RECENT_EVENTS,
    ]


def test_the_shoppers_seen_last_come_first(connection):
    event_store.add_events(
        connection, [accepted_row(s, "a", str(n)) for n, s in enumerate(("x", "y", "x", "z"))], TODAY
    )
    assert event_store.recent_shoppers(connection, 2) == ["z", "x"]


def test_old_events_are_pruned_and_waiting_lines_stay(connection):
    event_store.add_events(connection, [accepted_row("s", "old", "1")], TODAY - 10)
    event_store.add_events(connection, [accepted_row("s", "new", "2")], TODAY)
    assert event_store.prune(connection, TODAY - 9, max_rows=100) == 1
    assert event_store.prune(connection, TODAY - 9, max_rows=100) == 0
    assert [event[0] for event in event_store.recent_events(connection, "s").events] == ["new"]
    assert connection.execute("SELECT count(*) FROM waiting").fetchone() == (2,)


def test_events_beyond_the_row_limit_are_pruned_oldest_first(connection):
    event_store.add_events(connection, [accepted_row("s", str(n), str(n)) for n in range(5)], TODAY)
    assert event_store.prune(connection, 0, max_rows=2) == 3
    assert [event[0] for event in event_store.recent_events(connection, "s").events] == ["3", "4"]


def test_every_commit_is_synced(connection):
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_gateway_keeps_its_id(tmp_path):
    assert event_store_file.create_store(tmp_path) == event_store_file.create_store(tmp_path)


def version_1_store(folder):
    """Create a store of version 1 with one event."""
    event_store_file.create_store(folder)
    with closing(event_store_file.connect(folder)) as connection:
        event_store.add_events(connection, [accepted_row("s", "a", "1", price=2)], TODAY)
        connection.executescript("ALTER TABLE events DROP COLUMN digest; PRAGMA user_version=1;")


def test_a_store_of_version_1_is_read_on(tmp_path):
    version_1_store(tmp_path)
    gateway = event_store_file.create_store(tmp_path)
    assert event_store_file.create_store(tmp_path) == gateway
    with closing(event_store_file.connect(tmp_path)) as connection:
        assert [event[0] for event in event_store.recent_events(connection, "s").events] == ["a"]
        assert connection.execute("SELECT count(*) FROM waiting").fetchone() == (1,)
        assert event_store.add_events(connection, [accepted_row("s", "a", "1", price=2)], TODAY) == ["duplicate"]
        others = [accepted_row("t", "a", "1"), accepted_row("s", "b", "1"), accepted_row("s", "b", "2")]
        assert event_store.add_events(connection, others, TODAY) == ["conflict", "conflict", "accepted"]


def test_a_store_of_another_version_is_refused(tmp_path):
    event_store_file.create_store(tmp_path)
    with sqlite3.connect(tmp_path / "gateway.sqlite") as connection:
        connection.execute("PRAGMA user_version=9")
    with pytest.raises(GatewayError) as exc_info:
        event_store_file.create_store(tmp_path)
    assert str(exc_info.value) == (
        f"{tmp_path}/gateway.sqlite: has version 9, this Freshet reads version 2; "
        "run the Freshet that wrote it until its events have landed, then move it away"
    )


def test_a_file_that_is_no_store_is_refused(tmp_path):
    (tmp_path / "gateway.sqlite").write_text("no database at all, but long enough to look like one" * 100)
    with pytest.raises(GatewayError) as exc_info:
        event_store_file.create_store(tmp_path)
    assert str(exc_info.value) == (
        f"{tmp_path}/gateway.sqlite: cannot be opened (file is not a database); "
        "move its folder away and start again; docs/gateway.md shows how to recover the waiting events"
    )


def test_a_store_that_is_damaged_somewhere_is_refused(tmp_path):
    event_store_file.create_store(tmp_path)
    with closing(event_store_file.connect(tmp_path)) as connection, connection:
        connection.execute("BEGIN")
        event_store.enqueue(connection, [("events", TODAY, b"x" * 1000)] * 500)
    damage_store(tmp_path)
    with pytest.raises(GatewayError, match=r"gateway.sqlite: is damaged \(.+\); move its folder away"):
        event_store_file.create_store(tmp_path)


def test_connecting_does_not_create_a_store(tmp_path):
    with pytest.raises(GatewayError, match=r"cannot be opened \(unable to open database file\)"):
        event_store_file.connect(tmp_path)
    assert not list(tmp_path.iterdir())

import sqlite3
from contextlib import closing

import msgspec
import pytest

from freshet.serving import ledger, ledger_file
from freshet.serving.posted import Accepted, read_event
from freshet.serving.problems import GatewayError
from tests.tiny_gateway import NOON, damage

NOW = NOON * 1_000_000
TODAY = NOW // 86_400_000_000


@pytest.fixture
def connection(tmp_path):
    ledger_file.create(tmp_path)
    connection = ledger_file.connect(tmp_path)
    yield connection
    connection.close()


def row(shopper, item, event_id, **more):
    event = msgspec.json.encode({"user_id": "u", "item_id": item, "event_type": "view", "event_id": event_id, **more})
    return shopper, read_event(msgspec.Raw(event), "", NOW, "")


def test_a_shoppers_events_come_back_in_the_order_of_arrival(connection):
    rows = [row("s", "b", "1"), row("other", "x", "2"), row("s", "a", "3", title="A", category="c", price=2)]
    assert ledger.add(connection, rows, TODAY) == ["accepted"] * 3
    found = ledger.recent(connection, "s")
    assert found.events == [("b", "view", NOON, TODAY), ("a", "view", NOON, TODAY)]
    assert found.contents == [("", "", None), ("A", "c", 2.0)]


def test_an_event_id_names_one_event_of_the_shop(connection):
    assert ledger.add(connection, [row("s", "a", "1"), row("s", "a", "1")], TODAY) == ["accepted", "duplicate"]
    others = [row("s", "b", "1"), row("t", "a", "1", user_id="t"), row("s", "a", "1", price=2)]
    assert ledger.add(connection, others, TODAY + 1) == ["conflict"] * 3
    assert [event[0] for event in ledger.recent(connection, "s").events] == ["a"]
    assert ledger.recent(connection, "t").events == []
    assert connection.execute("SELECT count(*) FROM waiting").fetchone() == (1,)


def test_the_same_event_comes_later_and_its_own_time_counts_only_where_it_brings_one(connection):
    first, timed = row("s", "a", "1"), row("s", "a", "2", event_time="2026-01-05T11:00:00Z")
    ledger.add(connection, [first, timed], TODAY)
    again = Accepted(first[1].event, "1", NOW + 5_000_000)
    other = row("s", "a", "2", event_time="2026-01-05T11:00:01Z")
    assert ledger.add(connection, [("s", again), timed, other], TODAY) == ["duplicate", "duplicate", "conflict"]


def test_only_the_last_events_of_a_shopper_are_read(connection):
    connection.execute("BEGIN")
    ledger.add(connection, [row("s", str(n), str(n)) for n in range(ledger.RECENT + 5)], TODAY)
    connection.execute("COMMIT")
    found = ledger.recent(connection, "s").events
    assert [found[0][0], found[-1][0], len(found)] == ["5", str(ledger.RECENT + 4), ledger.RECENT]


def test_the_shoppers_seen_last_come_first(connection):
    ledger.add(connection, [row(s, "a", str(n)) for n, s in enumerate(("x", "y", "x", "z"))], TODAY)
    assert ledger.recent_shoppers(connection, 2) == ["z", "x"]


def test_old_events_are_forgotten_and_what_waits_stays(connection):
    ledger.add(connection, [row("s", "old", "1")], TODAY - 10)
    ledger.add(connection, [row("s", "new", "2")], TODAY)
    assert ledger.prune(connection, TODAY - 9, rows=100) == 1
    assert ledger.prune(connection, TODAY - 9, rows=100) == 0
    assert [event[0] for event in ledger.recent(connection, "s").events] == ["new"]
    assert connection.execute("SELECT count(*) FROM waiting").fetchone() == (2,)


def test_more_events_than_there_is_room_for_are_forgotten_oldest_first(connection):
    ledger.add(connection, [row("s", str(n), str(n)) for n in range(5)], TODAY)
    assert ledger.prune(connection, 0, rows=2) == 3
    assert [event[0] for event in ledger.recent(connection, "s").events] == ["3", "4"]


def test_every_commit_is_synced(connection):
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_gateway_keeps_its_id(tmp_path):
    assert ledger_file.create(tmp_path) == ledger_file.create(tmp_path)


def former(folder):
    """A store as version 1 had it, with one event in it."""
    ledger_file.create(folder)
    with closing(ledger_file.connect(folder)) as connection:
        ledger.add(connection, [row("s", "a", "1", price=2)], TODAY)
        connection.executescript("ALTER TABLE events DROP COLUMN digest; PRAGMA user_version=1;")


def test_a_store_of_version_1_is_read_on(tmp_path):
    former(tmp_path)
    gateway = ledger_file.create(tmp_path)
    assert ledger_file.create(tmp_path) == gateway
    with closing(ledger_file.connect(tmp_path)) as connection:
        assert [event[0] for event in ledger.recent(connection, "s").events] == ["a"]
        assert connection.execute("SELECT count(*) FROM waiting").fetchone() == (1,)
        assert ledger.add(connection, [row("s", "a", "1", price=2)], TODAY) == ["duplicate"]
        others = [row("t", "a", "1"), row("s", "b", "1"), row("s", "b", "2")]
        assert ledger.add(connection, others, TODAY) == ["conflict", "conflict", "accepted"]


def test_a_store_of_another_version_is_refused(tmp_path):
    ledger_file.create(tmp_path)
    with sqlite3.connect(tmp_path / "gateway.sqlite") as connection:
        connection.execute("PRAGMA user_version=9")
    with pytest.raises(GatewayError) as caught:
        ledger_file.create(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/gateway.sqlite: is of version 9, this Freshet reads 2; "
        "start the Freshet that wrote it until its events have landed, then set it aside"
    )


def test_a_file_that_is_no_store_is_refused(tmp_path):
    (tmp_path / "gateway.sqlite").write_text("no database at all, but long enough to look like one" * 100)
    with pytest.raises(GatewayError) as caught:
        ledger_file.create(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/gateway.sqlite: cannot be opened (file is not a database); "
        "set its folder aside and start again; docs/gateway.md says how to save what waited in it"
    )


def test_a_store_that_is_damaged_somewhere_is_refused(tmp_path):
    ledger_file.create(tmp_path)
    with closing(ledger_file.connect(tmp_path)) as connection, connection:
        connection.execute("BEGIN")
        ledger.wait(connection, [("events", TODAY, b"x" * 1000)] * 500)
    damage(tmp_path)
    with pytest.raises(GatewayError, match=r"gateway.sqlite: is damaged \(.+\); set its folder aside"):
        ledger_file.create(tmp_path)


def test_only_a_store_that_is_there_is_connected_to(tmp_path):
    with pytest.raises(GatewayError, match=r"cannot be opened \(unable to open database file\)"):
        ledger_file.connect(tmp_path)
    assert not list(tmp_path.iterdir())

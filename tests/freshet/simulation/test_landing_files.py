"""The landing files of the simulated shop: columns, duplicates, late and bad rows."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from freshet.simulation.landing_files import HEADER, DeliveryStats, write_landing_files
from freshet.simulation.params import ShopParams
from freshet.simulation.shop import generate

SHOP = generate(ShopParams(shoppers=300, items=120, days=4))


@pytest.fixture(scope="module")
def landing_export(tmp_path_factory: pytest.TempPathFactory) -> DeliveryStats:
    return write_landing_files(SHOP, tmp_path_factory.mktemp("export") / "new")


def csv_lines(delivered: DeliveryStats) -> list[dict[str, str]]:
    return [row for path in delivered.files for row in csv.DictReader(path.open())]


def test_a_file_a_day_with_the_agreed_columns(landing_export: DeliveryStats) -> None:
    days = ("2026-01-05", "2026-01-06", "2026-01-07", "2026-01-08")
    assert [path.name for path in landing_export.files] == [f"events-{day}.csv" for day in days]
    assert tuple(csv_lines(landing_export)[0]) == HEADER


def test_rows_are_events_and_duplicates_and_bad_ones(landing_export: DeliveryStats) -> None:
    csv_rows = csv_lines(landing_export)
    assert (
        len(csv_rows) == landing_export.rows == landing_export.events + landing_export.duplicates + landing_export.bad
    )
    assert landing_export.events == len(SHOP.events)
    times_each = Counter(Counter(row["event_id"] for row in csv_rows).values())
    assert times_each == {
        1: landing_export.events + landing_export.bad - landing_export.duplicates,
        2: landing_export.duplicates,
    }


def test_bad_rows_are_of_the_three_kinds_and_few(landing_export: DeliveryStats) -> None:
    csv_rows = csv_lines(landing_export)
    no_item = sum(row["item_id"] == "" for row in csv_rows)
    unknown = sum(row["event_type"] == "hover" for row in csv_rows)
    future = sum(row["event_time"] > "2030" for row in csv_rows)
    assert no_item > 0
    assert unknown > 0
    assert future > 0
    assert no_item + unknown + future == landing_export.bad < 0.01 * landing_export.rows


def test_a_few_events_land_a_day_late_and_none_early(landing_export: DeliveryStats) -> None:
    n_late = 0
    for path in landing_export.files:
        day = path.stem.removeprefix("events-")
        times = [row["event_time"][:10] for row in csv.DictReader(path.open()) if row["event_time"] < "2030"]
        assert max(times) == day
        n_late += sum(time < day for time in times)
    assert 0 < n_late < 0.02 * landing_export.rows


def test_a_guest_has_a_session_but_no_user(landing_export: DeliveryStats) -> None:
    guests = [row for row in csv_lines(landing_export) if row["user_id"] == ""]
    assert 0.1 < len(guests) / landing_export.rows < 0.4
    assert all(row["session_id"] for row in guests)


def test_a_day_has_the_same_file_whether_it_is_written_alone_or_with_others(
    landing_export: DeliveryStats, tmp_path: Path
) -> None:
    parts = [write_landing_files(SHOP, tmp_path, days) for days in (range(1), range(1, 4))]
    assert [path.name for part in parts for path in part.files] == [path.name for path in landing_export.files]
    assert [path.read_bytes() for part in parts for path in part.files] == [
        p.read_bytes() for p in landing_export.files
    ]
    assert sum(part.rows for part in parts) == landing_export.rows
    assert [len(part.files) for part in parts] == [1, 3]
    assert parts[0].rows == len(list(csv.DictReader(parts[0].files[0].open())))


def test_the_same_seed_gives_the_same_bytes(landing_export: DeliveryStats, tmp_path: Path) -> None:
    rerun = write_landing_files(generate(SHOP.params), tmp_path)
    assert [path.read_bytes() for path in rerun.files] == [path.read_bytes() for path in landing_export.files]


def test_who_logs_in_half_way_is_a_session_first_and_then_both(landing_export: DeliveryStats) -> None:
    users: dict[str, list[str]] = {}
    for row in sorted(csv_lines(landing_export), key=lambda row: row["event_time"]):
        users.setdefault(row["session_id"], []).append(row["user_id"])
    login_sessions = [user_rows for user_rows in users.values() if user_rows[0] == "" and user_rows[-1] != ""]
    assert len(login_sessions) > 10
    assert all(len(set(who)) == 2 for who in login_sessions)

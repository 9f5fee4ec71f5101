import csv
from collections import Counter
from pathlib import Path

import pytest

from freshet.simulation.landing_files import HEADER, Delivered, write_landing_files
from freshet.simulation.params import ShopParams
from freshet.simulation.shop import generate

SHOP = generate(ShopParams(shoppers=300, items=120, days=4))


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    return write_landing_files(SHOP, tmp_path_factory.mktemp("export") / "new")


def rows(delivered: Delivered) -> list[dict[str, str]]:
    return [row for path in delivered.files for row in csv.DictReader(path.open())]


def test_a_file_a_day_with_the_agreed_columns(delivered: Delivered) -> None:
    days = ("2026-01-05", "2026-01-06", "2026-01-07", "2026-01-08")
    assert [path.name for path in delivered.files] == [f"events-{day}.csv" for day in days]
    assert tuple(rows(delivered)[0]) == HEADER


def test_rows_are_events_and_duplicates_and_bad_ones(delivered: Delivered) -> None:
    written = rows(delivered)
    assert len(written) == delivered.rows == delivered.events + delivered.duplicates + delivered.bad
    assert delivered.events == len(SHOP.events)
    times_each = Counter(Counter(row["event_id"] for row in written).values())
    assert times_each == {1: delivered.events + delivered.bad - delivered.duplicates, 2: delivered.duplicates}


def test_bad_rows_are_of_the_three_kinds_and_few(delivered: Delivered) -> None:
    written = rows(delivered)
    no_item = sum(row["item_id"] == "" for row in written)
    unknown = sum(row["event_type"] == "hover" for row in written)
    future = sum(row["event_time"] > "2030" for row in written)
    assert no_item > 0
    assert unknown > 0
    assert future > 0
    assert no_item + unknown + future == delivered.bad < 0.01 * delivered.rows


def test_a_few_events_land_a_day_late_and_none_early(delivered: Delivered) -> None:
    late = 0
    for path in delivered.files:
        day = path.stem.removeprefix("events-")
        times = [row["event_time"][:10] for row in csv.DictReader(path.open()) if row["event_time"] < "2030"]
        assert max(times) == day
        late += sum(time < day for time in times)
    assert 0 < late < 0.02 * delivered.rows


def test_a_guest_has_a_session_but_no_user(delivered: Delivered) -> None:
    guests = [row for row in rows(delivered) if row["user_id"] == ""]
    assert 0.1 < len(guests) / delivered.rows < 0.4
    assert all(row["session_id"] for row in guests)


def test_a_day_has_the_same_file_whether_it_is_written_alone_or_with_others(
    delivered: Delivered, tmp_path: Path
) -> None:
    parts = [write_landing_files(SHOP, tmp_path, days) for days in (range(1), range(1, 4))]
    assert [path.name for part in parts for path in part.files] == [path.name for path in delivered.files]
    assert [path.read_bytes() for part in parts for path in part.files] == [p.read_bytes() for p in delivered.files]
    assert sum(part.rows for part in parts) == delivered.rows
    assert [len(part.files) for part in parts] == [1, 3]
    assert parts[0].rows == len(list(csv.DictReader(parts[0].files[0].open())))


def test_the_same_seed_gives_the_same_bytes(delivered: Delivered, tmp_path: Path) -> None:
    again = write_landing_files(generate(SHOP.params), tmp_path)
    assert [path.read_bytes() for path in again.files] == [path.read_bytes() for path in delivered.files]


def test_who_logs_in_half_way_is_a_session_first_and_then_both(delivered: Delivered) -> None:
    users: dict[str, list[str]] = {}
    for row in sorted(rows(delivered), key=lambda row: row["event_time"]):
        users.setdefault(row["session_id"], []).append(row["user_id"])
    turned = [who for who in users.values() if who[0] == "" and who[-1] != ""]
    assert len(turned) > 10
    assert all(len(set(who)) == 2 for who in turned)

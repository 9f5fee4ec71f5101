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
    assert 0.05 < len(guests) / delivered.rows < 0.3
    assert all(row["session_id"] for row in guests)


def test_the_same_shop_gives_the_same_files(delivered: Delivered, tmp_path: Path) -> None:
    again = write_landing_files(SHOP, tmp_path)
    assert [path.read_bytes() for path in again.files] == [path.read_bytes() for path in delivered.files]

"""The landing's listing."""

from datetime import date

from freshet.landing import LandedFile, landed_files, landing_days
from freshet.store import open_store


def store_with_files(folder, *names):
    store = open_store(str(folder))
    for name in names:
        store.put(f"landing/events/{name}", b"x")
    return store


def test_files_come_by_day_and_name_and_hidden_ones_do_not(tmp_path):
    store = store_with_files(
        tmp_path, "dt=2024-01-02/b.csv", "dt=2024-01-01/z.csv", "dt=2024-01-01/a/b.csv", "dt=2024-01-01/_SUCCESS",
        "dt=2024-01-01/.a.csv", "dt=soon/a.csv", "a.csv",
    )  # fmt: skip
    first_day, second_day = date(2024, 1, 1), date(2024, 1, 2)
    assert landed_files(store) == [
        LandedFile(first_day, "dt=2024-01-01/a/b.csv"),
        LandedFile(first_day, "dt=2024-01-01/z.csv"),
        LandedFile(second_day, "dt=2024-01-02/b.csv"),
    ]
    assert landed_files(store, [second_day]) == [LandedFile(second_day, "dt=2024-01-02/b.csv")]
    assert landing_days(store) == [first_day, second_day]


def test_many_days_are_listed_as_one_by_one(tmp_path):
    store = store_with_files(tmp_path, *(f"dt=2024-01-{day:02}/a.csv" for day in range(1, 13)))
    days = [date(2024, 1, day) for day in range(2, 12)]
    assert [file.day for file in landed_files(store, days)] == days


def test_an_empty_lake_has_no_landing_days(tmp_path):
    assert landing_days(open_store(str(tmp_path / "none"))) == []

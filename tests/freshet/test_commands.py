"""Command lines that messages name."""

from datetime import date

from freshet.commands import materialize_hint
from freshet.store import open_store


def test_a_future_day_is_in_no_range(tmp_path):
    store = open_store(str(tmp_path))
    for day in ("2024-03-01", "2024-03-02", "2024-03-03"):
        store.put(f"landing/events/dt={day}/a.csv", b"x")
    assert "--partition-range 2024-03-01...2024-03-02`" in materialize_hint(store, today=date(2024, 3, 2))
    assert materialize_hint(store, today=date(2024, 2, 29)).startswith("land some days")
    assert "--partition-range 2024-03-01...2024-03-03`" in materialize_hint(store)

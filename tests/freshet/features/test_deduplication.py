"""An event on two days, one of which cannot be rebuilt, is published once."""

import pytest

from freshet.features.deduplication import SHARED_IDS_REASON
from freshet.ingest.mapping.source_mapping import read_mapping
from tests import tiny_lake
from tests.gate_cases import refusal_reason
from tests.world import DAY2, DAY3, DAYS, DELIVERIES, KEY

pytestmark = pytest.mark.spark

EVENT_8 = "e8,2024-03-03 12:00:00,ann,s1,pen,purchase,3,1.20,Pen,office\n"
EARLIER_DAY_FILES = {"a.csv": DELIVERIES[DAY2]["a.csv"] + EVENT_8}  # an event of day 3 under day 2


@pytest.fixture(scope="module")
def moved_event_runs(spark, tmp_path_factory):
    """Three good days; then day 3 is broken, day 2 gets an event of day 3, and day 3 is corrected."""
    settings = tiny_lake.shop_settings(tmp_path_factory.mktemp("across"))
    tiny_lake.deliver_all_days(settings)
    session = tiny_lake.lake_session(spark, settings)

    def published_events():
        rows = session.table("lake.shop.events").select("event_id", "landing_date").collect()
        return sorted((row.event_id, row.landing_date) for row in rows)

    tiny_lake.run_events(tiny_lake.day_run(session, settings, DAYS))
    rows_before = published_events()
    tiny_lake.deliver_files(settings, DAY3, {"a.csv": ""})
    tiny_lake.day_run(session, settings, [DAY3]).publish_raw_events(read_mapping(settings.mapping), KEY)
    tiny_lake.deliver_files(settings, DAY2, EARLIER_DAY_FILES)
    stuck = tiny_lake.run_events(tiny_lake.day_run(session, settings, [DAY2]))["events"]
    rows_during = published_events()
    tiny_lake.deliver_files(settings, DAY3, DELIVERIES[DAY3])
    fixed_result = tiny_lake.run_events(tiny_lake.day_run(session, settings, [DAY3]))["events"]
    return rows_before, stuck, rows_during, fixed_result, published_events()


def test_an_event_of_a_day_that_cannot_be_rebuilt_is_not_published_twice(moved_event_runs):
    before, stuck, rows_during, _, _ = moved_event_runs
    assert stuck.refused == {
        str(DAY2): [
            refusal_reason("events", "event_ids_count_once", shared_ids=1, rows=4, shared_ids_days="2024-03-03 (1)")
        ]
    }
    assert rows_during == before


def test_a_day_nearby_whose_raw_rows_were_refused_is_named(moved_event_runs):
    _, stuck, _, _, _ = moved_event_runs
    assert stuck.notes == (
        "raw_events 2024-03-03 were refused: the search for duplicates uses the rows published before; "
        "run that day again when its files are corrected, the days nearby are then rebuilt with it",
    )


def test_when_that_day_is_corrected_the_waiting_day_is_published_with_it(moved_event_runs):
    before, _, _, fixed_result, after = moved_event_runs
    assert (fixed_result.published, fixed_result.added_days) == ((DAY2, DAY3), {DAY2: SHARED_IDS_REASON})
    assert after == sorted(("e8", DAY2) if id_ == "e8" else (id_, day) for id_, day in before)

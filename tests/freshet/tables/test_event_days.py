"""Events once across days where a day cannot be made: readers never see one twice, and it heals when that is mended."""

import pytest

from freshet.tables.event_days import COUNTED_IN
from freshet.tables.mapping import read
from tests import tiny_lake
from tests.world import DAY2, DAY3, DAYS, DELIVERIES, KEY

pytestmark = pytest.mark.spark

E8 = "e8,2024-03-03 12:00:00,ann,s1,pen,purchase,3,1.20,Pen,office\n"
EARLIER = {"a.csv": DELIVERIES[DAY2]["a.csv"] + E8}  # an event of day 3 under day 2


@pytest.fixture(scope="module")
def story(spark, tmp_path_factory):
    """Three good days; then day 3 is broken, day 2 holds an event of day 3, and day 3 is mended."""
    settings = tiny_lake.shop(tmp_path_factory.mktemp("across"))
    tiny_lake.deliver_all(settings)
    own = tiny_lake.session_on(spark, settings)

    def seen():
        rows = own.table("lake.shop.events").select("event_id", "landing_date").collect()
        return sorted((row.event_id, row.landing_date) for row in rows)

    tiny_lake.run_events(tiny_lake.day_run(own, settings, DAYS))
    before = seen()
    tiny_lake.deliver(settings, DAY3, {"a.csv": ""})
    tiny_lake.day_run(own, settings, [DAY3]).raw_events(read(settings.mapping), KEY)
    tiny_lake.deliver(settings, DAY2, EARLIER)
    stuck = tiny_lake.run_events(tiny_lake.day_run(own, settings, [DAY2]))["events"]
    meanwhile = seen()
    tiny_lake.deliver(settings, DAY3, DELIVERIES[DAY3])
    mended = tiny_lake.run_events(tiny_lake.day_run(own, settings, [DAY3]))["events"]
    return before, stuck, meanwhile, mended, seen()


def test_an_event_that_a_day_which_cannot_be_made_again_holds_is_not_published_twice(story):
    before, stuck, meanwhile, _, _ = story
    assert stuck.refused == {
        str(DAY2): [
            "1 of 4 event ids also stand in the published events of 2024-03-03 (1); mend those days where they were "
            "refused (`freshet days`), then run the daily tables of all of them as one range"
        ]
    }
    assert meanwhile == before


def test_a_neighbour_whose_raw_rows_were_refused_is_named(story):
    _, stuck, _, _, _ = story
    assert stuck.notes == (
        "raw_events 2024-03-03 were refused: when copies are looked for, its rows of before count; "
        "run that day again when it is mended, the days around it follow",
    )


def test_when_that_day_is_mended_the_day_that_waited_is_published_with_it(story):
    before, _, _, mended, after = story
    assert (mended.published, mended.along) == ((DAY2, DAY3), {DAY2: COUNTED_IN})
    assert after == sorted(("e8", DAY2) if id_ == "e8" else (id_, day) for id_, day in before)

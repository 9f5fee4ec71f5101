"""Days run as the assets run them: good ones, broken ones, ranges and single days, again and after mending."""

import gzip
import shutil
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest

from freshet import days as day_records
from freshet.store import open_store
from freshet.tables import features
from freshet.tables.mapping import read
from freshet.tables.schemas import IMPRESSIONS, TABLES, USER_FEATURES
from tests import tiny_lake
from tests.tiny_lake import rows_of
from tests.world import DAY1, DAY2, DAY3, DAYS, DELIVERIES, EVENTS, HEADER, KEY, QUARANTINED, RAW

pytestmark = pytest.mark.spark

# Made from what the shop delivers; impressions are the gateway's, and have a test file of their own.
DAILY = [table.name for table in TABLES if table.daily and table is not IMPRESSIONS]
DAY4, DAY5, DAY6, DAY7, DAY8 = (date(2024, 3, day) for day in (4, 5, 6, 7, 8))
WEEK = (DAY3, DAY4, DAY5, DAY6, DAY7)
MIDDLE = (
    "dt=2024-03-04/late.csv.gz ends in the middle of its compressed data (deliver the whole file again); "
    "put a good copy in its place (or delete it and land the mended export) and run the day again"
)


def row(number: int, day: date, item: str = "mug") -> str:
    visit = sha256(str(number).encode()).hexdigest()  # something that cannot be compressed
    return f"x{day.day}.{number},{day} 09:00:00,,{visit},{item},view,,1,Mug,kitchen\n"


def many(day: date) -> str:
    """So many rows that a look at the beginning does not show where the file ends."""
    return HEADER + "".join(row(number, day) for number in range(400))


# The tables of the whole shop.


def test_landed_rows_are_conserved_on_every_day(shop):
    seen = shop.publications["events"].profile
    names = ["landed", "skipped", "quarantined", "duplicate", "rows", "lost"]
    assert {day: list(seen.loc[day, names]) for day in DAYS} == {
        DAY1: [7, 1, 1, 1, 4, 0],
        DAY2: [5, 0, 1, 1, 3, 0],
        DAY3: [4, 1, 0, 0, 3, 0],
    }
    assert list(seen["worst"]) == ["missing_item 1", "bad_price 1", "none"]


def test_every_landed_row_is_in_raw_events(shop):
    seen = shop.publications["raw_events"].profile
    assert {day: (seen.at[day, "rows"], seen.at[day, "skipped"]) for day in DAYS} == RAW
    assert len(rows_of(shop.spark, "raw_events")) == 16


def test_rows_that_break_the_contract_wait_in_quarantine_with_the_reason(shop):
    rows = shop.spark.table("lake.shop.quarantined_events").select("event_id", "reason", "landing_date").collect()
    assert sorted(tuple(r) for r in rows) == QUARANTINED


def test_events_are_the_valid_rows_each_once_with_their_shopper_and_their_place(shop):
    columns = [
        "event_id",
        "item_id",
        "event_type",
        "event_time",
        "shopper",
        "landing_date",
        "source_file",
        "source_row",
    ]
    rows = shop.spark.table("lake.shop.events").select(columns).collect()
    assert sorted(tuple(r) for r in rows) == sorted(EVENTS)


def test_every_table_published_every_day_and_wrote_it_down(shop):
    store = tiny_lake.open_store(shop.settings.lake)
    for name in DAILY:
        verdicts = {day: r.verdict for day, r in day_records.read(store, name).items()}
        assert (name, verdicts) == (name, dict.fromkeys(DAYS, "published"))


@pytest.fixture(scope="module")
def one_by_one(spark, tmp_path_factory):
    """The same shop, one run a day."""
    settings = tiny_lake.shop(tmp_path_factory.mktemp("single"))
    tiny_lake.deliver_all(settings)
    own = tiny_lake.session_on(spark, settings)
    for day in DAYS:
        run = tiny_lake.day_run(own, settings, [day])
        tiny_lake.run_events(run)
        tiny_lake.run_features(run)
    return own, settings


@pytest.mark.parametrize("table", DAILY)
def test_runs_of_single_days_give_the_tables_of_one_run_over_the_range(shop, one_by_one, table):
    assert rows_of(one_by_one[0], table) == rows_of(shop.spark, table)


def test_a_day_run_again_gives_the_same_rows(shop, one_by_one):
    own, settings = one_by_one
    run = tiny_lake.day_run(own, settings, [DAY1])
    again = {**tiny_lake.run_events(run), **tiny_lake.run_features(run)}
    assert {name: done.message() for name, done in again.items()} == dict.fromkeys(DAILY, "")
    assert {name: rows_of(own, name) for name in DAILY} == {name: rows_of(shop.spark, name) for name in DAILY}


# Bad days within a range.


@pytest.fixture(scope="module")
def week(spark, tmp_path_factory):
    """Day 3 is good, day 4 has a file cut short, day 5 no delivery, day 6 only bad rows, day 7 a file without rows."""
    settings = tiny_lake.shop(tmp_path_factory.mktemp("week"))
    packed = gzip.compress(many(DAY4).encode())
    tiny_lake.deliver(settings, DAY3, DELIVERIES[DAY3])
    tiny_lake.deliver(settings, DAY4, {"good.csv": HEADER + row(1, DAY4), "late.csv.gz": packed[: len(packed) // 2]})
    tiny_lake.deliver(settings, DAY6, {"bad.csv": HEADER + row(1, DAY6, "") + row(2, DAY6, "") + row(3, DAY6, "")})
    tiny_lake.deliver(settings, DAY7, {"good.csv": HEADER + row(1, DAY7) + row(2, DAY7), "silent.csv": HEADER})
    own = tiny_lake.session_on(spark, settings)
    run = tiny_lake.day_run(own, settings, WEEK)
    done = tiny_lake.run_events(run)
    done["user_features"] = run.from_events(USER_FEATURES, features.user_features, "rows", None)
    return own, settings, done


def count(spark, table, day):
    return spark.table(f"lake.shop.{table}").where(f"landing_date = DATE '{day}'").count()


def test_a_file_cut_short_refuses_its_day_only_and_is_named(week):
    _, _, done = week
    assert done["raw_events"].published == (DAY3, DAY6, DAY7)
    assert done["raw_events"].message() == f"raw_events 2024-03-04: {MIDDLE}"
    assert done["raw_events"].rows == 4 + 0 + 3 + 2


def test_the_tables_after_it_refuse_the_day_too_and_pass_the_reason_on(week):
    _, _, done = week
    assert done["quarantined_events"].published == (DAY3, DAY6, DAY7)
    assert done["events"].refused["2024-03-04"] == [
        f"raw_events of that day were refused ({MIDDLE}); "
        "materialize raw_events of that day first, or mend what its gate refused"
    ]


def warned(publication, rule):
    (finding,) = [finding for finding in publication.judgement.findings if finding.rule.name == rule]
    return [(culprit.where, culprit.finding) for culprit in finding.culprits]


def test_a_day_without_a_delivery_is_empty_in_every_table_with_a_warning_in_the_first(week):
    _, settings, done = week
    assert warned(done["raw_events"], "delivery_arrived") == [("2024-03-05", "no file landed")]
    assert {name: publication.empty for name, publication in done.items()} == dict.fromkeys(done, (DAY5,))
    verdicts = {name: day_records.read(open_store(settings.lake), name, [DAY5])[DAY5].verdict for name in done}
    assert verdicts == dict.fromkeys(done, "empty")


def test_days_run_without_the_one_between_still_look_back_at_it(spark, tmp_path):
    settings = tiny_lake.shop(tmp_path)
    tiny_lake.deliver_all(settings)
    tiny_lake.deliver(settings, DAY3, {"b.csv": DELIVERIES[DAY2]["a.csv"]})
    own = tiny_lake.session_on(spark, settings)
    tiny_lake.run_events(tiny_lake.day_run(own, settings, DAYS))
    together = rows_of(own, "events")
    tiny_lake.run_events(tiny_lake.day_run(own, settings, [DAY1, DAY3]))
    assert rows_of(own, "events") == together


def test_a_delivery_without_rows_is_no_empty_day(spark, tmp_path):
    settings = tiny_lake.shop(tmp_path)
    tiny_lake.deliver(settings, DAY3, {"silent.csv": HEADER})
    done = tiny_lake.run_events(tiny_lake.day_run(tiny_lake.session_on(spark, settings), settings, [DAY3]))
    assert {name: (p.published, p.empty, p.rows) for name, p in done.items()} == dict.fromkeys(done, ((DAY3,), (), 0))


def test_a_file_without_rows_is_a_warning(week):
    _, _, done = week
    assert warned(done["raw_events"], "every_file_gave_rows") == [("2024-03-07", "1 of 2 files gave no row")]


def test_a_day_whose_rows_are_all_bad_is_not_published_and_its_rows_wait_in_quarantine(week):
    own, _, done = week
    assert done["events"].refused["2024-03-06"] == [
        "3 of 3 rows break the contract (missing_item 3; limit 0.25); "
        "look at quarantined_events of that day, mend the export or the mapping, then run the day again"
    ]
    assert count(own, "quarantined_events", DAY6) == 3
    assert count(own, "events", DAY6) == 0


def test_good_days_of_the_range_are_published_down_to_the_features(week):
    own, _, done = week
    assert done["events"].published == (DAY3, DAY7)
    assert done["user_features"].published == (DAY3, DAY7)
    assert sorted(done["user_features"].refused) == ["2024-03-04", "2024-03-06"]
    assert [count(own, "user_features", day) for day in WEEK] == [3, 0, 0, 0, 2]


def test_the_whole_file_delivered_again_makes_the_day_good(week):
    own, settings, _ = week
    tiny_lake.deliver(settings, DAY4, {"late.csv.gz": gzip.compress(many(DAY4).encode())})
    done = tiny_lake.run_events(tiny_lake.day_run(own, settings, [DAY4]))
    assert done["events"].message() == ""
    # x4.1 stands in both files; late.csv.gz comes after good.csv, so there it is the duplicate.
    assert list(done["events"].profile.loc[DAY4, ["landed", "duplicate", "rows"]]) == [401, 1, 400]
    assert count(own, "events", DAY4) == 400


def test_a_day_whose_files_are_gone_loses_its_rows_when_it_is_run_again(week):
    own, settings, _ = week
    shutil.rmtree(Path(settings.lake) / "landing" / "events" / f"dt={DAY7}")
    run = tiny_lake.day_run(own, settings, [DAY7])
    done = tiny_lake.run_events(run)["events"]
    assert (done.published, done.empty) == ((), (DAY7,))
    run.from_events(USER_FEATURES, features.user_features, "rows", None)
    assert [count(own, table, DAY7) for table in ("raw_events", "events", "user_features")] == [0, 0, 0]


def test_a_day_with_nothing_but_a_broken_file_is_refused_before_spark_reads_it(week):
    own, settings, _ = week
    tiny_lake.deliver(settings, DAY8, {"empty.csv": ""})
    done = tiny_lake.day_run(own, settings, [DAY8]).raw_events(read(settings.mapping), KEY)
    assert (done.published, done.rows) == ((), 0)
    assert done.message() == (
        "raw_events 2024-03-08: dt=2024-03-08/empty.csv is empty (deliver it again, or remove it if nothing happened "
        "that day); put a good copy in its place (or delete it and land the mended export) and run the day again"
    )


def test_events_run_without_their_quarantine_do_not_add_up_and_the_day_stays_as_it_was(week):
    own, settings, _ = week
    tiny_lake.deliver(settings, DAY3, {"more.csv": HEADER + row(1, DAY3, "") + row(2, DAY3)})
    run = tiny_lake.day_run(own, settings, [DAY3])
    run.raw_events(read(settings.mapping), KEY)
    assert run.events().message() == (
        "events 2024-03-03: landed 6 ≠ skipped 1 + quarantined 0 + duplicate 0 + published 4; "
        "materialize raw_events, quarantined_events and events of that day in one run"
    )
    assert count(own, "events", DAY3) == 3

"""Runs of daily tables: good and broken days, ranges and single days, repeated and corrected."""

import gzip
import shutil
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest

from freshet.features import daily
from freshet.features.deduplication import publish_events
from freshet.ingest.mapping.source_mapping import read_mapping
from freshet.store import open_store
from freshet.tables import day_records
from freshet.tables.schemas import IMPRESSIONS, TABLES, USER_FEATURES
from tests import tiny_lake
from tests.gate_cases import refusal_reason
from tests.tiny_lake import published_rows
from tests.world import DAY1, DAY2, DAY3, DAYS, DELIVERIES, EVENTS, HEADER, KEY, QUARANTINED, RAW_COUNTS

pytestmark = pytest.mark.spark

# Tables of the shop's files; impressions come from the gateway: test_impressions.py.
DAILY_TABLES = [table.name for table in TABLES if table.daily and table is not IMPRESSIONS]
DAY4, DAY5, DAY6, DAY7, DAY8 = (date(2024, 3, day) for day in (4, 5, 6, 7, 8))
WEEK = (DAY3, DAY4, DAY5, DAY6, DAY7)
BROKEN_FILE_MESSAGE = refusal_reason(
    "raw_events", "files_are_readable",
    file_problems="dt=2024-03-04/late.csv.gz ends in the middle of its compressed data (deliver the whole file again)",
)  # fmt: skip


def csv_row(number: int, day: date, item: str = "mug") -> str:
    visit = sha256(str(number).encode()).hexdigest()  # something that cannot be compressed
    return f"x{day.day}.{number},{day} 09:00:00,,{visit},{item},view,,1,Mug,kitchen\n"


def many_lines(day: date) -> str:
    """So many rows that a sample of the beginning does not reach the end of the file."""
    return HEADER + "".join(csv_row(number, day) for number in range(400))


# The tables of all landing days.


def test_landed_rows_are_conserved_on_every_day(shop):
    profile_frame = shop.publications["events"].profile
    names = ["landed", "skipped", "quarantined", "duplicate", "rows", "unaccounted_rows"]
    assert {day: list(profile_frame.loc[day, names]) for day in DAYS} == {
        DAY1: [7, 1, 1, 1, 4, 0],
        DAY2: [5, 0, 1, 1, 3, 0],
        DAY3: [4, 1, 0, 0, 3, 0],
    }
    assert list(profile_frame["top_reason"]) == ["missing_item 1", "bad_price 1", "none"]


def test_every_landed_row_is_in_raw_events(shop):
    profile_frame = shop.publications["raw_events"].profile
    assert {day: (profile_frame.at[day, "rows"], profile_frame.at[day, "skipped"]) for day in DAYS} == RAW_COUNTS
    assert len(published_rows(shop.spark, "raw_events")) == 16


def test_rows_that_break_the_contract_wait_in_quarantine_with_the_reason(shop):
    rows = shop.spark.table("lake.shop.quarantined_events").select("event_id", "reason", "landing_date").collect()
    assert sorted(tuple(r) for r in rows) == QUARANTINED


def test_events_are_the_valid_rows_each_once_with_shopper_and_position(shop):
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


def test_every_table_published_and_recorded_every_day(shop):
    store = tiny_lake.open_store(shop.settings.lake)
    for name in DAILY_TABLES:
        verdicts = {day: r.verdict for day, r in day_records.latest_records(store, name).items()}
        assert (name, verdicts) == (name, dict.fromkeys(DAYS, "published"))


@pytest.fixture(scope="module")
def day_by_day_lake(spark, tmp_path_factory):
    """The same shop, one run a day."""
    settings = tiny_lake.shop_settings(tmp_path_factory.mktemp("single"))
    tiny_lake.deliver_all_days(settings)
    session = tiny_lake.lake_session(spark, settings)
    for day in DAYS:
        run = tiny_lake.day_run(session, settings, [day])
        tiny_lake.run_events(run)
        tiny_lake.run_features(run)
    return session, settings


@pytest.mark.parametrize("table", DAILY_TABLES)
def test_runs_of_single_days_give_the_tables_of_one_run_over_the_range(shop, day_by_day_lake, table):
    assert published_rows(day_by_day_lake[0], table) == published_rows(shop.spark, table)


def test_a_day_run_again_gives_the_same_rows(shop, day_by_day_lake):
    session, settings = day_by_day_lake
    run = tiny_lake.day_run(session, settings, [DAY1])
    rerun = {**tiny_lake.run_events(run), **tiny_lake.run_features(run)}
    assert {name: publish_result.message() for name, publish_result in rerun.items()} == dict.fromkeys(DAILY_TABLES, "")
    assert {name: published_rows(session, name) for name in DAILY_TABLES} == {
        name: published_rows(shop.spark, name) for name in DAILY_TABLES
    }


# Bad days within a range.


@pytest.fixture(scope="module")
def week_lake(spark, tmp_path_factory):
    """Day 3 is good, day 4 has a file cut short, day 5 no delivery, day 6 only bad rows, day 7 a file without rows."""
    settings = tiny_lake.shop_settings(tmp_path_factory.mktemp("week"))
    packed = gzip.compress(many_lines(DAY4).encode())
    tiny_lake.deliver_files(settings, DAY3, DELIVERIES[DAY3])
    tiny_lake.deliver_files(
        settings, DAY4, {"good.csv": HEADER + csv_row(1, DAY4), "late.csv.gz": packed[: len(packed) // 2]}
    )
    tiny_lake.deliver_files(
        settings, DAY6, {"bad.csv": HEADER + csv_row(1, DAY6, "") + csv_row(2, DAY6, "") + csv_row(3, DAY6, "")}
    )
    tiny_lake.deliver_files(
        settings, DAY7, {"good.csv": HEADER + csv_row(1, DAY7) + csv_row(2, DAY7), "silent.csv": HEADER}
    )
    session = tiny_lake.lake_session(spark, settings)
    run = tiny_lake.day_run(session, settings, WEEK)
    publish_results = tiny_lake.run_events(run)
    publish_results["user_features"] = run.publish_from_events(USER_FEATURES, daily.user_features, "rows", None)
    return session, settings, publish_results


def count_rows(spark, table, day):
    return spark.table(f"lake.shop.{table}").where(f"landing_date = DATE '{day}'").count()


def test_a_file_cut_short_refuses_its_day_only_and_is_named(week_lake):
    _, _, publish_results = week_lake
    assert publish_results["raw_events"].published == (DAY3, DAY6, DAY7)
    assert publish_results["raw_events"].message() == f"raw_events 2024-03-04: {BROKEN_FILE_MESSAGE}"
    assert publish_results["raw_events"].rows == 4 + 0 + 3 + 2


def test_later_tables_refuse_the_day_too_with_the_same_reason(week_lake):
    _, _, publish_results = week_lake
    assert publish_results["quarantined_events"].published == (DAY3, DAY6, DAY7)
    assert publish_results["events"].refused["2024-03-04"] == [
        refusal_reason(
            "events",
            "raw_events_are_published",
            upstream_reason=f"raw_events of that day were refused ({BROKEN_FILE_MESSAGE})",
        )
    ]


def warning_messages(publish_result, rule):
    (result,) = [result for result in publish_result.gate_report.results if result.rule.name == rule]
    return [(violation.where, violation.message) for violation in result.violations]


def test_a_day_without_a_delivery_is_empty_in_every_table(week_lake):
    _, settings, publish_results = week_lake
    assert warning_messages(publish_results["raw_events"], "delivery_arrived") == [("2024-03-05", "no file landed")]
    assert {name: publish_result.empty for name, publish_result in publish_results.items()} == dict.fromkeys(
        publish_results, (DAY5,)
    )
    verdicts = {
        name: day_records.latest_records(open_store(settings.lake), name, [DAY5])[DAY5].verdict
        for name in publish_results
    }
    assert verdicts == dict.fromkeys(publish_results, "empty")


def test_a_run_without_the_day_between_still_looks_back_at_it(spark, tmp_path):
    settings = tiny_lake.shop_settings(tmp_path)
    tiny_lake.deliver_all_days(settings)
    tiny_lake.deliver_files(settings, DAY3, {"b.csv": DELIVERIES[DAY2]["a.csv"]})
    session = tiny_lake.lake_session(spark, settings)
    tiny_lake.run_events(tiny_lake.day_run(session, settings, DAYS))
    batch_result = published_rows(session, "events")
    tiny_lake.run_events(tiny_lake.day_run(session, settings, [DAY1, DAY3]))
    assert published_rows(session, "events") == batch_result


def test_a_day_with_a_delivery_without_rows_is_published(spark, tmp_path):
    settings = tiny_lake.shop_settings(tmp_path)
    tiny_lake.deliver_files(settings, DAY3, {"silent.csv": HEADER})
    publish_results = tiny_lake.run_events(tiny_lake.day_run(tiny_lake.lake_session(spark, settings), settings, [DAY3]))
    assert {name: (p.published, p.empty, p.rows) for name, p in publish_results.items()} == dict.fromkeys(
        publish_results, ((DAY3,), (), 0)
    )


def test_a_file_without_rows_is_a_warning(week_lake):
    _, _, publish_results = week_lake
    assert warning_messages(publish_results["raw_events"], "every_file_gave_rows") == [
        ("2024-03-07", "1 of 2 files have no row")
    ]


def test_a_day_of_bad_rows_is_refused_and_its_rows_are_quarantined(week_lake):
    session, _, publish_results = week_lake
    assert publish_results["events"].refused["2024-03-06"] == [
        refusal_reason(
            "events",
            "bad_share_is_within_limit",
            max_invalid_share=0.25,
            quarantined=3,
            candidates=3,
            top_reason="missing_item 3",
        )
    ]
    assert count_rows(session, "quarantined_events", DAY6) == 3
    assert count_rows(session, "events", DAY6) == 0


def test_good_days_of_the_range_are_published_down_to_the_features(week_lake):
    session, _, publish_results = week_lake
    assert publish_results["events"].published == (DAY3, DAY7)
    assert publish_results["user_features"].published == (DAY3, DAY7)
    assert sorted(publish_results["user_features"].refused) == ["2024-03-04", "2024-03-06"]
    assert [count_rows(session, "user_features", day) for day in WEEK] == [3, 0, 0, 0, 2]


def test_the_complete_file_delivered_again_makes_the_day_good(week_lake):
    session, settings, _ = week_lake
    tiny_lake.deliver_files(settings, DAY4, {"late.csv.gz": gzip.compress(many_lines(DAY4).encode())})
    publish_results = tiny_lake.run_events(tiny_lake.day_run(session, settings, [DAY4]))
    assert publish_results["events"].message() == ""
    # x4.1 is in both files; late.csv.gz comes after good.csv, so there it is the duplicate.
    assert list(publish_results["events"].profile.loc[DAY4, ["landed", "duplicate", "rows"]]) == [401, 1, 400]
    assert count_rows(session, "events", DAY4) == 400


def test_a_day_whose_files_are_gone_loses_its_rows_when_it_is_run_again(week_lake):
    session, settings, _ = week_lake
    shutil.rmtree(Path(settings.lake) / "landing" / "events" / f"dt={DAY7}")
    run = tiny_lake.day_run(session, settings, [DAY7])
    publish_result = tiny_lake.run_events(run)["events"]
    assert (publish_result.published, publish_result.empty) == ((), (DAY7,))
    run.publish_from_events(USER_FEATURES, daily.user_features, "rows", None)
    assert [count_rows(session, table, DAY7) for table in ("raw_events", "events", "user_features")] == [0, 0, 0]


def test_a_day_with_only_a_broken_file_is_refused_before_spark_reads_it(week_lake):
    session, settings, _ = week_lake
    tiny_lake.deliver_files(settings, DAY8, {"empty.csv": ""})
    publish_result = tiny_lake.day_run(session, settings, [DAY8]).publish_raw_events(
        read_mapping(settings.mapping), KEY
    )
    assert (publish_result.published, publish_result.rows) == ((), 0)
    assert publish_result.message() == (
        "raw_events 2024-03-08: "
        + refusal_reason(
            "raw_events",
            "files_are_readable",
            file_problems="dt=2024-03-08/empty.csv is empty "
            "(deliver it again, or remove it if nothing happened that day)",
        )
    )


def test_events_run_without_their_quarantine_are_refused(week_lake):
    session, settings, _ = week_lake
    tiny_lake.deliver_files(settings, DAY3, {"more.csv": HEADER + csv_row(1, DAY3, "") + csv_row(2, DAY3)})
    run = tiny_lake.day_run(session, settings, [DAY3])
    run.publish_raw_events(read_mapping(settings.mapping), KEY)
    assert publish_events(run).message() == (
        "events 2024-03-03: landed 6 ≠ skipped 1 + quarantined 0 + duplicate 0 + published 4; "
        "materialize raw_events, quarantined_events and events of that day in one run"
    )
    assert count_rows(session, "events", DAY3) == 3

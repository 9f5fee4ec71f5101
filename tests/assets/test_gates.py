"""The effect of a gate on a run: the steps that run, the materializations, the messages."""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pytest

from tests import tiny_lake
from tests.gate_cases import refusal_reason
from tests.world import DAY1, DAY2, DAY3, DAYS, DELIVERIES, HEADER

if TYPE_CHECKING:
    from tests.dagster_runs import RunOutcome

pytestmark = [pytest.mark.drill, pytest.mark.dagster, pytest.mark.spark]

BAD_DAY_FILES = {
    "a.csv": HEADER
    + "b1,2024-03-02 09:00:00,bob,s3,,view,,,,\n"
    + "b2,2024-03-02 09:00:00,bob,s3,,cart,,,,\n"
    + "e6,2024-03-02 08:05:00,bob,s3,mug,purchase,1,4.75,Blue mug,\n"
}
EARLIER_DAY_FILES = {
    "a.csv": DELIVERIES[DAY2]["a.csv"] + "e8,2024-03-03 12:00:00,ann,s1,pen,purchase,3,1.20,Pen,office\n"
}
REFUSAL_REASON = refusal_reason(
    "events", "bad_share_is_within_limit", max_invalid_share=0.25,
    quarantined=2, candidates=3, top_reason="missing_item 2",
)  # fmt: skip
REFUSED_MESSAGE = f"1 of 3 days refused, 2 published\nevents 2024-03-02: {REFUSAL_REASON}"
UPSTREAM_REASONS = "1 of 3 days refused, 2 published\n{} 2024-03-02: " + refusal_reason(
    "items", "events_are_published", upstream_reason=f"events of that day were refused ({REFUSAL_REASON})"
)
TO_EVENTS = ["raw_events", "quarantined_events", "events"]
FROM_EVENTS = ["items", "item_features", "user_features", "histories"]
UNLANDED_DAY = date(2024, 3, 4)
GOOD_DAYS = {str(DAY1), str(DAY3)}


@dataclass(frozen=True)
class GateRuns:
    """Runs on one lake, one after the other, with what readers of `events` saw after each."""

    partly: "RunOutcome"  # three days, the second bad: goes on with the two others
    partly_days: dict[str, set[str]]
    events_only_run: "RunOutcome"  # the same, `events` only: no later table of the run reads it
    redelivery_run: "RunOutcome"  # the second day with valid files, alone
    all_bad: "RunOutcome"  # and with invalid files again, alone
    removed: (
        "RunOutcome"  # its files removed, with a day that never had one; the files of day 3 between are removed, too
    )
    taken_back_days: dict[str, set[str]]
    earlier_day_run: "RunOutcome"  # valid files, alone, with an event of the third day, which lands here first now
    events_by_run: dict[str, list[tuple[object, ...]]]


@pytest.fixture(scope="module")
def gate_runs(spark, tmp_path_factory) -> GateRuns:
    from tests.dagster_runs import DAILY, DagsterHarness, shared_spark_lake

    dagster = DagsterHarness(shared_spark_lake(spark, tiny_lake.shop_settings(tmp_path_factory.mktemp("gates"))))
    tiny_lake.deliver_all_days(dagster.lake.settings)
    events_by_run = {}

    def run(name: str, files: dict[str, str], *assets: str, days=(DAY2,)) -> "RunOutcome":
        tiny_lake.deliver_files(dagster.lake.settings, DAY2, files)
        run_result = dagster.run(*assets, days=days)
        events_by_run[name] = tiny_lake.published_rows(dagster.lake.spark, "events")
        return run_result

    partly = run("partly", BAD_DAY_FILES, *DAILY, days=DAYS)

    def days() -> dict[str, set[str]]:
        return {name: dagster.materialized_days(name) for name in DAILY}

    partly_days = days()
    events_only_run = run("events_only_run", BAD_DAY_FILES, "events", days=DAYS)
    redelivery_run = run("redelivery_run", DELIVERIES[DAY2], *DAILY)
    all_bad = run("all bad", BAD_DAY_FILES, *DAILY)
    tiny_lake.withdraw(dagster.lake.settings, DAY2)
    tiny_lake.withdraw(dagster.lake.settings, DAY3)
    removed = run("removed", {}, *DAILY, days=(DAY2, UNLANDED_DAY))
    taken_back_days = days()
    earlier_day_run = run("earlier_day_run", EARLIER_DAY_FILES, *DAILY)
    return GateRuns(
        partly,
        partly_days,
        events_only_run,
        redelivery_run,
        all_bad,
        removed,
        taken_back_days,
        earlier_day_run,
        events_by_run,
    )


def event_ids(rows) -> set[str]:
    return {row[0] for row in rows}


def test_a_partly_refused_table_publishes_its_good_days(gate_runs):
    assert gate_runs.partly.failure_or_none("events") is None
    check = gate_runs.partly.check("events", "bad_share_is_within_limit")
    assert (check.passed, check.severity.value) == (False, "WARN")
    assert all(gate_runs.partly.ran(name) for name in FROM_EVENTS)
    assert event_ids(gate_runs.events_by_run["partly"]) == {"e1", "e2", "e3", "e4", "e8", "e9", "e10"}


@pytest.mark.parametrize("name", FROM_EVENTS)
def test_the_last_tables_fail_the_run_naming_the_days_and_why(gate_runs, name):
    assert not gate_runs.partly.success
    assert gate_runs.partly.failure(name) == UPSTREAM_REASONS.format(name)


def test_only_the_good_days_are_materialized(gate_runs):
    assert gate_runs.partly_days["raw_events"] == gate_runs.partly_days["quarantined_events"] == GOOD_DAYS | {str(DAY2)}
    assert {name: days for name, days in gate_runs.partly_days.items() if name not in TO_EVENTS[:2]} == dict.fromkeys(
        ["events", *FROM_EVENTS], GOOD_DAYS
    )


def test_a_partly_refused_last_table_fails_the_run(gate_runs):
    assert not gate_runs.events_only_run.success
    assert gate_runs.events_only_run.failure("events") == REFUSED_MESSAGE
    assert gate_runs.events_only_run.check("events", "bad_share_is_within_limit").severity.value == "ERROR"
    assert gate_runs.events_by_run["events_only_run"] == gate_runs.events_by_run["partly"]


def test_the_check_names_the_bad_days_and_the_fix(gate_runs):
    descriptions = {
        name: value.value
        for name, value in gate_runs.events_only_run.check("events", "bad_share_is_within_limit").metadata.items()
    }
    assert descriptions["checked rows"] == 3
    assert descriptions["violations"] == 1
    assert (
        descriptions["violating rows"].splitlines()[2]
        == "| 2024-03-02 | 2 of 3 rows break the contract (missing_item 2; limit 0.25) |"
    )
    assert descriptions["fix"].startswith("look at quarantined_events of that day")


def test_the_next_good_run_succeeds_and_its_checks_pass(gate_runs):
    assert gate_runs.redelivery_run.success
    assert gate_runs.redelivery_run.materialized() == [*TO_EVENTS, *sorted(FROM_EVENTS)]
    failed = [c.check_name for c in gate_runs.redelivery_run.checks() if not c.passed and c.severity.value == "ERROR"]
    assert failed == []
    assert event_ids(gate_runs.events_by_run["redelivery_run"]) == {f"e{n}" for n in range(1, 11)}


def test_a_completely_refused_table_stops_its_run(gate_runs):
    assert not gate_runs.all_bad.success
    assert gate_runs.all_bad.failure("events") == REFUSED_MESSAGE.replace(
        "1 of 3 days refused, 2 published", "1 of 1 days refused, 0 published"
    )
    assert gate_runs.all_bad.materialized() == TO_EVENTS[:2]
    assert not any(gate_runs.all_bad.ran(name) for name in FROM_EVENTS)
    assert gate_runs.events_by_run["all bad"] == gate_runs.events_by_run["redelivery_run"]


def test_days_without_a_file_are_not_materialized_and_lose_their_rows(gate_runs):
    assert gate_runs.removed.success
    assert all(gate_runs.removed.ran(name) for name in (*TO_EVENTS, *FROM_EVENTS))
    assert not any(str(UNLANDED_DAY) in days for days in gate_runs.taken_back_days.values())
    assert event_ids(gate_runs.events_by_run["removed"]) == {"e1", "e2", "e3", "e4", "e8", "e9", "e10"}


def test_a_day_that_the_run_does_not_name_stays_as_it_is(gate_runs):
    partitions = {
        event.materialization.partition for event in gate_runs.removed.result.get_asset_materialization_events()
    }
    assert partitions == {str(DAY2)}


@pytest.mark.parametrize("name", [*TO_EVENTS, *FROM_EVENTS])
def test_a_day_whose_files_were_removed_is_materialized_as_empty(gate_runs, name):
    from tests.dagster_runs import materialization_metadata

    last = materialization_metadata(gate_runs.removed, name, DAY2)
    assert (last["dagster/row_count"], last["empty"]) == (
        0, "the landing has no file of this day any more; its rows were removed",
    )  # fmt: skip
    assert (last["days published"], last["days empty"]) == (0, 2)


def test_a_materialization_carries_the_counts_of_its_day(gate_runs):
    from tests.dagster_runs import materialization_metadata

    assert materialization_metadata(gate_runs.redelivery_run, "events", DAY2)["dagster/row_count"] == 3
    assert materialization_metadata(gate_runs.redelivery_run, "raw_events", DAY2)["dagster/row_count"] == 5


def test_a_run_of_an_older_day_also_makes_the_later_day_that_changes(gate_runs):
    from tests.dagster_runs import materialization_metadata

    assert gate_runs.earlier_day_run.success
    landing_days = {row[0]: str(row[12]) for row in gate_runs.events_by_run["earlier_day_run"]}
    assert (len(gate_runs.events_by_run["earlier_day_run"]), landing_days["e8"]) == (10, str(DAY2))
    assert [
        materialization_metadata(gate_runs.earlier_day_run, "events", day)["dagster/row_count"] for day in (DAY2, DAY3)
    ] == [4, 2]
    assert (
        materialization_metadata(gate_runs.earlier_day_run, "histories", DAY3)["rebuilt because"]
        == "events of it have changed since it was made"
    )


def test_added_days_are_named_on_the_output_and_in_the_checks(gate_runs):
    from tests.dagster_runs import materialization_metadata

    assert materialization_metadata(gate_runs.earlier_day_run, "events", DAY2)["days rebuilt"] == str(DAY3)
    assert gate_runs.earlier_day_run.check("events", "rows_are_conserved").metadata["checked rows"].value == 2

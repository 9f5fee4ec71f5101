"""The failure sensor: step, partition, the error's first line, the fix and a link."""

import json
from datetime import UTC, date, datetime

import dagster as dg
import pytest

from freshet.store import open_store
from resources.lake import Lake
from resources.run_days import range_tags
from sensors.failure import DEFAULT_FIX, build_alert, failure_sensor, split_message
from tests.idle_jobs import broken

pytestmark = pytest.mark.dagster

NOW = datetime(2024, 3, 2, 2, 30, tzinfo=UTC)
RANGE_TAGS = range_tags([date(2024, 3, 1), date(2024, 3, 2)])


def failed_run(**tags: str) -> dg.DagsterRun:
    return dg.DagsterRun(job_name="update_tables", run_id="0123-4567", tags=tags)


def test_the_fix_of_our_own_errors_follows_the_first_semicolon():
    message = "events 2024-03-02: 17 of 90 rows have no item_id (limit 5 %); fix the export, then re-run the day"
    assert split_message(message) == (
        "events 2024-03-02: 17 of 90 rows have no item_id (limit 5 %)", "fix the export, then re-run the day",
    )  # fmt: skip


def test_semicolons_in_brackets_do_not_separate_the_fix():
    message = (
        "events 2024-03-05: 17 of 90 rows break the contract (missing_item 17; limit 0.05); look at them; run again"
    )
    assert split_message(message) == (
        "events 2024-03-05: 17 of 90 rows break the contract (missing_item 17; limit 0.05)", "look at them; run again",
    )  # fmt: skip
    nested = "items 2024-03-05: events of that day were refused (17 of 90 rows (missing_item 17; limit 0.05); mend it)"
    assert split_message(f"{nested}; run events first") == (nested, "run events first")
    assert split_message(nested) == (nested, DEFAULT_FIX)


def test_the_first_line_with_a_fix_counts():
    message = (
        "1 of 2 days refused, 1 published\nevents 2024-03-02: no item_id; fix it\nevents 2024-03-03: no price; fix it"
    )
    assert split_message(message) == ("events 2024-03-02: no item_id", "fix it")


@pytest.mark.parametrize(("message", "line"), [("KeyError\nmore", "KeyError"), ("", "no error message")])
def test_any_other_error_points_to_the_log(message, line):
    assert split_message(message) == (line, DEFAULT_FIX)


def test_an_alert_names_step_days_and_the_reason_of_the_run(settings):
    shop_settings = settings.model_copy(update={"dagster_url": "https://dagster.example.org/"})
    sent_alert = build_alert(
        failed_run(**RANGE_TAGS, **{"freshet/why": "2 days landed"}),
        [("events", "bad; mend"), ("items", "worse")],
        "",
        shop_settings,
        NOW,
    )
    assert sent_alert.model_dump(exclude={"at"}) == {
        "run": "0123-4567",
        "job": "update_tables",
        "what": "run of update_tables failed in events",
        "where": "events, items of 2024-03-01…2024-03-02",
        "error": "bad",
        "fix": "mend",
        "link": "https://dagster.example.org/runs/0123-4567",
        "why": "2 days landed",
    }


def test_a_failure_outside_of_steps_has_dagsters_message(settings):
    sent_alert = build_alert(failed_run(), [], "Out of memory", settings, NOW)
    assert (sent_alert.what, sent_alert.where, sent_alert.error, sent_alert.fix) == (
        "run of update_tables failed",
        "update_tables",
        "Out of memory",
        DEFAULT_FIX,
    )


def test_a_failed_run_becomes_a_file_in_the_lake(settings):
    instance = dg.DagsterInstance.ephemeral()
    run_result = broken.execute_in_process(instance=instance, raise_on_error=False, tags=RANGE_TAGS)
    event = next(event for event in run_result.all_events if event.is_job_failure)
    sensor = failure_sensor(settings)
    with dg.build_run_status_sensor_context(
        sensor_name=sensor.name,
        dagster_event=event,
        dagster_instance=instance,
        dagster_run=instance.get_run_by_id(run_result.run_id),
        resources={"lake": Lake(settings)},
    ).for_run_failure() as context:
        sensor(context)
    store = open_store(settings.lake)
    (path,) = store.list("alerts")
    alert_fields = json.loads(store.get(path))
    assert path.endswith(f"-{run_result.run_id}.json")
    assert (alert_fields["what"], alert_fields["where"]) == (
        "run of broken failed in failing",
        "failing of 2024-03-01…2024-03-02",
    )
    assert (alert_fields["error"], alert_fields["fix"]) == (
        "events 2024-03-02: no item_id",
        "fix the export, then run again",
    )
    assert alert_fields["link"] == f"http://127.0.0.1:3000/runs/{run_result.run_id}"

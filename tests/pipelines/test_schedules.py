"""The nightly schedule runs the previous day once, if anything landed."""

from datetime import UTC, date, datetime

import dagster as dg
import pytest

from freshet.inference.manifest import Manifest
from freshet.releases import journal
from freshet.releases.holds import hold_releases
from freshet.releases.journal import JournalEntry
from freshet.store import open_store
from freshet.tables import day_records
from freshet.tables.day_records import DayRecord, PublishAttempt
from pipelines.schedules import close_day_request, nightly_schedule
from resources.lake import Lake
from tests.idle_jobs import idle, sensor_definitions, write_file

pytestmark = pytest.mark.dagster

TICK_TIME = datetime(2024, 3, 3, 2, 30, tzinfo=UTC)
DAY_BEFORE = date(2024, 3, 2)
BUNDLE_ID = "b" * 64


@pytest.fixture
def store(settings):
    return open_store(settings.lake)


def publish_day(store, day: date) -> None:
    """As if events of the day had been published."""
    day_record = DayRecord(day=day, verdict="published", counts={"rows": 9})
    day_records.write_attempt(
        store, PublishAttempt(table="events", attempt="a", at=TICK_TIME, snapshot=1, records=(day_record,))
    )


def release_champion(store, as_of: str) -> None:
    """A champion trained on the days up to `as_of`."""
    manifest = Manifest(
        created_by="test",
        precision="fp32",
        max_history=8,
        event_type="view",
        lineage={"as_of": as_of, "train_until": "2024-02-01"},
        parameters={},
        metrics={},
        files={},
    )
    store.put(f"{journal.bundle_path(BUNDLE_ID)}/manifest.json", manifest.canonical_json())
    entry = JournalEntry(
        number=1, decided_on=0, kind="release", bundle=BUNDLE_ID, verdict="", why="", at=TICK_TIME, by="test"
    )
    journal.append_entry(store, entry)


def test_the_day_before_is_closed_by_one_run_a_night(settings, store):
    write_file(settings, "landing/events/dt=2024-03-02/a.csv")
    run_request = close_day_request(TICK_TIME, store, settings)
    assert run_request.run_key == "2024-03-02"
    assert run_request.tags == {
        "dagster/asset_partition_range_start": "2024-03-02",
        "dagster/asset_partition_range_end": "2024-03-02",
        "freshet/why": "the nightly run for 2024-03-02",
    }


def test_an_idle_lake_is_left_alone(settings, store):
    message = close_day_request(TICK_TIME, store, settings).skip_message
    assert message == "Nothing landed on 2024-03-02, and nothing since the champion was trained."


def test_a_shop_that_has_not_opened_is_left_alone(settings, store):
    early = settings.model_copy(update={"first_day": date(2024, 3, 3)})
    message = close_day_request(TICK_TIME, store, early).skip_message
    assert message == "2024-03-02 is before the first day of the shop, 2024-03-03."


def test_without_a_delivery_yesterday_what_was_published_since_the_champion_is_reason_enough(settings, store):
    publish_day(store, date(2024, 3, 1))
    assert isinstance(close_day_request(TICK_TIME, store, settings), dg.RunRequest)  # no champion yet
    release_champion(store, as_of="2024-02-29")
    assert isinstance(close_day_request(TICK_TIME, store, settings), dg.RunRequest)


def test_a_champion_trained_on_the_latest_day_is_not_retrained(settings, store):
    publish_day(store, date(2024, 3, 1))
    release_champion(store, as_of="2024-03-01")
    assert isinstance(close_day_request(TICK_TIME, store, settings), dg.SkipReason)


def test_while_releases_are_held_the_nights_go_on(settings, store):
    publish_day(store, date(2024, 3, 1))
    release_champion(store, as_of="2024-02-29")
    hold_releases(store, 1, BUNDLE_ID, "conversion fell", "ann", TICK_TIME)
    assert isinstance(close_day_request(TICK_TIME, store, settings), dg.RunRequest)


def test_the_schedule_runs_at_the_hour_of_the_settings_in_utc(settings):
    write_file(settings, "landing/events/dt=2024-03-02/a.csv")
    schedule = nightly_schedule(idle, settings.model_copy(update={"retrain_cron": "15 4 * * *"}))
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("15 4 * * *", "UTC")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    repository = sensor_definitions(Lake(settings)).get_repository_def()
    with dg.build_schedule_context(
        scheduled_execution_time=TICK_TIME, resources=repository.get_top_level_resources(), repository_def=repository
    ) as context:
        (request,) = schedule.evaluate_tick(context).run_requests
    assert request.run_key == "2024-03-02"

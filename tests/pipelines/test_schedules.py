"""Every night yesterday is closed, once, where there is something to close."""

from datetime import UTC, date, datetime

import dagster as dg
import pytest

from freshet import days as day_records
from freshet.days import Attempt, DayRecord
from freshet.live import journal
from freshet.live.holds import hold_releases
from freshet.live.journal import Entry
from freshet.live.manifest import Manifest
from freshet.store import open_store
from pipelines.schedules import closing, nightly
from resources.lake import Lake
from tests.idle_jobs import definitions, idle, put

pytestmark = pytest.mark.dagster

NIGHT = datetime(2024, 3, 3, 2, 30, tzinfo=UTC)
YESTERDAY = date(2024, 3, 2)
BUNDLE = "b" * 64


@pytest.fixture
def store(settings):
    return open_store(settings.lake)


def publish(store, day: date) -> None:
    """As if events of the day had been published."""
    own = DayRecord(day=day, verdict="published", counts={"rows": 9})
    day_records.write(store, Attempt(table="events", attempt="a", at=NIGHT, snapshot=1, records=(own,)))


def release(store, as_of: str) -> None:
    """A champion that knows the days up to `as_of`."""
    manifest = Manifest(
        created_by="test", precision="fp32", length=8, event_type="view", lineage={"as_of": as_of, "cut": "2024-02-01"},
        parameters={}, metrics={}, files={},
    )  # fmt: skip
    store.put(f"{journal.bundle_path(BUNDLE)}/manifest.json", manifest.canonical())
    entry = Entry(number=1, decided_on=0, kind="release", bundle=BUNDLE, verdict="", why="", at=NIGHT, by="test")
    journal.append(store, entry)


def test_the_day_before_is_closed_by_one_run_a_night(settings, store):
    put(settings, "landing/events/dt=2024-03-02/a.csv")
    asked = closing(NIGHT, store, settings)
    assert asked.run_key == "2024-03-02"
    assert asked.tags == {
        "dagster/asset_partition_range_start": "2024-03-02",
        "dagster/asset_partition_range_end": "2024-03-02",
        "freshet/why": "the night after 2024-03-02: the day is closed",
    }


def test_a_lake_in_which_nothing_happened_is_left_alone(settings, store):
    said = closing(NIGHT, store, settings).skip_message
    assert said == "Nothing landed on 2024-03-02, and nothing since the champion was made."


def test_a_shop_that_has_not_opened_is_left_alone(settings, store):
    early = settings.model_copy(update={"first_day": date(2024, 3, 3)})
    said = closing(NIGHT, store, early).skip_message
    assert said == "2024-03-02 lies before the first day of the shop, 2024-03-03."


def test_without_a_delivery_yesterday_what_was_published_since_the_champion_is_reason_enough(settings, store):
    publish(store, date(2024, 3, 1))
    assert isinstance(closing(NIGHT, store, settings), dg.RunRequest)  # nothing serves yet
    release(store, as_of="2024-02-29")
    assert isinstance(closing(NIGHT, store, settings), dg.RunRequest)


def test_a_champion_that_knows_everything_is_left_to_serve(settings, store):
    publish(store, date(2024, 3, 1))
    release(store, as_of="2024-03-01")
    assert isinstance(closing(NIGHT, store, settings), dg.SkipReason)


def test_while_releases_are_held_the_nights_go_on(settings, store):
    publish(store, date(2024, 3, 1))
    release(store, as_of="2024-02-29")
    hold_releases(store, 1, BUNDLE, "conversion fell", "ann", NIGHT)
    assert isinstance(closing(NIGHT, store, settings), dg.RunRequest)


def test_the_schedule_asks_for_it_at_the_hour_of_the_settings_utc(settings):
    put(settings, "landing/events/dt=2024-03-02/a.csv")
    schedule = nightly(idle, settings.model_copy(update={"retrain_cron": "15 4 * * *"}))
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("15 4 * * *", "UTC")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    repository = definitions(Lake(settings)).get_repository_def()
    with dg.build_schedule_context(
        scheduled_execution_time=NIGHT, resources=repository.get_top_level_resources(), repository_def=repository
    ) as context:
        (asked,) = schedule.evaluate_tick(context).run_requests
    assert asked.run_key == "2024-03-02"

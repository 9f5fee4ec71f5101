"""The nightly schedule: update the tables of the previous day and train a new model."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg

from freshet.inference.manifest import MANIFEST, Manifest
from freshet.landing import landing_days
from freshet.releases import journal
from freshet.settings import Settings
from freshet.steps.drift_inputs import training_days
from freshet.store import Store
from freshet.tables import day_records
from resources.lake import Lake
from resources.run_days import range_tags
from sensors.runs import REASON_TAG, Job


def nightly_schedule(job: Job, settings: Settings, config: Mapping[str, Any] | None = None) -> dg.ScheduleDefinition:
    """Return the schedule that updates yesterday's tables and retrains. config: the run configuration."""

    @dg.schedule(
        name="nightly",
        job=job,
        cron_schedule=settings.retrain_cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every night, update yesterday's tables and train a new model if files have landed.",
    )
    def request_run(
        context: dg.ScheduleEvaluationContext, lake: dg.ResourceParam[Lake]
    ) -> dg.RunRequest | dg.SkipReason:
        return close_day_request(context.scheduled_execution_time, lake.store, settings, config)

    return request_run


def close_day_request(
    now: datetime, store: Store, settings: Settings, config: Mapping[str, Any] | None = None
) -> dg.RunRequest | dg.SkipReason:
    """Return the run request for the day before `now` (one run key per day), or the reason to skip it."""
    yesterday = now.date() - timedelta(days=1)
    if yesterday < settings.first_day:
        return dg.SkipReason(f"{yesterday} is before the first day of the shop, {settings.first_day}.")
    if yesterday not in landing_days(store) and not _has_unseen_days(store):
        return dg.SkipReason(f"Nothing landed on {yesterday}, and nothing since the champion was trained.")
    tags = {**range_tags([yesterday]), REASON_TAG: f"the nightly run for {yesterday}"}
    return dg.RunRequest(run_key=yesterday.isoformat(), run_config=config, tags=tags)


def _has_unseen_days(store: Store) -> bool:
    """Return whether a day has been published after the champion's training days."""
    last_day = day_records.last_published_day(store, "events")
    entry = journal.champion_entry(store)
    if entry is None or last_day is None:
        return last_day is not None
    return last_day > _last_training_day(store, entry.bundle)


def _last_training_day(store: Store, bundle: str) -> date:
    """Return the last landing day of a bundle's training set."""
    manifest = Manifest.model_validate_json(store.get(f"{journal.bundle_path(bundle)}/{MANIFEST}"))
    return training_days(manifest, bundle)[1]

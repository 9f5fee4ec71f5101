"""What runs by the clock: every night yesterday is closed and a new model made."""

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
    """The schedule that closes yesterday and retrains. config: the run configuration; None: the job's own."""

    @dg.schedule(
        name="nightly",
        job=job,
        cron_schedule=settings.retrain_cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every night: yesterday is closed and a new model made, where something has landed.",
    )
    def request_run(
        context: dg.ScheduleEvaluationContext, lake: dg.ResourceParam[Lake]
    ) -> dg.RunRequest | dg.SkipReason:
        return close_day_request(context.scheduled_execution_time, lake.store, settings, config)

    return request_run


def close_day_request(
    now: datetime, store: Store, settings: Settings, config: Mapping[str, Any] | None = None
) -> dg.RunRequest | dg.SkipReason:
    """The run that closes the day before `now`, one run whatever happens; or why there is nothing to close."""
    yesterday = now.date() - timedelta(days=1)
    if yesterday < settings.first_day:
        return dg.SkipReason(f"{yesterday} lies before the first day of the shop, {settings.first_day}.")
    if yesterday not in landing_days(store) and not _has_unseen_days(store):
        return dg.SkipReason(f"Nothing landed on {yesterday}, and nothing since the champion was made.")
    tags = {**range_tags([yesterday]), REASON_TAG: f"the night after {yesterday}: the day is closed"}
    return dg.RunRequest(run_key=yesterday.isoformat(), run_config=config, tags=tags)


def _has_unseen_days(store: Store) -> bool:
    """Whether a day has been published that the champion does not know."""
    last_day = day_records.last_published_day(store, "events")
    entry = journal.champion_entry(store)
    if entry is None or last_day is None:
        return last_day is not None
    return last_day > _last_training_day(store, entry.bundle)


def _last_training_day(store: Store, bundle: str) -> date:
    """The last landing day that a bundle's training set holds."""
    manifest = Manifest.model_validate_json(store.get(f"{journal.bundle_path(bundle)}/{MANIFEST}"))
    return training_days(manifest, bundle)[1]

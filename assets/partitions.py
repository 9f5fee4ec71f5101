"""Partitions, pools and owners of the assets; the settings are read once, when Dagster loads the code location."""

import warnings
from collections.abc import Sequence
from datetime import date
from typing import Final

import dagster as dg

from freshet.runtime import prepare_process
from freshet.settings import Settings, load
from resources import run_days
from resources.run_days import DAYS_TAG

# Dagster 1.13 marks `backfill_policy` as beta, with a warning per asset.
warnings.filterwarnings("ignore", category=dg.BetaWarning)

prepare_process()  # every process of Dagster imports this module
SETTINGS: Final[Settings] = load()
# Every landing day from the first to today; today's files are still landing.
DAILY_PARTITIONS: Final = dg.DailyPartitionsDefinition(start_date=SETTINGS.first_day.isoformat(), end_offset=1)
# One run for a range of days: one JVM, one Spark job per table. Unpartitioned assets need it too, else Dagster refuses
# a range run that selects all assets.
SINGLE_RUN: Final = dg.BackfillPolicy.single_run()
OWNERS: Final = ["team:data"]
# Training and tuning take turns: together on one GPU they would be slower or run out of memory.
ACCELERATOR_POOL: Final = "accelerator"


def partition_days(context: dg.AssetExecutionContext) -> Sequence[date]:
    """Return the run's landing days, in order: those named in its tags, else all days of its range."""
    days = [date.fromisoformat(key) for key in sorted(context.partition_keys)]
    if DAYS_TAG not in context.run.tags:
        return days
    day_set = set(run_days.days_from_tags(context.run.tags))
    return [day for day in days if day in day_set]

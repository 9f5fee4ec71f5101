"""The shop this code location works for: read from the settings once, when Dagster loads it."""

import warnings
from collections.abc import Sequence
from datetime import date
from typing import Final

import dagster as dg

from freshet.runtime import prepare_process
from freshet.settings import Settings, load
from resources import run_days
from resources.run_days import DAYS_TAG

# `backfill_policy` is called beta by dagster 1.13, which the lock pins: a warning per asset would drown ours.
warnings.filterwarnings("ignore", category=dg.BetaWarning)

prepare_process()  # every process of Dagster imports this module
SETTINGS: Final[Settings] = load()
# Every landing day from the first to today; today is a partition, because its files are landing now.
DAILY_PARTITIONS: Final = dg.DailyPartitionsDefinition(start_date=SETTINGS.first_day.isoformat(), end_offset=1)
# One run for a range of days: one JVM, one Spark job per table. Unpartitioned assets need it too, or a range
# run that selects everything is refused.
SINGLE_RUN: Final = dg.BackfillPolicy.single_run()
OWNERS: Final = ["team:data"]
# What trains takes turns: a search and a training on one GPU would both be slower, or out of memory.
ACCELERATOR_POOL: Final = "accelerator"


def partition_days(context: dg.AssetExecutionContext) -> Sequence[date]:
    """The landing days this run speaks for, in order: of a range those that its tags name, where they name some."""
    days = [date.fromisoformat(key) for key in sorted(context.partition_keys)]
    if DAYS_TAG not in context.run.tags:
        return days
    day_set = set(run_days.days_from_tags(context.run.tags))
    return [day for day in days if day in day_set]

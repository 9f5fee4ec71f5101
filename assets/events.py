"""From landed files to canonical events: read, quarantine, keep."""

import dagster as dg

from assets import gates
from assets.shop import DAILY, ONE_RUN, OWNERS, days_of
from freshet.landing import landed_files
from freshet.tables.day_run import DayRun
from freshet.tables.schemas import EVENTS, QUARANTINED_EVENTS, RAW_EVENTS
from resources.lake import Lake

GROUP = "events"


def day_run(context: dg.AssetExecutionContext, lake: Lake) -> DayRun:
    """The run's days on the run's lake."""
    return DayRun(lake.spark, lake.settings, lake.store, days_of(context))


@dg.asset(
    partitions_def=DAILY, backfill_policy=ONE_RUN, group_name=GROUP, kinds={"spark", "iceberg"}, owners=OWNERS,
    output_required=False, check_specs=gates.specs("raw_events"), metadata=gates.columns(RAW_EVENTS),
)  # fmt: skip
def raw_events(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> gates.Published:
    """Every landed record as the shop's mapping reads it, pseudonymised; nothing is judged yet."""
    # Before Spark starts: a mistake in the mapping need not wait for a JVM.
    mapping = lake.mapping_for(landed_files(lake.store, days_of(context)))
    yield from gates.hand_over(context, day_run(context, lake).raw_events(mapping, lake.key))


@dg.asset(
    partitions_def=DAILY, backfill_policy=ONE_RUN, group_name=GROUP, kinds={"spark", "iceberg"}, owners=OWNERS,
    output_required=False, check_specs=gates.specs("quarantined_events"), metadata=gates.columns(QUARANTINED_EVENTS),
    deps=[raw_events],
)  # fmt: skip
def quarantined_events(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> gates.Published:
    """Records that break the contract, each with its reason; they wait until mapping or contract are mended."""
    yield from gates.hand_over(context, day_run(context, lake).quarantined_events())


@dg.asset(
    partitions_def=DAILY, backfill_policy=ONE_RUN, group_name=GROUP, kinds={"spark", "iceberg"}, owners=OWNERS,
    output_required=False, check_specs=gates.specs("events"), metadata=gates.columns(EVENTS),
    deps=[raw_events, quarantined_events],
)  # fmt: skip
def events(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> gates.Published:
    """Canonical events: valid, each one once, every landed row accounted for."""
    publication = day_run(context, lake).events()
    yield from gates.hand_over(context, publication, conservation=gates.conservation(publication))

"""From landed files to canonical events: read, quarantine, keep."""

import dagster as dg

from assets import gates
from assets.partitions import DAILY_PARTITIONS, OWNERS, SINGLE_RUN, partition_days
from freshet.features.daily_run import DailyTables
from freshet.features.deduplication import publish_events
from freshet.landing import landed_files
from freshet.tables.schemas import EVENTS, QUARANTINED_EVENTS, RAW_EVENTS
from resources.lake import Lake

GROUP = "events"


def daily_tables(context: dg.AssetExecutionContext, lake: Lake) -> DailyTables:
    """The run's days on the run's lake."""
    return DailyTables(lake.spark, lake.settings, lake.store, partition_days(context))


@dg.asset(
    partitions_def=DAILY_PARTITIONS,
    backfill_policy=SINGLE_RUN,
    group_name=GROUP,
    kinds={"spark", "iceberg"},
    owners=OWNERS,
    output_required=False,
    check_specs=gates.check_specs("raw_events"),
    metadata=gates.column_schema(RAW_EVENTS),
)
def raw_events(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> gates.AssetResults:
    """Every landed record as the shop's mapping reads it, pseudonymised; nothing is judged yet."""
    # Before Spark starts: a mistake in the mapping need not wait for a JVM.
    mapping = lake.mapping_for(landed_files(lake.store, partition_days(context)))
    yield from gates.publish_table(context, daily_tables(context, lake).publish_raw_events(mapping, lake.pseudonym_key))


@dg.asset(
    partitions_def=DAILY_PARTITIONS,
    backfill_policy=SINGLE_RUN,
    group_name=GROUP,
    kinds={"spark", "iceberg"},
    owners=OWNERS,
    output_required=False,
    check_specs=gates.check_specs("quarantined_events"),
    metadata=gates.column_schema(QUARANTINED_EVENTS),
    deps=[raw_events],
)
def quarantined_events(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> gates.AssetResults:
    """Records that break the contract, each with its reason; they wait until mapping or contract are mended."""
    yield from gates.publish_table(context, daily_tables(context, lake).publish_quarantined_events())


@dg.asset(
    partitions_def=DAILY_PARTITIONS,
    backfill_policy=SINGLE_RUN,
    group_name=GROUP,
    kinds={"spark", "iceberg"},
    owners=OWNERS,
    output_required=False,
    check_specs=gates.check_specs("events"),
    metadata=gates.column_schema(EVENTS),
    deps=[raw_events, quarantined_events],
)
def events(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> gates.AssetResults:
    """Canonical events: valid, each one once, every landed row accounted for."""
    publication = publish_events(daily_tables(context, lake))
    yield from gates.publish_table(context, publication, conservation=gates.conservation_table(publication))

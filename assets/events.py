"""Assets from landed files to canonical events: raw events, quarantined events, events."""

import dagster as dg

from assets import gates
from assets.partitions import partition_days
from freshet.features.daily_tables import DailyTables
from freshet.features.deduplication import publish_events
from freshet.landing import landed_files
from freshet.tables.schemas import EVENTS, QUARANTINED_EVENTS, RAW_EVENTS
from resources.lake import Lake

GROUP = "events"


def daily_tables(context: dg.AssetExecutionContext, lake: Lake) -> DailyTables:
    """Return the tables of the run's days in the lake."""
    return DailyTables(lake.spark, lake.settings, lake.store, partition_days(context))


@gates.daily_table(RAW_EVENTS, GROUP)
def raw_events(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> gates.AssetResults:
    """Every landed record as the source mapping reads it, pseudonymised, before validation."""
    # Before Spark starts: an error in the mapping should not wait for a JVM.
    mapping = lake.mapping_for(landed_files(lake.store, partition_days(context)))
    yield from gates.publish_table(context, daily_tables(context, lake).publish_raw_events(mapping, lake.pseudonym_key))


@gates.daily_table(QUARANTINED_EVENTS, GROUP, deps=["raw_events"])
def quarantined_events(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> gates.AssetResults:
    """Records that break the contract, each with its reason, until the mapping or the contract is fixed."""
    yield from gates.publish_table(context, daily_tables(context, lake).publish_quarantined_events())


@gates.daily_table(EVENTS, GROUP, deps=["raw_events", "quarantined_events"])
def events(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> gates.AssetResults:
    """Canonical events: valid and deduplicated; every landed row is accounted for."""
    publication = publish_events(daily_tables(context, lake))
    yield from gates.publish_table(context, publication, conservation=gates.conservation_table(publication))

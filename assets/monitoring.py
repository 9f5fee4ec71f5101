"""Assets for monitoring the champion: impressions and the drift report."""

from datetime import UTC, datetime

import dagster as dg

from assets import gates
from assets.drift_plot import drift_metadata
from assets.events import daily_tables
from assets.partitions import OWNERS, SINGLE_RUN
from freshet.monitoring.params import DriftParams
from freshet.steps.drift_report import make_drift_report
from freshet.tables.schemas import IMPRESSIONS
from resources.lake import Lake

GROUP = "monitoring"


@gates.daily_table(IMPRESSIONS, GROUP)
def impressions(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> gates.AssetResults:
    """One row per response of the gateway: shopper, items in order, and bundle."""
    from freshet.features.impressions import publish_impressions

    yield from gates.publish_table(context, publish_impressions(daily_tables(context, lake)))


class DriftConfig(DriftParams, dg.Config):
    """How the current days are compared with the champion's training days."""


@dg.asset(
    backfill_policy=SINGLE_RUN, group_name=GROUP, kinds={"pandas"}, owners=OWNERS, output_required=False,
    check_specs=gates.check_specs("drift_report"), deps=["events", "user_features", "histories"],
)  # fmt: skip
def drift_report(
    context: dg.AssetExecutionContext, config: DriftConfig, lake: dg.ResourceParam[Lake]
) -> gates.AssetResults:
    """The current days against the champion's training days: column drift, quality drift, and the verdict."""
    params = DriftParams(**config.model_dump())
    today = datetime.now(UTC).date()
    result = make_drift_report(lake.settings, lake.store, params, today, lambda what: context.log.info(what))
    yield from gates.publish_artifact(context, result, **drift_metadata(result.value, params))

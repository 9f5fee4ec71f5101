"""What is watched once a model serves: what shoppers were shown, and whether they still are whom it learned from."""

from datetime import UTC, datetime

import dagster as dg

from assets import gates
from assets.drift_picture import of_drift
from assets.events import day_run
from assets.shop import DAILY, ONE_RUN, OWNERS
from freshet.tables.schemas import IMPRESSIONS
from freshet.watch.params import DriftParams
from resources.lake import Lake

GROUP = "watching"


@dg.asset(
    partitions_def=DAILY, backfill_policy=ONE_RUN, group_name=GROUP, kinds={"spark", "iceberg"}, owners=OWNERS,
    output_required=False, check_specs=gates.specs("impressions"), metadata=gates.columns(IMPRESSIONS),
)  # fmt: skip
def impressions(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> gates.Published:
    """One row per answer of the gateway: who was shown what, in which order, from which bundle."""
    from freshet.tables.impressions import publish_impressions

    yield from gates.hand_over(context, publish_impressions(day_run(context, lake)))


class DriftConfig(DriftParams, dg.Config):
    """How fresh days are compared with those the champion learned from."""


@dg.asset(
    backfill_policy=ONE_RUN, group_name=GROUP, kinds={"pandas"}, owners=OWNERS, output_required=False,
    check_specs=gates.specs("drift_report"), deps=["events", "user_features", "histories"],
)  # fmt: skip
def drift_report(
    context: dg.AssetExecutionContext, config: DriftConfig, lake: dg.ResourceParam[Lake]
) -> gates.Published:
    """Fresh days against the champion's training days: which columns moved, how its quality fared, and the verdict."""
    from freshet.stages.drift import make_drift_report

    params = DriftParams(**config.model_dump())
    today = datetime.now(UTC).date()
    outcome = make_drift_report(lake.settings, lake.store, params, today, lambda what: context.log.info(what))
    yield from gates.hand_over_one(context, outcome, **of_drift(outcome.made, params))

"""What a gateway takes from the pipeline beside bundles."""

import dagster as dg

from assets import gates
from assets.shop import ONE_RUN, OWNERS
from freshet.references import TrainingSetRef
from resources.lake import Lake

GROUP = "serving"


@dg.asset(
    backfill_policy=ONE_RUN, group_name=GROUP, kinds={"numpy"}, owners=OWNERS, output_required=False,
    check_specs=gates.specs("latest_histories"), deps=["histories", "events"],
)  # fmt: skip
def latest_histories(
    context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake], training_set: TrainingSetRef
) -> gates.Published:
    """The last events of every shopper, in one folder that a gateway opens at once."""
    from freshet.stages.latest import make_latest

    outcome = make_latest(lake.settings, lake.store, training_set)
    made = outcome.made
    yield from gates.hand_over_one(
        context,
        outcome,
        shoppers=made.shoppers,
        events=made.events,
        as_of="not published" if outcome.ref is None else str(outcome.ref.as_of),
        histories_compared=made.parity.probes,
    )

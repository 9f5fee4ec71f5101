"""What a gateway takes from the pipeline beside bundles."""

import time

import dagster as dg

from assets import gates
from assets.shop import ONE_RUN, OWNERS
from freshet.references import TrainingSetRef
from freshet.stages.recommendations import ScoreParams
from freshet.tables.schemas import RECOMMENDATIONS
from resources.lake import Lake

GROUP = "serving"


class ScoreConfig(ScoreParams, dg.Config):
    """How many items each list has."""


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


@dg.asset(
    backfill_policy=ONE_RUN, group_name=GROUP, kinds={"numpy"}, owners=OWNERS, output_required=False,
    check_specs=gates.specs("new_items"), deps=["vocabulary", "item_vectors"],
)  # fmt: skip
def new_items(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> gates.Published:
    """What the catalogue says of the newest items: a gateway recommends them before any model was trained on them."""
    from freshet.stages.new_items import make_new_items

    outcome = make_new_items(lake.settings, lake.store)
    yield from gates.hand_over_one(context, outcome, items=len(outcome.made.items), as_of=str(outcome.made.as_of))


@dg.asset(
    backfill_policy=ONE_RUN, group_name=GROUP, kinds={"spark", "iceberg", "onnx"}, owners=OWNERS, output_required=False,
    check_specs=gates.specs("recommendations"), metadata=gates.columns(RECOMMENDATIONS),
    deps=["latest_histories", "release"],
)  # fmt: skip
def recommendations(
    context: dg.AssetExecutionContext, config: ScoreConfig, lake: dg.ResourceParam[Lake]
) -> gates.Published:
    """Every shopper's list from the bundle that serves, scored in parallel; a gateway can answer from it."""
    from freshet.stages.recommendations import publish_lists

    began = time.monotonic()
    publication, ref = publish_lists(lake.spark, lake.settings, lake.store, ScoreParams(**config.model_dump()))
    seconds = time.monotonic() - began
    yield from gates.hand_over(
        context,
        publication,
        ref,
        bundle="not published" if ref is None else ref.bundle,
        as_of="not published" if ref is None else str(ref.as_of),
        seconds=round(seconds, 1),
        shoppers_a_second=round(publication.rows / seconds),
    )

"""Assets that a gateway reads beside bundles: latest histories, new items, recommendations."""

import time

import dagster as dg

from assets import gates
from assets.partitions import OWNERS, SINGLE_RUN
from freshet.artifacts import TrainingSetRef
from freshet.steps.recommendations import BatchScoringParams
from freshet.tables.schemas import RECOMMENDATIONS
from resources.lake import Lake

GROUP = "serving"


class BatchScoringConfig(BatchScoringParams, dg.Config):
    """Parameters of batch scoring."""


@dg.asset(
    backfill_policy=SINGLE_RUN, group_name=GROUP, kinds={"numpy"}, owners=OWNERS, output_required=False,
    check_specs=gates.check_specs("latest_histories"), deps=["histories", "events"],
)  # fmt: skip
def latest_histories(
    context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake], training_set: TrainingSetRef
) -> gates.AssetResults:
    """The last events of every shopper, in one folder that a gateway maps into memory."""
    from freshet.steps.latest_histories import make_latest_histories

    result = make_latest_histories(lake.settings, lake.store, training_set)
    histories_stats = result.value
    yield from gates.publish_artifact(
        context,
        result,
        shoppers=histories_stats.shoppers,
        events=histories_stats.events,
        as_of="not published" if result.ref is None else str(result.ref.as_of),
        histories_compared=histories_stats.parity.probes,
    )


@dg.asset(
    backfill_policy=SINGLE_RUN, group_name=GROUP, kinds={"numpy"}, owners=OWNERS, output_required=False,
    check_specs=gates.check_specs("new_items"), deps=["vocabulary", "content_embeddings"],
)  # fmt: skip
def new_items(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake]) -> gates.AssetResults:
    """Content of items that landed after the model's training, so that a gateway can recommend them at once."""
    from freshet.steps.new_items import make_new_items

    result = make_new_items(lake.settings, lake.store)
    yield from gates.publish_artifact(context, result, items=len(result.value.items), as_of=str(result.value.as_of))


@dg.asset(
    backfill_policy=SINGLE_RUN,
    group_name=GROUP,
    kinds={"spark", "iceberg", "onnx"},
    owners=OWNERS,
    output_required=False,
    check_specs=gates.check_specs("recommendations"),
    metadata=gates.column_schema(RECOMMENDATIONS),
    deps=["latest_histories", "release"],
)
def recommendations(
    context: dg.AssetExecutionContext, config: BatchScoringConfig, lake: dg.ResourceParam[Lake]
) -> gates.AssetResults:
    """Every shopper's list from the released bundle, scored in parallel; a gateway can serve it."""
    from freshet.steps.recommendations import publish_recommendations

    started = time.monotonic()
    publication, ref = publish_recommendations(
        lake.spark, lake.settings, lake.store, BatchScoringParams(**config.model_dump())
    )
    seconds = time.monotonic() - started
    yield from gates.publish_table(
        context,
        publication,
        ref,
        bundle="not published" if ref is None else ref.bundle,
        as_of="not published" if ref is None else str(ref.as_of),
        seconds=round(seconds, 1),
        shoppers_per_second=round(publication.rows / seconds),
    )

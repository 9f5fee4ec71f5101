"""Assets from a trained model to a release: bundle, edge bundle, evaluation, release."""

from datetime import UTC, datetime

import dagster as dg

from assets import gates, plots
from assets.partitions import OWNERS, SINGLE_RUN
from freshet.artifacts import BundleRef, EvaluationRef, ModelRef
from freshet.evaluation.guard_params import GuardParams
from freshet.evaluation.params import EvaluationParams
from freshet.steps import tracking_records
from freshet.steps.bundle.build import make_bundle
from freshet.steps.bundle.edge import make_edge_bundle
from freshet.steps.evaluation.evaluate import evaluate_bundle
from freshet.steps.release.release import release_bundle
from resources.lake import Lake
from resources.tracking import Tracking

GROUP = "release"


class EvaluationConfig(EvaluationParams, GuardParams, dg.Config):
    """How a challenger is evaluated, and which guards hold it for a person."""


@dg.asset(
    backfill_policy=SINGLE_RUN, group_name=GROUP, kinds={"onnx"}, owners=OWNERS, output_required=False,
    check_specs=gates.check_specs("bundle"),
)  # fmt: skip
def bundle(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    tracking: dg.ResourceParam[Tracking],
    trained_model: ModelRef,
) -> gates.AssetResults:
    """The immutable folder that a gateway serves: encoders, item embeddings, vocabulary, baselines, lineage."""
    result = make_bundle(lake.settings, lake.store, trained_model, lambda what: context.log.info(what))
    tracking_metadata = tracking.register_version(context.log, tracking_records.bundle_version(result, lake.store))
    yield from gates.publish_artifact(context, result, **plots.bundle_metadata(result.value), **tracking_metadata)


@dg.asset(
    backfill_policy=SINGLE_RUN, group_name=GROUP, kinds={"onnx"}, owners=OWNERS, output_required=False,
    check_specs=gates.check_specs("edge_bundle"),
)  # fmt: skip
def edge_bundle(
    context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake], bundle: BundleRef
) -> gates.AssetResults:
    """The bundle quantised to int8 for small devices; kept only if it ranks like the full bundle."""
    result = make_edge_bundle(lake.settings, lake.store, bundle)
    yield from gates.publish_artifact(context, result, **plots.edge_metadata(result.value))


@dg.asset(
    backfill_policy=SINGLE_RUN, group_name=GROUP, kinds={"numpy"}, owners=OWNERS, output_required=False,
    check_specs=gates.check_specs("evaluation"),
)  # fmt: skip
def evaluation(
    context: dg.AssetExecutionContext,
    config: EvaluationConfig,
    lake: dg.ResourceParam[Lake],
    tracking: dg.ResourceParam[Tracking],
    bundle: BundleRef,
) -> gates.AssetResults:
    """The metrics of challenger, champion and baselines on the same baskets, and the verdict."""
    params = EvaluationParams(**config.model_dump())
    result = evaluate_bundle(
        lake.settings, lake.store, bundle, params,
        lambda scorer, done, total: context.log.info(f"{scorer}: {done} of {total} baskets scored"),
        GuardParams(**config.model_dump()),
    )  # fmt: skip
    context.log.info(result.value.record.verdict.sentence)
    tracking_metadata = tracking.log_run(
        context.log, tracking_records.evaluation_run_record(result.value.record, bundle, datetime.now(UTC))
    )
    metadata = plots.evaluation_metadata(result.value, params)
    yield from gates.publish_artifact(context, result, **metadata, **tracking_metadata)


@dg.asset(
    backfill_policy=SINGLE_RUN, group_name=GROUP, kinds={"json"}, owners=OWNERS, output_required=False,
    check_specs=gates.check_specs("release"),
)  # fmt: skip
def release(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    tracking: dg.ResourceParam[Tracking],
    evaluation: EvaluationRef,
) -> gates.AssetResults:
    """The journal's next entry if the verdict allows it: the bundle becomes the champion."""
    result = release_bundle(lake.store, evaluation, lake.settings, by=f"dagster run {context.run.run_id[:8]}")
    context.log.info(result.value.sentence)
    champion = None if result.ref is None else tracking_records.release_version(evaluation, result.ref.id, lake.store)
    tracking_metadata = tracking.set_champion_alias(context.log, champion)
    yield from gates.publish_artifact(context, result, verdict=result.value.sentence, **tracking_metadata)

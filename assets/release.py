"""From weights to what serves: the bundle, its evaluation, and the entry in the journal."""

from datetime import UTC, datetime

import dagster as dg

from assets import gates
from assets import plots as pictures
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
    """How a challenger is judged, and what holds it for a person."""


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
    """The immutable folder that serves: encoders, item vectors, vocabulary, baselines, lineage."""
    result = make_bundle(lake.settings, lake.store, trained_model, lambda what: context.log.info(what))
    tracking_metadata = tracking.register_version(context.log, tracking_records.bundle_version(result, lake.store))
    yield from gates.publish_artifact(context, result, **pictures.bundle_metadata(result.value), **tracking_metadata)


@dg.asset(
    backfill_policy=SINGLE_RUN, group_name=GROUP, kinds={"onnx"}, owners=OWNERS, output_required=False,
    check_specs=gates.check_specs("edge_bundle"),
)  # fmt: skip
def edge_bundle(
    context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake], bundle: BundleRef
) -> gates.AssetResults:
    """The bundle made small, for where 5 MB are much: int8 throughout, kept only if it answers like the full one."""
    result = make_edge_bundle(lake.settings, lake.store, bundle)
    yield from gates.publish_artifact(context, result, **pictures.edge_metadata(result.value))


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
    """Challenger, champion and baselines asked the same baskets now, and the verdict in words."""
    params = EvaluationParams(**config.model_dump())
    result = evaluate_bundle(
        lake.settings, lake.store, bundle, params,
        lambda who, done, of: context.log.info(f"{who}: {done} of {of} baskets asked for"),
        GuardParams(**config.model_dump()),
    )  # fmt: skip
    context.log.info(result.value.record.verdict.sentence)
    tracking_metadata = tracking.log_run(
        context.log, tracking_records.evaluation_run_record(result.value.record, bundle, datetime.now(UTC))
    )
    plots = pictures.evaluation_metadata(result.value, params)
    yield from gates.publish_artifact(context, result, **plots, **tracking_metadata)


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
    """The journal's next entry, if the verdict says so: from then on the bundle serves."""
    result = release_bundle(lake.store, evaluation, lake.settings, by=f"dagster run {context.run.run_id[:8]}")
    context.log.info(result.value.sentence)
    champion = None if result.ref is None else tracking_records.release_version(evaluation, result.ref.id, lake.store)
    tracking_metadata = tracking.set_champion_alias(context.log, champion)
    yield from gates.publish_artifact(context, result, verdict=result.value.sentence, **tracking_metadata)

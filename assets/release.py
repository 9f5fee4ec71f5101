"""From weights to what serves: the bundle, its evaluation, and the entry in the journal."""

from datetime import UTC, datetime

import dagster as dg

from assets import gates, pictures
from assets.shop import ONE_RUN, OWNERS
from freshet.judge.guard_params import GuardParams
from freshet.judge.params import JudgeParams
from freshet.references import BundleRef, EvaluationRef, ModelRef
from freshet.stages import notes
from freshet.stages.bundle import make_bundle
from freshet.stages.edge import make_edge
from freshet.stages.evaluation import evaluate_bundle
from freshet.stages.release import release_bundle
from resources.lake import Lake
from resources.tracking import Tracking

GROUP = "release"


class JudgeConfig(JudgeParams, GuardParams, dg.Config):
    """How a challenger is judged, and what holds it for a person."""


@dg.asset(
    backfill_policy=ONE_RUN, group_name=GROUP, kinds={"onnx"}, owners=OWNERS, output_required=False,
    check_specs=gates.specs("bundle"),
)  # fmt: skip
def bundle(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    tracking: dg.ResourceParam[Tracking],
    trained_model: ModelRef,
) -> gates.Published:
    """The immutable folder that serves: encoders, item vectors, vocabulary, baselines, lineage."""
    outcome = make_bundle(lake.settings, lake.store, trained_model, lambda what: context.log.info(what))
    written = tracking.register(context.log, notes.of_bundle(outcome, lake.store))
    yield from gates.hand_over_one(context, outcome, **pictures.of_bundle(outcome.made), **written)


@dg.asset(
    backfill_policy=ONE_RUN, group_name=GROUP, kinds={"onnx"}, owners=OWNERS, output_required=False,
    check_specs=gates.specs("edge_bundle"),
)  # fmt: skip
def edge_bundle(context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake], bundle: BundleRef) -> gates.Published:
    """The bundle made small, for where 5 MB are much: int8 throughout, kept only if it answers like the full one."""
    outcome = make_edge(lake.settings, lake.store, bundle)
    yield from gates.hand_over_one(context, outcome, **pictures.of_edge(outcome.made))


@dg.asset(
    backfill_policy=ONE_RUN, group_name=GROUP, kinds={"numpy"}, owners=OWNERS, output_required=False,
    check_specs=gates.specs("evaluation"),
)  # fmt: skip
def evaluation(
    context: dg.AssetExecutionContext,
    config: JudgeConfig,
    lake: dg.ResourceParam[Lake],
    tracking: dg.ResourceParam[Tracking],
    bundle: BundleRef,
) -> gates.Published:
    """Challenger, champion and baselines asked the same baskets now, and the verdict in words."""
    params = JudgeParams(**config.model_dump())
    outcome = evaluate_bundle(
        lake.settings, lake.store, bundle, params,
        lambda who, done, of: context.log.info(f"{who}: {done} of {of} baskets asked for"),
        GuardParams(**config.model_dump()),
    )  # fmt: skip
    context.log.info(outcome.made.kept.verdict.sentence)
    written = tracking.write(context.log, notes.of_evaluation(outcome.made.kept, bundle, datetime.now(UTC)))
    shown = pictures.of_evaluation(outcome.made, params)
    yield from gates.hand_over_one(context, outcome, **shown, **written)


@dg.asset(
    backfill_policy=ONE_RUN, group_name=GROUP, kinds={"json"}, owners=OWNERS, output_required=False,
    check_specs=gates.specs("release"),
)  # fmt: skip
def release(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    tracking: dg.ResourceParam[Tracking],
    evaluation: EvaluationRef,
) -> gates.Published:
    """The journal's next entry, if the verdict says so: from then on the bundle serves."""
    outcome = release_bundle(lake.store, evaluation, lake.settings, by=f"dagster run {context.run.run_id[:8]}")
    context.log.info(outcome.made.sentence)
    crowned = None if outcome.ref is None else notes.of_release(evaluation, outcome.ref.id, lake.store)
    written = tracking.crown(context.log, crowned)
    yield from gates.hand_over_one(context, outcome, verdict=outcome.made.sentence, **written)

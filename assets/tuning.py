"""The tuning asset: a hyper-parameter study, whose best parameters can be used for training."""

from datetime import UTC, datetime

import dagster as dg

from assets import gates, tuning_plot
from assets.partitions import ACCELERATOR_POOL, OWNERS, SINGLE_RUN
from freshet.artifacts import TrainingSetRef
from freshet.commands import materialize_command
from freshet.steps import tracking_records
from freshet.steps.training.tune import tune_parameters
from freshet.tuning.space import TuningParams
from resources.lake import Lake
from resources.tracking import Tracking

GROUP = "training"
NOT_ALONE_MESSAGE = (
    "No tuning: `trained_model` is in the same run, and nothing orders the two. "
    f"Run it alone: {materialize_command('tuning')}, or the job `tune`."
)


class TuningConfig(TuningParams, dg.Config):
    """Parameters of the study."""


# Not dg.asset: only a subsettable asset may return without the results of its checks.
@dg.multi_asset(
    name="tuning",
    outs={
        "result": dg.AssetOut(
            key="tuning", is_required=False, group_name=GROUP, kinds={"optuna", "torch"}, owners=OWNERS,
            description="Parameters of a study that beat the defaults, for `param_source: tuning`.",
        )
    },
    check_specs=gates.check_specs("tuning"), can_subset=True, backfill_policy=SINGLE_RUN, pool=ACCELERATOR_POOL,
)  # fmt: skip
def tuning(
    context: dg.AssetExecutionContext,
    config: TuningConfig,
    lake: dg.ResourceParam[Lake],
    tracking: dg.ResourceParam[Tracking],
    training_set: TrainingSetRef,
) -> gates.AssetResults:
    """Run a study; publish the best parameters if they beat the defaults."""
    if _trains_model(context):
        context.log.info(NOT_ALONE_MESSAGE)
        return
    params = TuningParams(**config.model_dump())
    result = tune_parameters(lake.settings, training_set, params, lambda what: context.log.info(what))
    tracking_metadata = tracking.log_run(
        context.log, tracking_records.tuning_run_record(result, training_set, datetime.now(UTC))
    )
    yield from gates.publish_artifact(context, result, **tuning_plot.tuning_metadata(result.value), **tracking_metadata)


def _trains_model(context: dg.AssetExecutionContext) -> bool:
    """Return whether the run also trains a model: a run of all assets should not take hours for a study."""
    return dg.AssetKey("trained_model") in context.job_def.asset_layer.executable_asset_keys

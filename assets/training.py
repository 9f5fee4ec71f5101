"""Assets of training: vocabulary, training set, trained model."""

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from assets import gates, plots
from assets.partitions import ACCELERATOR_POOL, OWNERS, SINGLE_RUN
from freshet.artifacts import TrainingSetRef
from freshet.commands import materialize_hint
from freshet.errors import LakeError
from freshet.features import training_set as training_run
from freshet.model.params import TrainParams
from freshet.steps import tracking_records
from freshet.steps.training.param_source import ParamSource, resolve_params
from freshet.steps.training.train import train_model
from freshet.tables import day_records
from freshet.tables.schemas import TRAINING_SET, VOCABULARY
from freshet.training.run_params import RunParams
from resources.lake import Lake
from resources.tracking import Tracking

if TYPE_CHECKING:
    from freshet.training.trainer import EpochMetrics

GROUP = "training"
MAX_HOLDOUT_DAYS = 7  # days held out at most


class VocabularyConfig(dg.Config):
    """How item ids get their indices."""

    new_generation: bool = Field(
        False, description="give all items new indices; models of the old generation keep their own indices"
    )


class TrainingSetConfig(dg.Config):
    """Which days are for training and which are held out for evaluation."""

    as_of: str | None = Field(
        None, description="last landing day to use, YYYY-MM-DD; unset: the last published day before today"
    )
    holdout_days: int | None = Field(
        None, ge=1, le=365,
        description="last days, held out for evaluation; unset: as few as have `min_holdout_cases` baskets",
    )  # fmt: skip
    min_holdout_cases: int = Field(3000, ge=2, description="held-out baskets to reach within at most 7 days")
    max_history_events: int = Field(2000, ge=2, le=100_000, description="latest events per shopper to use")


class TrainConfig(TrainParams, RunParams, dg.Config):
    """Parameters of training and of its processes."""

    param_source: ParamSource = Field(
        "config",
        description="base parameters: `config`: these; `tuning`: the best trial of the last study; `champion`: the "
        "champion's. Values here that differ from the defaults override them",
    )


@dg.asset(
    backfill_policy=SINGLE_RUN, group_name=GROUP, kinds={"spark", "iceberg"}, owners=OWNERS, output_required=False,
    check_specs=gates.check_specs("vocabulary"), metadata=gates.column_schema(VOCABULARY), deps=["items"],
)  # fmt: skip
def vocabulary(
    context: dg.AssetExecutionContext, config: VocabularyConfig, lake: dg.ResourceParam[Lake]
) -> gates.AssetResults:
    """Item id and dense index, append-only within a generation, with the latest item attributes."""
    yield from gates.publish_table(
        context, training_run.publish_vocabulary(lake.spark, lake.settings, new_generation=config.new_generation)
    )


@dg.asset(
    backfill_policy=SINGLE_RUN, group_name=GROUP, kinds={"spark", "iceberg"}, owners=OWNERS, output_required=False,
    check_specs=gates.check_specs("training_set"), metadata=gates.column_schema(TRAINING_SET),
    deps=["histories", "user_features", "item_features", vocabulary, "content_embeddings"],
)  # fmt: skip
def training_set(
    context: dg.AssetExecutionContext, config: TrainingSetConfig, lake: dg.ResourceParam[Lake]
) -> gates.AssetResults:
    """One row per shopper: all events landed by a day, in canonical order, with the source snapshots."""
    as_of = date.fromisoformat(config.as_of) if config.as_of else _last_complete_day(lake)
    holdout_days = config.holdout_days or training_run.evaluation_days(
        lake.spark, as_of, config.min_holdout_cases, MAX_HOLDOUT_DAYS
    )
    train_until = as_of - timedelta(days=holdout_days)
    publication, ref = training_run.publish_training_set(
        lake.spark, lake.settings, as_of, train_until, config.max_history_events
    )
    yield from gates.publish_table(
        context,
        publication,
        ref,
        as_of=str(as_of),
        train_until=str(train_until),
        snapshots=dg.MetadataValue.json(ref.snapshots),
    )


@dg.asset(
    backfill_policy=SINGLE_RUN, group_name=GROUP, kinds={"torch"}, owners=OWNERS, output_required=False,
    check_specs=gates.check_specs("trained_model"), pool=ACCELERATOR_POOL,
)  # fmt: skip
def trained_model(
    context: dg.AssetExecutionContext,
    config: TrainConfig,
    lake: dg.ResourceParam[Lake],
    tracking: dg.ResourceParam[Tracking],
    training_set: TrainingSetRef,
) -> gates.AssetResults:
    """The transformer's weights and the JSON that rebuilds it."""
    run = RunParams(**config.model_dump())
    if run.distributed == "spark":
        _ = lake.spark  # the session whose tasks train
    params = resolve_params(config.param_source, TrainParams(**config.model_dump()), lake.store)
    result = train_model(
        lake.settings, lake.store, training_set, params, lambda p: context.log.info(_progress_line(p)), run
    )
    tracking_metadata = tracking.log_run(
        context.log, tracking_records.training_run_record(result, training_set, datetime.now(UTC))
    )
    yield from gates.publish_artifact(context, result, **plots.training_metadata(result.value), **tracking_metadata)


def _progress_line(progress: "EpochMetrics") -> str:
    return (
        f"epoch {progress.epoch} of at most {progress.max_epochs}: loss {progress.loss:.3f}, "
        f"NDCG@10 of held-out baskets {progress.ndcg_at_10:.4f}, "
        f"{progress.seconds:.0f} s so far, at most {progress.seconds_left:.0f} s left"
    )


def _last_complete_day(lake: Lake) -> date:
    # Today's last hours are missing, so today is not complete.
    day = day_records.last_published_day(lake.store, "histories", today=datetime.now(UTC).date())
    if day is None:
        raise LakeError("training_set", "no landing day has been published yet", materialize_hint(lake.store))
    return day

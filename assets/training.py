"""What a model learns from, and the model."""

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Literal

import dagster as dg
from pydantic import Field

from assets import gates, pictures
from assets.shop import ACCELERATOR_POOL, ONE_RUN, OWNERS
from freshet import days as day_records
from freshet.commands import load_days
from freshet.errors import LakeError
from freshet.model.params import TrainParams
from freshet.model.run_params import RunParams
from freshet.references import TrainingSetRef
from freshet.stages import notes
from freshet.stages.configuration import configuration
from freshet.stages.model import train_model
from freshet.tables import training_run
from freshet.tables.schemas import TRAINING_SET, VOCABULARY
from resources.lake import Lake
from resources.tracking import Tracking

if TYPE_CHECKING:
    from freshet.model.training import Progress

GROUP = "training"
MOST_HELD = 7  # days kept from a model, however few baskets they hold


class VocabularyConfig(dg.Config):
    """How item ids get their indexes."""

    new_generation: bool = Field(
        False, description="number all items afresh; models of the old generation keep their own numbers"
    )


class TrainingSetConfig(dg.Config):
    """Which days a model learns from and which ones judge it."""

    as_of: str | None = Field(
        None, description="last landing day to use, YYYY-MM-DD; unset: the last one published that is over"
    )
    holdout_days: int | None = Field(
        None, ge=1, le=365,
        description="the last days, kept from the model to judge it on; unset: as few as hold `holdout_cases` baskets",
    )  # fmt: skip
    holdout_cases: int = Field(3000, ge=2, description="baskets to judge on, where 7 days hold so many")
    longest_history: int = Field(2000, ge=2, le=100_000, description="events kept per shopper, the latest ones")


class TrainConfig(TrainParams, RunParams, dg.Config):
    """How to train, and on how many processes."""

    params_from: Literal["config", "search", "champion"] = Field(
        "config",
        description="whose parameters: these; the last search's winner's, or the champion's, with what differs from "
        "the defaults here on top",
    )


@dg.asset(
    backfill_policy=ONE_RUN, group_name=GROUP, kinds={"spark", "iceberg"}, owners=OWNERS, output_required=False,
    check_specs=gates.specs("vocabulary"), metadata=gates.columns(VOCABULARY), deps=["items"],
)  # fmt: skip
def vocabulary(
    context: dg.AssetExecutionContext, config: VocabularyConfig, lake: dg.ResourceParam[Lake]
) -> gates.Published:
    """Item id and dense index, append-only within a generation, with the latest facts of the catalogue."""
    yield from gates.hand_over(
        context, training_run.publish_vocabulary(lake.spark, lake.settings, new_generation=config.new_generation)
    )


@dg.asset(
    backfill_policy=ONE_RUN, group_name=GROUP, kinds={"spark", "iceberg"}, owners=OWNERS, output_required=False,
    check_specs=gates.specs("training_set"), metadata=gates.columns(TRAINING_SET),
    deps=["histories", "user_features", "item_features", vocabulary, "item_vectors"],
)  # fmt: skip
def training_set(
    context: dg.AssetExecutionContext, config: TrainingSetConfig, lake: dg.ResourceParam[Lake]
) -> gates.Published:
    """One row per shopper: everything landed by a day, in canonical order, with the snapshots it was made from."""
    as_of = date.fromisoformat(config.as_of) if config.as_of else _last_day(lake)
    held = config.holdout_days or training_run.days_to_judge(lake.spark, as_of, config.holdout_cases, MOST_HELD)
    cut = as_of - timedelta(days=held)
    publication, ref = training_run.publish_training_set(lake.spark, lake.settings, as_of, cut, config.longest_history)
    yield from gates.hand_over(
        context,
        publication,
        ref,
        as_of=str(as_of),
        learns_until=str(cut),
        made_from=dg.MetadataValue.json(ref.snapshots),
    )


@dg.asset(
    backfill_policy=ONE_RUN, group_name=GROUP, kinds={"torch"}, owners=OWNERS, output_required=False,
    check_specs=gates.specs("trained_model"), pool=ACCELERATOR_POOL,
)  # fmt: skip
def trained_model(
    context: dg.AssetExecutionContext,
    config: TrainConfig,
    lake: dg.ResourceParam[Lake],
    tracking: dg.ResourceParam[Tracking],
    training_set: TrainingSetRef,
) -> gates.Published:
    """The transformer's weights and the JSON that rebuilds it."""
    run = RunParams(**config.model_dump())
    if run.distribute == "spark":
        _ = lake.spark  # the session whose tasks train
    params = configuration(config.params_from, TrainParams(**config.model_dump()), lake.store)
    outcome = train_model(lake.settings, lake.store, training_set, params, lambda p: context.log.info(_told(p)), run)
    written = tracking.write(context.log, notes.of_training(outcome, training_set, datetime.now(UTC)))
    yield from gates.hand_over_one(context, outcome, **pictures.of_training(outcome.made), **written)


def _told(p: "Progress") -> str:
    return (
        f"epoch {p.epoch} of at most {p.epochs}: loss {p.loss:.3f}, NDCG@10 of held-out baskets {p.ndcg_at_10:.4f}, "
        f"{p.seconds:.0f} s so far, at most {p.seconds_left:.0f} s left"
    )


def _last_day(lake: Lake) -> date:
    # Today's evening is still missing: it would be judged as if the day were over.
    day = day_records.last_published(lake.store, "histories", today=datetime.now(UTC).date())
    if day is None:
        raise LakeError("training_set", "no landing day has been published yet", load_days(lake.store))
    return day

"""A simulated shop small enough to train on within seconds, and its steps without Dagster."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from freshet.artifacts import BundleRef, ModelRef, TrainingSetRef
from freshet.model.params import TrainParams
from freshet.settings import Settings
from freshet.store import Store, open_store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MAPPING_FILE = Path(__file__).parents[1] / "examples" / "simulated_shop.yaml"
FIRST_DAY = date(2024, 3, 4)
TINY_PARAMS = TrainParams(
    max_history=8,
    hidden_dim=16,
    embedding_dim=16,
    n_layers=1,
    n_heads=1,
    max_epochs=4,
    steps_per_epoch=100,
    max_validation_cases=50,
)


@dataclass(frozen=True)
class SmallShop:
    """A lake with daily tables, vocabulary, training set, a tiny model and its bundle. Its journal is empty."""

    settings: Settings
    days: Sequence[date]
    training_set: TrainingSetRef
    model: ModelRef
    bundle: BundleRef

    @property
    def store(self) -> Store:
        return open_store(self.settings.lake)


def land_simulated(
    folder: Path, shoppers: int = 300, days: int = 6, **overrides: object
) -> tuple[Settings, tuple[date, ...]]:
    """A lake in `folder` into which the shop's files have been landed."""
    from freshet.ingest.mapping.source_mapping import read_mapping
    from freshet.simulation.params import ShopParams
    from pipelines.load_simulation import deliver

    settings = Settings(
        _env_file=None, lake=str(folder), mapping=MAPPING_FILE, first_day=FIRST_DAY, training_device="cpu", **overrides
    )
    params = ShopParams(
        first_day=FIRST_DAY, days=days, shoppers=shoppers, items=80, categories=10, views_per_shopper=8.0
    )
    return settings, deliver(settings, read_mapping(MAPPING_FILE), params).days


def build_small_shop(spark: "SparkSession", folder: Path) -> SmallShop:
    """Run every step up to the bundle."""
    from freshet.data.pseudonym import load_pseudonym_key
    from freshet.features import training_set as training_run
    from freshet.features.deduplication import publish_events
    from freshet.ingest.mapping.source_mapping import read_mapping
    from freshet.steps.bundle.build import make_bundle
    from freshet.steps.training.train import train_model
    from tests import tiny_lake

    settings, days = land_simulated(folder)
    session = tiny_lake.lake_session(spark, settings)
    run = tiny_lake.day_run(session, settings, days)
    run.publish_raw_events(read_mapping(MAPPING_FILE), load_pseudonym_key(settings))
    run.publish_quarantined_events()
    publish_events(run)
    tiny_lake.run_features(run)
    training_run.publish_vocabulary(session, settings)
    cut = days[-1] - timedelta(days=2)
    _, training_set = training_run.publish_training_set(session, settings, days[-1], cut, 2000)
    store = open_store(settings.lake)
    model = train_model(settings, store, training_set, TINY_PARAMS, lambda _: None).ref
    assert model is not None
    bundle = make_bundle(settings, store, model).ref
    assert bundle is not None
    return SmallShop(settings, days, training_set, model, bundle)

"""A simulated shop small enough to train on within seconds, and its way through the stages without Dagster."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from freshet.model.params import TrainParams
from freshet.references import BundleRef, ModelRef, TrainingSetRef
from freshet.settings import Settings
from freshet.store import Store, open_store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MAPPING = Path(__file__).parents[1] / "examples" / "simulated_shop.yaml"
FIRST = date(2024, 3, 4)
TINY = TrainParams(
    length=8, width=16, vector=16, blocks=1, heads=1, max_epochs=4, steps_per_epoch=100, validation_cases=50
)


@dataclass(frozen=True)
class SmallShop:
    """A lake with daily tables, vocabulary, training set, a tiny model and its bundle. Nothing is released in it."""

    settings: Settings
    days: Sequence[date]
    training_set: TrainingSetRef
    model: ModelRef
    bundle: BundleRef

    @property
    def store(self) -> Store:
        return open_store(self.settings.lake)


def landed(folder: Path, shoppers: int = 300, days: int = 6, **more: object) -> tuple[Settings, tuple[date, ...]]:
    """A lake in `folder` into which the shop's files have been landed."""
    from freshet.simulation.params import ShopParams
    from freshet.tables.mapping import read
    from pipelines.simulated import deliver

    settings = Settings(_env_file=None, lake=str(folder), mapping=MAPPING, first_day=FIRST, device="cpu", **more)
    params = ShopParams(first_day=FIRST, days=days, shoppers=shoppers, items=80, categories=10, looks=8.0)
    return settings, deliver(settings, read(MAPPING), params).days


def build(spark: "SparkSession", folder: Path) -> SmallShop:
    """Every stage up to the bundle."""
    from freshet.pseudonym import lake_key
    from freshet.stages.bundle import make_bundle
    from freshet.stages.model import train_model
    from freshet.tables import training_run
    from freshet.tables.mapping import read
    from tests import tiny_lake

    settings, days = landed(folder)
    own = tiny_lake.session_on(spark, settings)
    run = tiny_lake.day_run(own, settings, days)
    run.raw_events(read(MAPPING), lake_key(settings))
    run.quarantined_events()
    run.events()
    tiny_lake.run_features(run)
    training_run.publish_vocabulary(own, settings)
    cut = days[-1] - timedelta(days=2)
    _, training_set = training_run.publish_training_set(own, settings, days[-1], cut, 2000)
    store = open_store(settings.lake)
    model = train_model(settings, store, training_set, TINY, lambda _: None).ref
    assert model is not None
    bundle = make_bundle(settings, store, model).ref
    assert bundle is not None
    return SmallShop(settings, days, training_set, model, bundle)

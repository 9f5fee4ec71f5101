"""What one asset hands to the next where the thing itself is too big: names that nothing else can be meant by."""

from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict, JsonValue, model_validator

from freshet.store import Store

FORMER_ASSET_NAMES: Final = {"content_embeddings": "item_vectors", "tuning": "search"}  # name → former name


def published_path(store: Store, asset: str) -> str:
    """Return the path of the asset's published reference: under its former name where only that file exists."""
    path, former_path = f"published/{asset}.json", f"published/{FORMER_ASSET_NAMES.get(asset, asset)}.json"
    return path if store.exists(path) or not store.exists(former_path) else former_path


class StoredModel(BaseModel):
    """A record that is stored as JSON in the lake or in a bundle, readable under its fields' former names, too.

    former_names: field → the name that it had in files of earlier versions.
    """

    model_config = ConfigDict(frozen=True)

    former_names: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _rename_former(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        new_names = {former: name for name, former in cls.former_names.items() if name not in values}
        return {new_names.get(name, name): value for name, value in values.items()}


class _ArtifactRef(StoredModel):
    """A reference to an artifact."""


class TrainingSetRef(_ArtifactRef):
    """Which training set: the snapshots it was made from, enough to read the very same one again."""

    former_names: ClassVar[Mapping[str, str]] = {"train_until": "cut", "content_embeddings": "item_vectors"}

    as_of: date
    train_until: date
    snapshots: Mapping[str, int]  # table → snapshot, training_set and vocabulary included
    content_embeddings: str | None = None  # which vectors of items, where there are any


class TuningRef(_ArtifactRef):
    """Which configuration a search found better than the default one, and on what."""

    id: str  # hash of the rest
    training_set: TrainingSetRef
    study: str  # its name in the study database
    trial: int
    parameters: Mapping[str, JsonValue]  # all of them, as TrainParams takes them
    metrics: Mapping[str, JsonValue]  # of the winner and of the default, on the same held-out baskets


class ModelRef(_ArtifactRef):
    """Which weights: `models/<id>`, and what they were trained on."""

    id: str
    training_set: TrainingSetRef
    parameters: Mapping[str, JsonValue]  # how it was trained
    metrics: Mapping[str, JsonValue]  # of its best epoch
    cost: Mapping[str, JsonValue] = {}  # what training it took; empty where nobody wrote it down


class BundleRef(_ArtifactRef):
    """Which bundle: `bundles/<id>`, and what it was made from."""

    id: str
    model: ModelRef


class EdgeRef(_ArtifactRef):
    """Which edge bundle: `bundles/<id>`, and the full bundle that it was made from."""

    id: str
    bundle: BundleRef


class EvaluationRef(_ArtifactRef):
    """Which judgement: `evaluations/<id>.json`, of which bundle, decided on which state of the journal."""

    id: str
    bundle: BundleRef
    decided_on: int  # number of the last release when the champion was scored; 0 = none


class ReleaseRef(_ArtifactRef):
    """Which release, and the bundle it made the champion."""

    id: str  # the release's number
    bundle: str


class LatestHistoriesRef(_ArtifactRef):
    """Which latest histories: `latest_histories/<id>`, and the last landing day in them."""

    id: str
    as_of: date


class RecommendationsRef(_ArtifactRef):
    """Which lists made ahead: `recommendations/<id>`, of which bundle, and the last landing day they know."""

    id: str
    bundle: str
    as_of: date


class ContentEmbeddingsRef(_ArtifactRef):
    """Which vectors of items: `item_vectors/<id>.npz`, and how many numbers each name has."""

    id: str
    dims: Mapping[str, int]


class NewItemsRef(_ArtifactRef):
    """Which new items: `new_items/<id>`, and the last landing day of any of them."""

    id: str
    as_of: date


class DriftRef(_ArtifactRef):
    """Which drift report: `drift/<id>.json`, of which release, up to which landing day."""

    id: str
    release: int  # number of the release whose champion was watched
    bundle: str
    last_day: date  # the last of the fresh days
    drifted: bool

"""What one asset hands to the next where the thing itself is too big: names that nothing else can be meant by."""

from collections.abc import Mapping
from datetime import date

from pydantic import BaseModel, ConfigDict, JsonValue


class _ArtifactRef(BaseModel):
    model_config = ConfigDict(frozen=True)


class TrainingSetRef(_ArtifactRef):
    """Which training set: the snapshots it was made from, enough to read the very same one again."""

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

"""References to published artifacts (`published/<asset>.json`), and `StoredModel`, which reads fields by former names.

An asset whose value is too big to pass on (a model, a bundle, lists) publishes a reference: the id of immutable files.
This is the one place that reads and writes references. Every record that is stored as JSON is a `StoredModel`.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar, Final, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue, model_validator

from freshet.store import Store

Ref = TypeVar("Ref", bound=BaseModel)

# Asset → its name in earlier versions: an older lake has its reference under that name.
FORMER_ASSET_NAMES: Final = {"content_embeddings": "item_vectors", "tuning": "search"}


def reference_path(asset: str) -> str:
    """Return the lake path of an asset's published reference."""
    return f"published/{asset}.json"


def model_path(model_id: str) -> str:
    """Return the lake folder of a model's weights and configuration."""
    return f"models/{model_id}"


def publish(store: Store, asset: str, ref: BaseModel) -> None:
    """Write `ref` as the asset's current reference; readers see the old one or the new one, never a mixture."""
    store.put(reference_path(asset), ref.model_dump_json(indent=1).encode())


def published(store: Store, asset: str, ref_type: type[Ref]) -> Ref | None:
    """Return the asset's current reference, None if it was never published.

    A renamed asset that was not published since is read under its former name. Raises LakeError if the lake cannot be
    read, pydantic's ValidationError if the file holds something else.
    """
    for name in (asset, FORMER_ASSET_NAMES.get(asset, asset)):
        if store.exists(reference_path(name)):
            return ref_type.model_validate_json(store.get(reference_path(name)))
    return None


def rename_former(values: Mapping[str, Any], former_names: Mapping[str, str]) -> dict[str, Any]:
    """Return `values` with former names replaced by current ones; a value under the current name takes precedence."""
    current_names = {former: name for name, former in former_names.items() if name not in values}
    return {current_names.get(name, name): value for name, value in values.items()}


class StoredModel(BaseModel):
    """Base of records stored as JSON in the lake or in a bundle; fields are also read under their former names.

    former_names: field → its name in files of earlier versions.
    """

    model_config = ConfigDict(frozen=True)

    former_names: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _rename_former(cls, values: Any) -> Any:
        return rename_former(values, cls.former_names) if isinstance(values, Mapping) else values

    def dump_former(self) -> dict[str, Any]:
        """Return the record's JSON values under the former names, for hashes that must stay the same."""
        return {self.former_names.get(name, name): value for name, value in self.model_dump(mode="json").items()}


class TrainingSetRef(StoredModel):
    """A training set: the Iceberg snapshots that it consists of."""

    former_names: ClassVar[Mapping[str, str]] = {"train_until": "cut", "content_embeddings": "item_vectors"}

    as_of: date  # the last landing day in it
    train_until: date  # the last day of training; baskets of later days are held out for evaluation
    snapshots: Mapping[str, int]  # table → snapshot id, training_set and vocabulary included
    content_embeddings: str | None = None  # id of the content embeddings, None if there were none


def lineage_train_until(lineage: Mapping[str, JsonValue]) -> date | None:
    """Return `train_until` of the training set that a bundle's manifest names, None if it names none."""
    day = lineage.get("train_until", lineage.get(TrainingSetRef.former_names["train_until"]))
    return date.fromisoformat(day) if isinstance(day, str) else None


class ArtifactRef(StoredModel):
    """A reference to immutable files of the lake."""

    id: str  # names the files; a hash of their content unless the class says otherwise


class TuningRef(ArtifactRef):
    """Parameters that a tuning study found to be better than the defaults; the id is the hash of the other fields."""

    training_set: TrainingSetRef
    study: str  # its name in the study database
    trial: int
    parameters: Mapping[str, JsonValue]  # all fields of TrainParams
    metrics: Mapping[str, JsonValue]  # of the winner and of the defaults, on the same validation cases


class ModelRef(ArtifactRef):
    """A trained model: `models/<id>`."""

    training_set: TrainingSetRef
    parameters: Mapping[str, JsonValue]  # all fields of TrainParams
    metrics: Mapping[str, JsonValue]  # of its best epoch
    cost: Mapping[str, JsonValue] = {}  # time and memory of the training; empty in files of earlier versions


class BundleRef(ArtifactRef):
    """A bundle: `bundles/<id>`."""

    model: ModelRef


class EdgeRef(ArtifactRef):
    """An edge bundle: `bundles/<id>`."""

    bundle: BundleRef  # the full bundle that it was compressed from


class EvaluationRef(ArtifactRef):
    """An evaluation of a bundle: `evaluations/<id>.json`."""

    bundle: BundleRef
    decided_on: int  # number of the last release when the champion was scored; 0 = none


class ReleaseRef(ArtifactRef):
    """A release; the id is its number in the journal."""

    bundle: str  # id of the bundle that it made the champion


class LatestHistoriesRef(ArtifactRef):
    """Latest histories: `latest_histories/<id>`."""

    as_of: date  # the last landing day in them


class RecommendationsRef(ArtifactRef):
    """Precomputed lists: `recommendations/<id>`."""

    bundle: str  # id of the bundle that ranked them
    as_of: date  # the last landing day of the histories that they were computed from


class ContentEmbeddingsRef(ArtifactRef):
    """Content embeddings of the items: `item_vectors/<id>.npz`."""

    former_names: ClassVar[Mapping[str, str]] = {"dims": "sizes"}

    dims: Mapping[str, int]  # name → length of its vectors


class NewItemsRef(ArtifactRef):
    """New items: `new_items/<id>`."""

    as_of: date  # the last landing day of any of them


class DriftRef(ArtifactRef):
    """A drift report: `drift/<id>.json`."""

    release: int  # number of the release whose champion was monitored
    bundle: str
    last_day: date  # the last landing day of the current window
    drifted: bool

"""Hyper-parameters: `TrainParams` (architecture and training) and `ModelConfig` (what rebuilds a trained model)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, NoReturn

from pydantic import Field, JsonValue, model_validator

from freshet.artifacts import StoredModel, rename_former
from freshet.data.columns import EVENT_TYPES
from freshet.data.history import HISTORY_WINDOW, N_GAP_BUCKETS
from freshet.data.knn_blend import NO_BLEND, KnnBlend
from freshet.item_schema import ItemFeature, ItemSchema

ITEM_EXPOSURES = 170  # how often an ensemble member sees an item in training, on average over all items
EPOCH_LIMITS = (8, 40)  # lowest and highest default of max_epochs

BUILTIN_MODEL: Final = "freshet"  # TrainParams.model_class of the transformer in freshet.model.transformer

FORMER_ARCHITECTURE_NAMES: Final = {
    "max_history": "length",
    "hidden_dim": "width",
    "embedding_dim": "vector",
    "n_layers": "blocks",
    "n_heads": "heads",
    "ensemble_size": "members",
}


class TrainParams(StoredModel):
    """Architecture and training. The defaults suit shops of any size; values that depend on size follow a rule."""

    former_names: ClassVar[Mapping[str, str]] = {
        **FORMER_ARCHITECTURE_NAMES,
        "max_batch_events": "batch_rows",
        "within_basket_target_rate": "inside_share",
        "n_negatives": "negatives",
        "validation_fraction": "validation_share",
        "max_validation_cases": "validation_cases",
        "model_class": "model",
        "warm_lr_scale": "warm_rate",
    }

    max_history: int = Field(
        100, ge=1, le=HISTORY_WINDOW, description="events of a history that the model reads, the latest ones"
    )
    hidden_dim: int = Field(128, ge=8, le=1024, description="width of the transformer; a multiple of `n_heads`")
    embedding_dim: int = Field(128, ge=8, le=1024, description="length of the shopper and item embeddings")
    n_layers: int = Field(2, ge=1, le=24, description="transformer blocks")
    n_heads: int = Field(2, ge=1, le=32, description="attention heads of a block")
    ensemble_size: int = Field(
        3, ge=1, le=16, description="transformers with item embeddings of their own, whose scores are averaged"
    )
    dropout: float | None = Field(
        None, ge=0, lt=1, description="dropout rate in training; unset: higher the fewer events an item has"
    )
    id_dropout: float = Field(
        0.0, ge=0, lt=1, description="share of the items per batch that are embedded from their content only"
    )
    learning_rate: float = Field(2e-3, gt=0, le=1, description="peak learning rate (AdamW), after the warm-up")
    weight_decay: float = Field(0.01, ge=0, le=1, description="weight decay (AdamW)")
    steps_per_epoch: int = Field(
        100, ge=1, description="batches of an epoch, as long as a batch has 64 … `max_batch_events` events"
    )
    max_batch_events: int = Field(8192, ge=512, description="maximum of packed events in a batch")
    max_epochs: int | None = Field(
        None,
        ge=1,
        description="epochs until the learning rate is zero; unset: more the fewer events an item has",
    )
    patience: int = Field(15, ge=1, description="early stopping: epochs without a better validation NDCG@10")
    max_minutes: float = Field(60.0, gt=0, description="time limit, checked at the end of an epoch")
    within_basket_target_rate: float = Field(
        0.1, ge=0, le=1, description="share of the events inside a basket that are training positions, too"
    )
    n_negatives: int = Field(
        8192,
        ge=1,
        description="sampled negatives per step, beside the items of the batch; small catalogues use all items",
    )
    validation_fraction: float = Field(0.2, gt=0, lt=1, description="share of shoppers whose last basket is held out")
    max_validation_cases: int = Field(2000, ge=1, description="maximum of held-out baskets")
    seed: int = Field(0, ge=0, description="of weights, batches and the held-out baskets")
    model_class: str = Field(
        BUILTIN_MODEL,
        pattern=r"^(freshet|[^:]+:[^:]+)$",
        description="package.module:Class for a torch module of your own",
    )
    warm_start: Literal["off", "auto", "on"] = Field(
        "off",
        description="start from the champion's weights; auto: cold start if that is not possible or the model forgets",
    )
    warm_epochs: int = Field(2, ge=1, description="`max_epochs` of a warm start")
    warm_lr_scale: float = Field(0.3, gt=0, le=1, description="factor on `learning_rate` of a warm start")

    @model_validator(mode="after")
    def _check_head_dim(self) -> "TrainParams":
        if self.hidden_dim % self.n_heads:
            raise ValueError(f"hidden_dim {self.hidden_dim} is not a multiple of n_heads {self.n_heads}")
        return self

    def resolve_defaults(self, n_events: int, n_items: int) -> "TrainParams":
        """Return the parameters with `dropout` and `max_epochs` filled in by their rules, where they are unset.

        Both depend on the events per item. Dropout: 0.5 up to 16 of them, 0.12 less for each doubling, at least 0.1.
        Epochs: as many as show every item to each ensemble member ITEM_EXPOSURES times, within EPOCH_LIMITS.
        """
        events_per_item = max(1.0, n_events / max(1, n_items))
        dropout = round(min(0.5, max(0.1, 0.98 - 0.12 * math.log2(events_per_item))), 2)
        # The histories of an epoch are split between the members of the ensemble.
        n_members = self.ensemble_size if self.model_class == BUILTIN_MODEL else 1
        max_epochs = min(EPOCH_LIMITS[1], max(EPOCH_LIMITS[0], round(ITEM_EXPOSURES * n_members / events_per_item)))
        open_fields = {"dropout": dropout, "max_epochs": max_epochs}
        return self.model_copy(update={k: v for k, v in open_fields.items() if getattr(self, k) is None})


def current_parameters(parameters: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return stored training parameters (of a manifest, say) under their current names, to compare or to show them."""
    return rename_former(parameters, {**TrainParams.former_names, "item_schema": "item_inputs"})


@dataclass(frozen=True)
class ModelConfig:
    """The architecture: everything that rebuilds a model around its weights, beside which it is stored as JSON."""

    n_items: int  # V, without PAD
    max_history: int
    hidden_dim: int
    embedding_dim: int
    n_layers: int
    n_heads: int
    dropout: float
    n_event_types: int = len(EVENT_TYPES)
    n_gap_buckets: int = N_GAP_BUCKETS
    id_dropout: float = 0.0
    ensemble_size: int = 1
    item_schema: ItemSchema = ()  # inputs of the item encoder, fitted to the catalogue
    blend: KnnBlend = NO_BLEND  # tuned after the training

    former_names: ClassVar[Mapping[str, str]] = {
        **FORMER_ARCHITECTURE_NAMES,
        "n_items": "items",
        "n_event_types": "types",
        "n_gap_buckets": "gap_buckets",
        "item_schema": "inputs",
    }

    if not TYPE_CHECKING:  # mypy reports unknown attributes itself

        def __getattr__(self, name: str) -> NoReturn:
            """Raise AttributeError; of a former name it gives the current one, for the authors of custom models."""
            current_names = {former: current for current, former in self.former_names.items()}
            hint = f"; it is named `{current_names[name]}` now" if name in current_names else ""
            raise AttributeError(f"ModelConfig has no attribute `{name}`{hint}", name=name, obj=self)

    @property
    def item_dim(self) -> int:
        """Length E of an item embedding: the embeddings of all ensemble members, and the bias."""
        return self.ensemble_size * self.embedding_dim + 1

    @classmethod
    def from_params(cls, params: TrainParams, n_items: int, item_schema: ItemSchema = ()) -> "ModelConfig":
        """Return the architecture given by `params`, for `n_items` items. item_schema: fitted to the catalogue."""
        return cls(
            n_items=n_items,
            max_history=params.max_history,
            hidden_dim=params.hidden_dim,
            embedding_dim=params.embedding_dim,
            n_layers=params.n_layers,
            n_heads=params.n_heads,
            dropout=params.dropout or 0.0,
            id_dropout=params.id_dropout,
            ensemble_size=params.ensemble_size,
            item_schema=item_schema,
        )

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "ModelConfig":
        """Return the architecture stored as `asdict(config)`, under current or former names.

        Raises TypeError or ValueError if a field is unknown or missing.
        """
        values = rename_former(content, cls.former_names)
        schema = tuple(ItemFeature(**feature) for feature in values.pop("item_schema", ()))
        blend = KnnBlend(**values.pop("blend", {}))  # accepts former names itself
        return cls(**values, item_schema=schema, blend=blend)

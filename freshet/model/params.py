"""How to train, and what shape the model has."""

import math
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from freshet.data.columns import EVENT_TYPES
from freshet.data.history import HISTORY_WINDOW, N_GAP_BUCKETS
from freshet.data.knn_blend import NO_BLEND, KnnBlend
from freshet.item_schema import ItemFeature as ItemInput
from freshet.item_schema import ItemSchema

ITEM_EXPOSURES = 170  # times a member meets an item in training, best-sellers and rare ones on average
EPOCH_LIMITS = (8, 40)

BUILTIN_MODEL: Final = "freshet"  # the model that ships


class TrainParams(BaseModel):
    """How to train. The defaults are meant for any shop; what has to differ by size follows from a rule."""

    model_config = ConfigDict(frozen=True)

    max_history: int = Field(
        100, ge=1, le=HISTORY_WINDOW, description="events of a history that the model sees, the latest ones"
    )
    hidden_dim: int = Field(128, ge=8, le=1024, description="numbers inside the transformer; a multiple of `heads`")
    embedding_dim: int = Field(128, ge=8, le=1024, description="numbers in the vectors that are multiplied to a score")
    n_layers: int = Field(2, ge=1, le=24, description="transformer blocks")
    n_heads: int = Field(2, ge=1, le=32, description="attention heads of a block")
    ensemble_size: int = Field(
        3, ge=1, le=16, description="transformers with item vectors of their own; the mean of their scores counts"
    )
    dropout: float | None = Field(
        None, ge=0, lt=1, description="share of activations dropped in training; unset: the fewer events, the more"
    )
    id_dropout: float = Field(
        0.0, ge=0, lt=1, description="share of the items that a batch knows by their content only"
    )
    learning_rate: float = Field(2e-3, gt=0, le=1, description="highest learning rate (AdamW), after the warm-up")
    weight_decay: float = Field(0.01, ge=0, le=1, description="decay of the weights (AdamW)")
    steps_per_epoch: int = Field(100, ge=1, description="batches an epoch is cut into, within 64 … `batch_rows`")
    max_batch_events: int = Field(8192, ge=512, description="most packed events in a batch")
    max_epochs: int | None = Field(
        None,
        ge=1,
        description="epochs until the learning rate is zero; unset: the fewer events, the more",
    )
    patience: int = Field(
        15, ge=1, description="epochs without a better validation after which training stops before its last one"
    )
    max_minutes: float = Field(60.0, gt=0, description="training stops at the end of the epoch in which this is over")
    within_basket_target_rate: float = Field(
        0.1, ge=0, le=1, description="share of the events inside a basket that are asked too"
    )
    n_negatives: int = Field(
        8192,
        ge=1,
        description="items that answers are told from beside a batch's own; all where there are few",
    )
    validation_fraction: float = Field(0.2, gt=0, lt=1, description="share of shoppers whose last basket is held out")
    max_validation_cases: int = Field(2000, ge=1, description="most held-out baskets that are scored after an epoch")
    seed: int = Field(0, ge=0, description="of weights, batches and the held-out baskets")
    model_class: str = Field(
        BUILTIN_MODEL,
        pattern=r"^(freshet|[^:]+:[^:]+)$",
        description="package.module:Class for a torch module of your own",
    )
    warm_start: Literal["off", "auto", "on"] = Field(
        "off", description="begin with the champion's weights; auto: train cold where that does not fit or forgets"
    )
    warm_epochs: int = Field(2, ge=1, description="`max_epochs` of a warm start")
    warm_lr_scale: float = Field(0.3, gt=0, le=1, description="share of `learning_rate` at which a warm start trains")

    @model_validator(mode="after")
    def _check_head_dim(self) -> "TrainParams":
        if self.hidden_dim % self.n_heads:
            raise ValueError(f"width {self.hidden_dim} is not a multiple of heads {self.n_heads}")
        return self

    def resolve_defaults(self, n_events: int, n_items: int) -> "TrainParams":
        """The same for `events` over `items`, with what was left open filled in by its rule.

        Both rules go by the events an item has. Dropout: 0.5 up to 16 of them, 0.12 less for each doubling, at least
        0.1. Epochs: so many that every member meets an item EXPOSURES times, within EPOCHS.
        """
        events_per_item = max(1.0, n_events / max(1, n_items))
        dropout = round(min(0.5, max(0.1, 0.98 - 0.12 * math.log2(events_per_item))), 2)
        n_learners = (
            self.ensemble_size if self.model_class == BUILTIN_MODEL else 1
        )  # an epoch's histories are dealt out between them
        max_epochs = min(EPOCH_LIMITS[1], max(EPOCH_LIMITS[0], round(ITEM_EXPOSURES * n_learners / events_per_item)))
        open_fields = {"dropout": dropout, "max_epochs": max_epochs}
        return self.model_copy(update={k: v for k, v in open_fields.items() if getattr(self, k) is None})


@dataclass(frozen=True)
class ModelConfig:
    """Everything that rebuilds the model around its weights; goes with them as JSON."""

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
    item_schema: ItemSchema = ()  # of the item encoder
    blend: KnnBlend = NO_BLEND  # found after the training

    def __post_init__(self) -> None:
        """JSON gives the inputs as a list of objects, the blend as one."""
        if isinstance(self.blend, dict):
            object.__setattr__(self, "blend", KnnBlend(**self.blend))
        features = tuple(field if isinstance(field, ItemInput) else ItemInput(**field) for field in self.item_schema)
        object.__setattr__(self, "inputs", features)

    @property
    def item_dim(self) -> int:
        """E, of an item's vector: those of every member, and the bias."""
        return self.ensemble_size * self.embedding_dim + 1

    @classmethod
    def from_params(cls, params: TrainParams, n_items: int, item_schema: ItemSchema = ()) -> "ModelConfig":
        """The shape that `params` ask for, for a vocabulary of `items` described by `inputs` (fitted)."""
        shape = (
            n_items,
            params.max_history,
            params.hidden_dim,
            params.embedding_dim,
            params.n_layers,
            params.n_heads,
            params.dropout or 0.0,
        )
        return cls(*shape, id_dropout=params.id_dropout, ensemble_size=params.ensemble_size, item_schema=item_schema)

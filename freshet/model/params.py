"""How to train, and what shape the model has."""

import math
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from freshet.columns import EVENT_TYPES
from freshet.history import GAP_BUCKETS, WINDOW
from freshet.item_inputs import Field as ItemInput
from freshet.item_inputs import Schema
from freshet.neighbourhood import NO_BLEND, Blend

EXPOSURES = 170  # times a member meets an item in training, best-sellers and rare ones on average
EPOCHS = (8, 40)

FRESHET: Final = "freshet"  # the model that ships


class TrainParams(BaseModel):
    """How to train. The defaults are meant for any shop; what has to differ by size follows from a rule."""

    model_config = ConfigDict(frozen=True)

    length: int = Field(100, ge=1, le=WINDOW, description="events of a history that the model sees, the latest ones")
    width: int = Field(128, ge=8, le=1024, description="numbers inside the transformer; a multiple of `heads`")
    vector: int = Field(128, ge=8, le=1024, description="numbers in the vectors that are multiplied to a score")
    blocks: int = Field(2, ge=1, le=24, description="transformer blocks")
    heads: int = Field(2, ge=1, le=32, description="attention heads of a block")
    members: int = Field(
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
    batch_rows: int = Field(8192, ge=512, description="most packed events in a batch")
    max_epochs: int | None = Field(
        None,
        ge=1,
        description="epochs until the learning rate is zero; unset: the fewer events, the more",
    )
    patience: int = Field(
        15, ge=1, description="epochs without a better validation after which training stops before its last one"
    )
    max_minutes: float = Field(60.0, gt=0, description="training stops at the end of the epoch in which this is over")
    inside_share: float = Field(0.1, ge=0, le=1, description="share of the events inside a basket that are asked too")
    negatives: int = Field(
        8192,
        ge=1,
        description="items that answers are told from beside a batch's own; all where there are few",
    )
    validation_share: float = Field(0.2, gt=0, lt=1, description="share of shoppers whose last basket is held out")
    validation_cases: int = Field(2000, ge=1, description="most held-out baskets that are scored after an epoch")
    seed: int = Field(0, ge=0, description="of weights, batches and the held-out baskets")
    model: str = Field(
        FRESHET, pattern=r"^(freshet|[^:]+:[^:]+)$", description="package.module:Class for a torch module of your own"
    )
    warm_start: Literal["off", "auto", "on"] = Field(
        "off", description="begin with the champion's weights; auto: train cold where that does not fit or forgets"
    )
    warm_epochs: int = Field(2, ge=1, description="`max_epochs` of a warm start")
    warm_rate: float = Field(0.3, gt=0, le=1, description="share of `learning_rate` at which a warm start trains")

    @model_validator(mode="after")
    def _heads_divide_width(self) -> "TrainParams":
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        return self

    def settled(self, events: int, items: int) -> "TrainParams":
        """The same for `events` over `items`, with what was left open filled in by its rule.

        Both rules go by the events an item has. Dropout: 0.5 up to 16 of them, 0.12 less for each doubling, at least
        0.1. Epochs: so many that every member meets an item EXPOSURES times, within EPOCHS.
        """
        each = max(1.0, events / max(1, items))
        dropout = round(min(0.5, max(0.1, 0.98 - 0.12 * math.log2(each))), 2)
        learners = self.members if self.model == FRESHET else 1  # an epoch's histories are dealt out between them
        epochs = min(EPOCHS[1], max(EPOCHS[0], round(EXPOSURES * learners / each)))
        open_fields = {"dropout": dropout, "max_epochs": epochs}
        return self.model_copy(update={k: v for k, v in open_fields.items() if getattr(self, k) is None})


@dataclass(frozen=True)
class ModelConfig:
    """Everything that rebuilds the model around its weights; goes with them as JSON."""

    items: int  # V, without PAD
    length: int
    width: int
    vector: int
    blocks: int
    heads: int
    dropout: float
    types: int = len(EVENT_TYPES)
    gap_buckets: int = GAP_BUCKETS
    id_dropout: float = 0.0
    members: int = 1
    inputs: Schema = ()  # of the item encoder
    blend: Blend = NO_BLEND  # found after the training

    def __post_init__(self) -> None:
        """JSON gives the inputs as a list of objects, the blend as one."""
        if isinstance(self.blend, dict):
            object.__setattr__(self, "blend", Blend(**self.blend))
        read = tuple(field if isinstance(field, ItemInput) else ItemInput(**field) for field in self.inputs)
        object.__setattr__(self, "inputs", read)

    @property
    def numbers(self) -> int:
        """E, of an item's vector: those of every member, and the bias."""
        return self.members * self.vector + 1

    @classmethod
    def of(cls, params: TrainParams, items: int, inputs: Schema = ()) -> "ModelConfig":
        """The shape that `params` ask for, for a vocabulary of `items` described by `inputs` (fitted)."""
        shape = items, params.length, params.width, params.vector, params.blocks, params.heads, params.dropout or 0.0
        return cls(*shape, id_dropout=params.id_dropout, members=params.members, inputs=inputs)

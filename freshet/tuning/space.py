"""What a search may change: a table beside TrainParams, one line a parameter."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from freshet.errors import FreshetError
from freshet.model.params import TrainParams


@dataclass(frozen=True)
class Categorical:
    """One of these values, without an order."""

    values: tuple[Any, ...]

    def including(self, value: Any) -> "Categorical":
        """The same with `value` among them: what is the default can always be tried."""
        return self if value in self.values else Categorical((*self.values, value))


@dataclass(frozen=True)
class FloatRange:
    """A number from `low` to `high`, evenly drawn by value, or by size where `log`."""

    low: float
    high: float
    log: bool = False

    def including(self, value: float | None) -> "FloatRange":
        """The same, wide enough for `value`; None is left to a rule, whose values lie within."""
        if value is None:
            return self
        return FloatRange(min(self.low, value), max(self.high, value), self.log and value > 0)


Dimension = Categorical | FloatRange
SearchSpace = Mapping[str, Dimension]

# Field of TrainParams → what is tried. What is held out (validation_*, seed) is not searched: scores would not compare.
DEFAULT_SEARCH_SPACE: Final[SearchSpace] = {
    "length": Categorical((50, 100, 200)),
    "width": Categorical((32, 64, 128, 256)),
    "vector": Categorical((64, 128, 256)),
    "blocks": Categorical((1, 2, 3)),
    "heads": Categorical((1, 2, 4)),
    "members": Categorical((1, 2, 3)),
    "dropout": FloatRange(0.0, 0.6),
    "id_dropout": FloatRange(0.0, 0.3),
    "learning_rate": FloatRange(5e-4, 1e-2, log=True),
    "weight_decay": FloatRange(1e-4, 0.3, log=True),
    "steps_per_epoch": Categorical((50, 100, 200, 400)),
    "inside_share": FloatRange(0.0, 1.0),
}


class TuningParams(BaseModel):
    """How to search."""

    model_config = ConfigDict(frozen=True)

    n_trials: int = Field(30, ge=1, description="configurations tried in all; those before an interruption count")
    max_minutes: float = Field(240.0, gt=0, description="time limit of this run; the trial it meets is given up")
    min_completed_trials: int = Field(
        5, ge=2, description="with fewer trials that went to their end nothing is published"
    )
    search_params: list[str] = Field(
        [], description="parameters to vary, others keep their default; empty: all of the space"
    )
    fixed_params: dict[str, Any] = Field({}, description="values of every trial that differ from the defaults")
    pruner: Literal["median", "hyperband", "none"] = Field(
        "median", description="gives up a trial that is worse than the median of the others at the same epoch, or …"
    )
    n_startup_trials: int = Field(5, ge=1, description="trials that go to their end before the median gives any up")
    seed: int = Field(0, ge=0, description="of the sampler (TPE)")


def base_params(params: TuningParams) -> TrainParams:
    """The defaults with what is fixed: the configuration that has to be beaten.

    Raises FreshetError naming every value that is none.
    """
    unknown = sorted(set(params.fixed_params) - set(TrainParams.model_fields))
    if unknown:
        raise FreshetError(
            "search, `fixed`", f"there is no parameter {', '.join(unknown)}",
            f"choose from {', '.join(TrainParams.model_fields)}",
        )  # fmt: skip
    try:
        return TrainParams(**params.fixed_params)
    except ValidationError as error:
        raise FreshetError("search, `fixed`", validation_message(error), "correct it in the launchpad") from None


def search_space(params: TuningParams, base: TrainParams, space: SearchSpace = DEFAULT_SEARCH_SPACE) -> SearchSpace:
    """What is varied: `over`, or all of the space, without what is fixed; every dimension holds the base's value.

    Raises FreshetError where `over` names what the space does not have, or nothing is left to vary.
    """
    unknown = sorted(set(params.search_params) - set(space))
    if unknown:
        raise FreshetError(
            "search, `over`", f"{', '.join(unknown)} cannot be varied",
            f"choose from {', '.join(space)}, or add a line to SPACE in freshet/tuning/space.py",
        )  # fmt: skip
    names = [
        name
        for name in space
        if name not in params.fixed_params and (name in params.search_params or not params.search_params)
    ]
    if not names:
        raise FreshetError("search", "every parameter is fixed: there is nothing to vary", "fix fewer")
    return {name: space[name].including(getattr(base, name)) for name in names}


def space_as_dict(space: SearchSpace) -> Mapping[str, Any]:
    """The space as plain values, for a study's name and its record."""
    return {name: {"kind": type(dimension).__name__, **asdict(dimension)} for name, dimension in space.items()}


def validation_message(error: ValidationError) -> str:
    """`width=63: …; blocks=0: …`."""
    errors = [
        (".".join(map(str, e["loc"])), e["input"], e["msg"].removeprefix("Value error, ")) for e in error.errors()
    ]
    return "; ".join(f"{name}={value!r}: {message}" if name else message for name, value, message in errors)

"""The search space: the values that each tuned parameter of TrainParams may take, and the settings of a tuning."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from freshet.errors import FreshetError
from freshet.model.params import TrainParams


@dataclass(frozen=True)
class Categorical:
    """One of several values, without an order."""

    values: tuple[Any, ...]

    def including(self, value: Any) -> "Categorical":
        """Return the dimension extended by `value`, so that a default can always be tried."""
        return self if value in self.values else Categorical((*self.values, value))


@dataclass(frozen=True)
class FloatRange:
    """A number from `low` to `high`, sampled uniformly, or log-uniformly if `log`."""

    low: float
    high: float
    log: bool = False

    def including(self, value: float | None) -> "FloatRange":
        """Return the dimension extended to `value`; None stands for a default given by a rule within the range."""
        if value is None:
            return self
        return FloatRange(min(self.low, value), max(self.high, value), self.log and value > 0)


Dimension = Categorical | FloatRange
SearchSpace = Mapping[str, Dimension]

# The kinds as they were first written into the names of studies: another name would start another study.
KIND_NAMES: Final = {Categorical: "Choice", FloatRange: "Range"}

# Field of TrainParams → values. The held-out baskets (validation_*, seed) are the same in all trials.
DEFAULT_SEARCH_SPACE: Final[SearchSpace] = {
    "max_history": Categorical((50, 100, 200)),
    "hidden_dim": Categorical((32, 64, 128, 256)),
    "embedding_dim": Categorical((64, 128, 256)),
    "n_layers": Categorical((1, 2, 3)),
    "n_heads": Categorical((1, 2, 4)),
    "ensemble_size": Categorical((1, 2, 3)),
    "dropout": FloatRange(0.0, 0.6),
    "id_dropout": FloatRange(0.0, 0.3),
    "learning_rate": FloatRange(5e-4, 1e-2, log=True),
    "weight_decay": FloatRange(1e-4, 0.3, log=True),
    "steps_per_epoch": Categorical((50, 100, 200, 400)),
    "within_basket_target_rate": FloatRange(0.0, 1.0),
}


class TuningParams(BaseModel):
    """Settings of a tuning: trials, limits, search space, pruner."""

    model_config = ConfigDict(frozen=True)

    n_trials: int = Field(30, ge=1, description="number of trials, including those before an interruption")
    max_minutes: float = Field(240.0, gt=0, description="time limit of this run; the current trial is then pruned")
    min_completed_trials: int = Field(
        5, ge=2, description="completed trials that are required to publish the best parameters"
    )
    search_params: list[str] = Field(
        [], description="parameters to tune, others keep their default; empty: all of the search space"
    )
    fixed_params: dict[str, Any] = Field({}, description="values that replace the defaults in all trials")
    pruner: Literal["median", "hyperband", "none"] = Field(
        "median", description="median: prune a trial that is below the median of the others at the same epoch"
    )
    n_startup_trials: int = Field(5, ge=1, description="startup trials that are never pruned")
    seed: int = Field(0, ge=0, description="of the TPE sampler")


def base_params(params: TuningParams) -> TrainParams:
    """Return the defaults with `fixed_params`: the configuration to beat.

    Raises FreshetError naming every unknown parameter or invalid value.
    """
    where = "tuning, `fixed_params`"
    unknown = sorted(set(params.fixed_params) - set(TrainParams.model_fields))
    if unknown:
        fix = f"choose from {', '.join(TrainParams.model_fields)}"
        raise FreshetError(where, f"there is no parameter {', '.join(unknown)}", fix)
    try:
        return TrainParams(**params.fixed_params)
    except ValidationError as error:
        raise FreshetError(where, validation_message(error), "correct it in the launchpad") from None


def search_space(params: TuningParams, base: TrainParams, space: SearchSpace = DEFAULT_SEARCH_SPACE) -> SearchSpace:
    """Return the dimensions of `search_params`, or of the whole space, without `fixed_params`.

    Every dimension contains the value of `base`. Raises FreshetError if `search_params` names a parameter that is not
    in the space, or if no parameter is left.
    """
    unknown = sorted(set(params.search_params) - set(space))
    if unknown:
        what = f"{', '.join(unknown)} is not in the search space"
        fix = f"choose from {', '.join(space)}, or add it to DEFAULT_SEARCH_SPACE in freshet/tuning/space.py"
        raise FreshetError("tuning, `search_params`", what, fix)
    names = [
        name
        for name in space
        if name not in params.fixed_params and (name in params.search_params or not params.search_params)
    ]
    if not names:
        raise FreshetError(
            "tuning", "all parameters are fixed, none is left to tune", "remove some from `fixed_params`"
        )
    return {name: space[name].including(getattr(base, name)) for name in names}


def space_as_dict(space: SearchSpace) -> Mapping[str, Any]:
    """Return the space as plain values, for the study's name and the tracking record."""
    return {name: {"kind": KIND_NAMES[type(dimension)], **asdict(dimension)} for name, dimension in space.items()}


def validation_message(error: ValidationError) -> str:
    """Return a pydantic error in one line: `hidden_dim=63: …; n_layers=0: …`."""
    errors = [
        (".".join(map(str, e["loc"])), e["input"], e["msg"].removeprefix("Value error, ")) for e in error.errors()
    ]
    return "; ".join(f"{name}={value!r}: {message}" if name else message for name, value, message in errors)

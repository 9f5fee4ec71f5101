"""The search space and the settings of a tuning."""

import pytest

from freshet.errors import FreshetError
from freshet.model.params import TrainParams
from freshet.tuning.space import (
    DEFAULT_SEARCH_SPACE,
    Categorical,
    FloatRange,
    TuningParams,
    base_params,
    search_space,
    space_as_dict,
)


def error_message(params: TuningParams) -> str:
    with pytest.raises(FreshetError) as error:
        search_space(params, base_params(params))
    return str(error.value)


def test_the_search_space_has_parameters_only_and_none_of_the_validation():
    assert set(DEFAULT_SEARCH_SPACE) <= set(TrainParams.model_fields)
    assert not set(DEFAULT_SEARCH_SPACE) & {
        "seed",
        "validation_fraction",
        "max_validation_cases",
        "max_epochs",
        "patience",
        "max_minutes",
    }


def test_every_value_of_the_search_space_is_valid():
    for name, dimension in DEFAULT_SEARCH_SPACE.items():
        values = dimension.values if isinstance(dimension, Categorical) else (dimension.low, dimension.high)
        for value in values:
            assert getattr(TrainParams(**{name: value}), name) == value


def test_a_dimension_is_extended_by_the_default():
    assert Categorical((1, 2)).including(2) == Categorical((1, 2))
    assert Categorical((1, 2)).including(3) == Categorical((1, 2, 3))
    assert FloatRange(0.1, 0.5, log=True).including(0.9) == FloatRange(0.1, 0.9, log=True)
    assert FloatRange(0.1, 0.5, log=True).including(0.0) == FloatRange(0.0, 0.5)


def test_search_params_are_tuned_and_fixed_params_are_not():
    params = TuningParams(search_params=["dropout", "hidden_dim"], fixed_params={"hidden_dim": 32, "max_epochs": 3})
    base = base_params(params)
    assert (base.hidden_dim, base.max_epochs, base.n_layers) == (32, 3, TrainParams().n_layers)
    assert list(search_space(params, base)) == ["dropout"]
    assert set(search_space(TuningParams(), TrainParams())) == set(DEFAULT_SEARCH_SPACE)


def test_the_space_as_plain_values_names_kinds_as_older_versions():
    description = space_as_dict({"hidden_dim": Categorical((8, 16)), "dropout": FloatRange(0.0, 0.5)})
    assert description == {
        "hidden_dim": {"kind": "Choice", "values": (8, 16)},
        "dropout": {"kind": "Range", "low": 0.0, "high": 0.5, "log": False},
    }


def test_wrong_settings_are_refused():
    assert error_message(TuningParams(search_params=["hiden_dim"])) == (
        "tuning, `search_params`: hiden_dim is not in the search space; "
        f"choose from {', '.join(DEFAULT_SEARCH_SPACE)}, or add it to DEFAULT_SEARCH_SPACE in freshet/tuning/space.py"
    )
    assert error_message(TuningParams(fixed_params={"hiden_dim": 64})) == (
        f"tuning, `fixed_params`: there is no parameter hiden_dim; choose from {', '.join(TrainParams.model_fields)}"
    )
    assert error_message(TuningParams(fixed_params={"n_layers": 0, "dropout": 2})) == (
        "tuning, `fixed_params`: n_layers=0: Input should be greater than or equal to 1; "
        "dropout=2: Input should be less than 1; correct it in the launchpad"
    )
    assert error_message(TuningParams(search_params=["hidden_dim"], fixed_params={"hidden_dim": 64})) == (
        "tuning: all parameters are fixed, none is left to tune; remove some from `fixed_params`"
    )

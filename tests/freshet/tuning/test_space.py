"""What a search may change: every line of the table is a parameter, and wrong wishes are named."""

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


def test_every_line_of_the_table_is_a_parameter_and_what_is_held_out_is_none_of_them():
    assert set(DEFAULT_SEARCH_SPACE) <= set(TrainParams.model_fields)
    assert not set(DEFAULT_SEARCH_SPACE) & {
        "seed",
        "validation_share",
        "validation_cases",
        "max_epochs",
        "patience",
        "max_minutes",
    }


def test_every_value_of_the_table_makes_a_configuration():
    for name, dimension in DEFAULT_SEARCH_SPACE.items():
        values = dimension.values if isinstance(dimension, Categorical) else (dimension.low, dimension.high)
        for value in values:
            assert getattr(TrainParams(**{name: value}), name) == value


def test_the_default_is_always_among_what_can_be_tried():
    assert Categorical((1, 2)).including(2) == Categorical((1, 2))
    assert Categorical((1, 2)).including(3) == Categorical((1, 2, 3))
    assert FloatRange(0.1, 0.5, log=True).including(0.9) == FloatRange(0.1, 0.9, log=True)
    assert FloatRange(0.1, 0.5, log=True).including(0.0) == FloatRange(0.0, 0.5)


def test_only_what_is_asked_for_is_varied_and_nothing_that_is_fixed():
    params = TuningParams(search_params=["dropout", "width"], fixed_params={"width": 32, "max_epochs": 3})
    base = base_params(params)
    assert (base.hidden_dim, base.max_epochs, base.n_layers) == (32, 3, TrainParams().n_layers)
    assert list(search_space(params, base)) == ["dropout"]
    assert set(search_space(TuningParams(), TrainParams())) == set(DEFAULT_SEARCH_SPACE)


def test_a_space_is_told_in_plain_values():
    description = space_as_dict({"width": Categorical((8, 16)), "dropout": FloatRange(0.0, 0.5)})
    assert description == {
        "width": {"kind": "Choice", "values": (8, 16)},
        "dropout": {"kind": "Range", "low": 0.0, "high": 0.5, "log": False},
    }


def test_a_wish_that_cannot_be_met_is_named():
    assert error_message(TuningParams(search_params=["widht"])) == (
        f"search, `over`: widht cannot be varied; choose from {', '.join(DEFAULT_SEARCH_SPACE)}, "
        "or add a line to SPACE in freshet/tuning/space.py"
    )
    assert error_message(TuningParams(fixed_params={"widht": 64})) == (
        f"search, `fixed`: there is no parameter widht; choose from {', '.join(TrainParams.model_fields)}"
    )
    assert error_message(TuningParams(fixed_params={"blocks": 0, "dropout": 2})) == (
        "search, `fixed`: blocks=0: Input should be greater than or equal to 1; "
        "dropout=2: Input should be less than 1; correct it in the launchpad"
    )
    assert error_message(TuningParams(search_params=["width"], fixed_params={"width": 64})) == (
        "search: every parameter is fixed: there is nothing to vary; fix fewer"
    )

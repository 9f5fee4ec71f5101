"""What a search may change: every line of the table is a parameter, and wrong wishes are named."""

import pytest

from freshet.errors import FreshetError
from freshet.model.params import TrainParams
from freshet.model.space import SPACE, Choice, Range, SearchParams, base_of, described, space_of


def refused(params: SearchParams) -> str:
    with pytest.raises(FreshetError) as error:
        space_of(params, base_of(params))
    return str(error.value)


def test_every_line_of_the_table_is_a_parameter_and_what_is_held_out_is_none_of_them():
    assert set(SPACE) <= set(TrainParams.model_fields)
    assert not set(SPACE) & {"seed", "validation_share", "validation_cases", "max_epochs", "patience", "max_minutes"}


def test_every_value_of_the_table_makes_a_configuration():
    for name, dimension in SPACE.items():
        values = dimension.values if isinstance(dimension, Choice) else (dimension.low, dimension.high)
        for value in values:
            assert getattr(TrainParams(**{name: value}), name) == value


def test_the_default_is_always_among_what_can_be_tried():
    assert Choice((1, 2)).holding(2) == Choice((1, 2))
    assert Choice((1, 2)).holding(3) == Choice((1, 2, 3))
    assert Range(0.1, 0.5, log=True).holding(0.9) == Range(0.1, 0.9, log=True)
    assert Range(0.1, 0.5, log=True).holding(0.0) == Range(0.0, 0.5)


def test_only_what_is_asked_for_is_varied_and_nothing_that_is_fixed():
    params = SearchParams(over=["dropout", "width"], fixed={"width": 32, "max_epochs": 3})
    base = base_of(params)
    assert (base.width, base.max_epochs, base.blocks) == (32, 3, TrainParams().blocks)
    assert list(space_of(params, base)) == ["dropout"]
    assert set(space_of(SearchParams(), TrainParams())) == set(SPACE)


def test_a_space_is_told_in_plain_values():
    told = described({"width": Choice((8, 16)), "dropout": Range(0.0, 0.5)})
    assert told == {
        "width": {"kind": "Choice", "values": (8, 16)},
        "dropout": {"kind": "Range", "low": 0.0, "high": 0.5, "log": False},
    }


def test_a_wish_that_cannot_be_met_is_named():
    assert refused(SearchParams(over=["widht"])) == (
        f"search, `over`: widht cannot be varied; choose from {', '.join(SPACE)}, "
        "or add a line to SPACE in freshet/model/space.py"
    )
    assert refused(SearchParams(fixed={"widht": 64})) == (
        f"search, `fixed`: there is no parameter widht; choose from {', '.join(TrainParams.model_fields)}"
    )
    assert refused(SearchParams(fixed={"blocks": 0, "dropout": 2})) == (
        "search, `fixed`: blocks=0: Input should be greater than or equal to 1; "
        "dropout=2: Input should be less than 1; correct it in the launchpad"
    )
    assert refused(SearchParams(over=["width"], fixed={"width": 64})) == (
        "search: every parameter is fixed: there is nothing to vary; fix fewer"
    )

import pytest
from pydantic import ValidationError

from freshet.model.params import ModelConfig, TrainParams


def test_params_cannot_be_changed():
    with pytest.raises(ValidationError):
        TrainParams().length = 3


def test_every_param_is_flat_and_described():
    for name, field in TrainParams.model_fields.items():
        assert type(field.default) in (int, float, str), name
        assert field.description, name


def test_a_width_that_heads_do_not_divide_is_refused():
    with pytest.raises(ValidationError, match="width 65 is not a multiple of heads 2"):
        TrainParams(width=65)


def test_the_shape_follows_from_the_params():
    config = ModelConfig.of(TrainParams(length=7, width=8, vector=9, blocks=1, heads=2, dropout=0.5), 11)
    assert (config.items, config.length, config.width, config.vector, config.blocks) == (11, 7, 8, 9, 1)

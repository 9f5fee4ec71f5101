import pytest
from pydantic import ValidationError

from freshet.model.params import ModelConfig, TrainParams


def test_params_cannot_be_changed():
    with pytest.raises(ValidationError):
        TrainParams().max_history = 3


def test_every_param_is_flat_and_described():
    for name, field in TrainParams.model_fields.items():
        assert type(field.default) in (int, float, str, bool, type(None)), name
        assert field.description, name


def test_a_width_that_heads_do_not_divide_is_refused():
    with pytest.raises(ValidationError, match="width 65 is not a multiple of heads 2"):
        TrainParams(hidden_dim=65)


def test_the_shape_follows_from_the_params():
    config = ModelConfig.from_params(
        TrainParams(max_history=7, hidden_dim=8, embedding_dim=9, n_layers=1, n_heads=2, dropout=0.5), 11
    )
    assert (config.n_items, config.max_history, config.hidden_dim, config.embedding_dim, config.n_layers) == (
        11,
        7,
        8,
        9,
        1,
    )


@pytest.mark.parametrize(
    ("events", "items", "dropout", "epochs"),
    [(1_600, 100, 0.5, 32), (6_400, 100, 0.26, 8), (200, 100, 0.5, 40), (1_000_000, 100, 0.1, 8), (0, 0, 0.5, 40)],
)
def test_what_is_left_open_follows_from_the_events_an_item_has(events, items, dropout, epochs):
    params = TrainParams().resolve_defaults(events, items)
    assert (params.dropout, params.max_epochs) == (dropout, epochs)


def test_what_is_given_is_no_matter_for_a_rule():
    params = TrainParams(dropout=0.3, max_epochs=2).resolve_defaults(10, 1)
    assert (params.dropout, params.max_epochs) == (0.3, 2)

"""Model and training parameters: former names, validation and descriptions."""

import pytest
from pydantic import ValidationError

from freshet.data.knn_blend import KnnBlend
from freshet.item_schema import ItemFeature
from freshet.model.params import ModelConfig, TrainParams, current_parameters

# As Freshet wrote it into manifests and references before the fields were renamed.
FORMER_PARAMETERS = {
    "length": 8, "width": 16, "vector": 16, "blocks": 1, "heads": 1, "members": 3, "dropout": None, "id_dropout": 0.0,
    "learning_rate": 0.002, "weight_decay": 0.01, "steps_per_epoch": 100, "batch_rows": 8192, "max_epochs": 10,
    "patience": 15, "max_minutes": 60.0, "inside_share": 0.1, "negatives": 8192, "validation_share": 0.2,
    "validation_cases": 50, "seed": 0, "model": "freshet", "warm_start": "off", "warm_epochs": 2, "warm_rate": 0.3,
    "item_inputs": "title:words,category:category,price:number",
}  # fmt: skip
FORMER_CONFIG = {
    "blend": {"recency": 0.95, "rules": 0.75, "trust": 1.0}, "blocks": 1, "dropout": 0.33, "gap_buckets": 32,
    "heads": 1, "id_dropout": 0.0, "inputs": [{"kind": "words", "name": "title", "size": 4096}], "items": 60,
    "length": 8,
    "members": 3, "types": 4, "vector": 16, "width": 24,
}  # fmt: skip


def test_parameters_of_an_older_version_are_read():
    params = TrainParams(
        max_history=8, hidden_dim=16, embedding_dim=16, n_layers=1, n_heads=1, max_epochs=10, max_validation_cases=50
    )
    assert TrainParams.model_validate(FORMER_PARAMETERS) == params
    assert current_parameters(FORMER_PARAMETERS) == {
        **params.model_dump(),
        "item_schema": "title:words,category:category,price:number",
    }


def test_a_current_name_takes_precedence_over_a_former_one():
    assert TrainParams.model_validate({"width": 16, "hidden_dim": 32}).hidden_dim == 32


def test_the_configuration_of_an_older_version_is_read():
    assert ModelConfig.from_json(FORMER_CONFIG) == ModelConfig(
        n_items=60, max_history=8, hidden_dim=24, embedding_dim=16, n_layers=1, n_heads=1, dropout=0.33,
        ensemble_size=3, item_schema=(ItemFeature("title", "words", 4096),),
        blend=KnnBlend(knn_weight=1.0, recency_decay=0.95, rule_weight=0.75),
    )  # fmt: skip


def test_a_former_attribute_is_refused_with_its_current_name():
    config = ModelConfig.from_params(TrainParams(), 3)
    with pytest.raises(AttributeError, match=r"^ModelConfig has no attribute `length`; it is named `max_history` now$"):
        _ = config.length


def test_every_param_is_flat_and_described():
    for name, field in TrainParams.model_fields.items():
        assert type(field.default) in (int, float, str, bool, type(None)), name
        assert field.description, name


def test_a_hidden_dim_that_heads_do_not_divide_is_refused():
    with pytest.raises(ValidationError, match="hidden_dim 65 is not a multiple of n_heads 2"):
        TrainParams(hidden_dim=65)


def test_the_configuration_follows_from_the_params():
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
def test_unset_params_follow_from_the_events_per_item(events, items, dropout, epochs):
    params = TrainParams().resolve_defaults(events, items)
    assert (params.dropout, params.max_epochs) == (dropout, epochs)


def test_a_rule_does_not_change_params_that_are_set():
    params = TrainParams(dropout=0.3, max_epochs=2).resolve_defaults(10, 1)
    assert (params.dropout, params.max_epochs) == (0.3, 2)

"""Item encoding of three items, worked out by hand."""

import numpy as np
import pytest

from freshet.data.hashing import hash_bucket
from freshet.data.item_encoding import ItemAttributes, encode_attributes, fit_schema
from freshet.errors import FreshetError
from freshet.item_schema import ItemFeature, parse_schema

ITEM_VECTORS = np.array([[1, 2], [0, 0], [3, 4]], dtype=np.float32)
ITEM_COLUMNS = ItemAttributes(
    {
        "title": np.array(["Blue mug, blue", "", "Pen"]),
        "brand": np.array(["Inky", "", "Inky"]),
        "weight": np.array(["1,5", "heavy", "0.05"]),
        "sale": np.array(["Yes", "?", "0"]),
    },
    np.array([4.75, np.nan, 120.0]),
    {"picture": ITEM_VECTORS},
)


def encode_title(text):
    schema = fit_schema(parse_schema(text), ITEM_COLUMNS)
    return schema, encode_attributes(schema, ITEM_COLUMNS).features


def test_distinct_words_are_hashed_and_padded():
    _, fields = encode_title("title:words")
    assert fields["title"].shape == (3, 12)
    assert fields["title"][0].tolist() == [hash_bucket("blue", 4096), hash_bucket("mug", 4096), *[0] * 10]
    assert not fields["title"][1].any()


def test_a_category_is_one_bucket_and_zero_if_unknown():
    _, fields = encode_title("brand:category,colour:category")
    assert fields["brand"].tolist() == [hash_bucket("Inky", 512), 0, hash_bucket("Inky", 512)]
    assert fields["colour"].tolist() == [0, 0, 0]  # the catalogue does not have it


def test_numbers_are_bucketed_by_half_powers_of_ten():
    _, fields = encode_title("price:number,weight:number")
    assert fields["price"].tolist() == [5, 0, 8]  # 10^0.5 … 10^1; unknown; 10^2 … 10^2.5
    assert fields["weight"].tolist() == [4, 0, 1]


def test_a_flag_is_yes_no_or_unknown():
    assert encode_title("sale:flag")[1]["sale"].tolist() == [2, 0, 1]


def test_vectors_must_have_the_fitted_length():
    schema, fields = encode_title("picture:vector")
    assert schema == (ItemFeature("picture", "vector", 2),)
    np.testing.assert_array_equal(fields["picture"], ITEM_VECTORS)
    with pytest.raises(FreshetError) as error:
        encode_attributes((ItemFeature("picture", "vector", 5),), ITEM_COLUMNS)
    assert str(error.value) == (
        "item schema: the vectors picture have length 2, the model reads 5; "
        "train a new model: materialize the asset `trained_model`"
    )


def test_missing_vectors_are_named():
    with pytest.raises(FreshetError) as error:
        fit_schema(parse_schema("text:vector"), ITEM_COLUMNS)
    assert str(error.value) == (
        "item schema: there are no vectors named text (names: picture); "
        "materialize `content_embeddings`, or remove text:vector from FRESHET_ITEM_SCHEMA"
    )


def test_table_sizes_grow_by_powers_of_two():
    columns = ItemAttributes({"brand": np.array([f"b{n}" for n in range(300)])}, np.full(300, np.nan), {})
    assert fit_schema(parse_schema("brand:category"), columns)[0].size == 1024
    assert fit_schema(parse_schema("brand:category"), ITEM_COLUMNS)[0].size == 512
    assert fit_schema((ItemFeature("brand", "category", 64),), columns)[0].size == 64

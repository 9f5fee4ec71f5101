import pytest

from freshet.errors import SettingsError
from freshet.item_inputs import DEFAULT, Field, attributes_of, parse_schema, told


def test_a_schema_is_read_in_its_order_and_told_again():
    schema = parse_schema(" title:words, brand : category ,sale:flag,picture:vector")
    assert schema == (
        Field("title", "words"), Field("brand", "category"), Field("sale", "flag"), Field("picture", "vector"),
    )  # fmt: skip
    assert told(schema) == "title:words,brand:category,sale:flag,picture:vector"
    assert attributes_of(schema) == ("brand", "sale")


def test_the_default_is_title_category_and_price_and_none_is_nothing():
    assert parse_schema("title:words,category:category,price:number") == DEFAULT
    assert attributes_of(DEFAULT) == ()
    assert parse_schema("none") == ()
    assert told(()) == "none"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("brand:colour", "'brand:colour' is of no kind that there is (words, category, number, flag, vector)"),
        ("brand", "'brand' is of no kind that there is (words, category, number, flag, vector)"),
        ("a b:words", "'a b:words' names no column"),
        ("items:category", "'items:category' names no column"),
    ],
)
def test_an_entry_that_is_none_is_named(text, what):
    with pytest.raises(SettingsError) as error:
        parse_schema(f"title:words,{text}")
    assert str(error.value) == (
        f"FRESHET_ITEM_INPUTS: {what}; write it as title:words,category:category,price:number,brand:category"
    )


def test_a_column_named_twice_is_refused():
    with pytest.raises(SettingsError) as error:
        parse_schema("brand:category,brand:words")
    assert str(error.value) == "FRESHET_ITEM_INPUTS: brand stands twice; name every column once"

"""The setting of the item schema: parsing, formatting, and wrong entries."""

import pytest

from freshet.errors import SettingsError
from freshet.item_schema import DEFAULT_SCHEMA, ItemFeature, attribute_columns, format_schema, parse_schema


def test_a_schema_is_parsed_in_its_order_and_formatted_again():
    schema = parse_schema(" title:words, brand : category ,sale:flag,picture:vector")
    assert schema == (
        ItemFeature("title", "words"),
        ItemFeature("brand", "category"),
        ItemFeature("sale", "flag"),
        ItemFeature("picture", "vector"),
    )
    assert format_schema(schema) == "title:words,brand:category,sale:flag,picture:vector"
    assert attribute_columns(schema) == ("brand", "sale")


def test_the_default_is_title_category_and_price_and_none_is_empty():
    assert parse_schema("title:words,category:category,price:number") == DEFAULT_SCHEMA
    assert attribute_columns(DEFAULT_SCHEMA) == ()
    assert parse_schema("none") == ()
    assert format_schema(()) == "none"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (
            "brand:colour",
            "unknown kind 'colour' in 'brand:colour', choose one of words, category, number, flag, vector",
        ),
        ("brand", "unknown kind '' in 'brand', choose one of words, category, number, flag, vector"),
        ("a b:words", "'a b:words' names no column"),
        ("items:category", "'items:category' names no column"),
    ],
)
def test_a_wrong_entry_is_named(text, what):
    with pytest.raises(SettingsError) as error:
        parse_schema(f"title:words,{text}")
    assert str(error.value) == (
        f"FRESHET_ITEM_SCHEMA: {what}; write it as title:words,category:category,price:number,brand:category"
    )


def test_a_repeated_column_is_refused():
    with pytest.raises(SettingsError) as error:
        parse_schema("brand:category,brand:words")
    assert str(error.value) == "FRESHET_ITEM_SCHEMA: brand is repeated; name every column once"

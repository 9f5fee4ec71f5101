"""The item schema (FRESHET_ITEM_SCHEMA): the catalogue columns that the item encoder reads, and their kinds."""

import re
from dataclasses import dataclass
from typing import Final, Literal, get_args

from freshet.errors import SettingsError

FeatureKind = Literal["words", "category", "number", "flag", "vector"]

SETTING_NAME: Final = "FRESHET_ITEM_SCHEMA"
TITLE, CATEGORY, PRICE = "title", "category", "price"  # of every catalogue; any other column is an attribute
SYNTAX_HINT: Final = "write it as title:words,category:category,price:number,brand:category"
INDEX_INPUT: Final = "items"  # the encoder's input for the item index; no column may have this name


@dataclass(frozen=True)
class ItemFeature:
    """One input of the item encoder."""

    name: str  # the column, or the name of content embeddings
    kind: FeatureKind
    size: int = 0  # rows of its embedding table, or length of its vectors; 0: not fitted to a catalogue yet


ItemSchema = tuple[ItemFeature, ...]
DEFAULT_SCHEMA: Final[ItemSchema] = (
    ItemFeature(TITLE, "words"),
    ItemFeature(CATEGORY, "category"),
    ItemFeature(PRICE, "number"),
)
NO_FEATURES: Final = "none"  # the setting for item ids only


def parse_schema(text: str) -> ItemSchema:
    """Parse `title:words,brand:category` to a schema without sizes; `none` to the empty one.

    Raises SettingsError naming the wrong entry.
    """
    if text.strip() == NO_FEATURES:
        return ()
    features = tuple(_parse_feature(entry.strip()) for entry in text.split(",") if entry.strip())
    names = [feature.name for feature in features]
    duplicate = next((name for name in names if names.count(name) > 1), None)
    if duplicate is not None:
        raise SettingsError(SETTING_NAME, f"{duplicate} is repeated", "name every column once")
    return features


def format_schema(schema: ItemSchema) -> str:
    """Return the schema as the setting's text."""
    return ",".join(f"{feature.name}:{feature.kind}" for feature in schema) or NO_FEATURES


def attribute_columns(schema: ItemSchema) -> tuple[str, ...]:
    """Return the catalogue columns of the schema beyond title, category and price; vectors are no columns."""
    return tuple(f.name for f in schema if f.kind != "vector" and f.name not in (TITLE, CATEGORY, PRICE))


def _parse_feature(entry: str) -> ItemFeature:
    name, _, kind = (part.strip() for part in entry.partition(":"))
    if name == INDEX_INPUT or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
        raise SettingsError(SETTING_NAME, f"{entry!r} names no column", SYNTAX_HINT)
    for allowed in get_args(FeatureKind):
        if kind == allowed:
            return ItemFeature(name, allowed)
    what = f"unknown kind {kind!r} in {entry!r}, choose one of {', '.join(get_args(FeatureKind))}"
    raise SettingsError(SETTING_NAME, what, SYNTAX_HINT)

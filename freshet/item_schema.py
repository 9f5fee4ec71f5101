"""Which columns of the catalogue the item encoder reads, and how: a schema that stands in the settings, not in code."""

import re
from dataclasses import dataclass
from typing import Final, Literal, get_args

from freshet.errors import SettingsError

FeatureKind = Literal["words", "category", "number", "flag", "vector"]

SETTING_NAME: Final = "FRESHET_ITEM_SCHEMA"
TITLE, CATEGORY, PRICE = "title", "category", "price"  # what every catalogue has; any other column is an attribute
SYNTAX_HINT: Final = "write it as title:words,category:category,price:number,brand:category"
INDEX_INPUT: Final = "items"  # the item encoder's own input: the index


@dataclass(frozen=True)
class ItemFeature:
    """One input of the item encoder: the column it reads, how, and how many rows its table (numbers its vector) has.

    size 0: not yet fitted to a catalogue.
    """

    name: str
    kind: FeatureKind
    size: int = 0


ItemSchema = tuple[ItemFeature, ...]
DEFAULT_SCHEMA: Final[ItemSchema] = (
    ItemFeature(TITLE, "words"),
    ItemFeature(CATEGORY, "category"),
    ItemFeature(PRICE, "number"),
)
NO_FEATURES: Final = "none"  # as a setting: ids only


def parse_schema(text: str) -> ItemSchema:
    """`title:words,brand:category` as a schema without sizes; `none` is the empty one.

    Raises SettingsError naming the entry that is wrong.
    """
    if text.strip() == NO_FEATURES:
        return ()
    features = tuple(_parse_feature(entry.strip()) for entry in text.split(",") if entry.strip())
    names = [field.name for field in features]
    duplicate = next((name for name in names if names.count(name) > 1), None)
    if duplicate is not None:
        raise SettingsError(SETTING_NAME, f"{duplicate} stands twice", "name every column once")
    return features


def format_schema(schema: ItemSchema) -> str:
    """The schema as it stands in the settings."""
    return ",".join(f"{field.name}:{field.kind}" for field in schema) or NO_FEATURES


def attribute_columns(schema: ItemSchema) -> tuple[str, ...]:
    """The columns that the schema reads beyond title, category and price; vectors come from elsewhere."""
    return tuple(f.name for f in schema if f.kind != "vector" and f.name not in (TITLE, CATEGORY, PRICE))


def _parse_feature(entry: str) -> ItemFeature:
    name, _, kind = (part.strip() for part in entry.partition(":"))
    if name == INDEX_INPUT or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
        raise SettingsError(SETTING_NAME, f"{entry!r} names no column", SYNTAX_HINT)
    for allowed in get_args(FeatureKind):
        if kind == allowed:
            return ItemFeature(name, allowed)
    what = f"{entry!r} is of no kind that there is ({', '.join(get_args(FeatureKind))})"
    raise SettingsError(SETTING_NAME, what, SYNTAX_HINT)

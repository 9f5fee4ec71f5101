"""Which columns of the catalogue the item encoder reads, and how: a schema that stands in the settings, not in code."""

import re
from dataclasses import dataclass
from typing import Final, Literal, get_args

from freshet.errors import SettingsError

Kind = Literal["words", "category", "number", "flag", "vector"]

SETTING: Final = "FRESHET_ITEM_INPUTS"
TITLE, CATEGORY, PRICE = "title", "category", "price"  # what every catalogue has; any other column is an attribute
EXAMPLE: Final = "write it as title:words,category:category,price:number,brand:category"
RESERVED: Final = "items"  # the item encoder's own input: the index


@dataclass(frozen=True)
class Field:
    """One input of the item encoder: the column it reads, how, and how many rows its table (numbers its vector) has.

    size 0: not yet fitted to a catalogue.
    """

    name: str
    kind: Kind
    size: int = 0


Schema = tuple[Field, ...]
DEFAULT: Final[Schema] = (Field(TITLE, "words"), Field(CATEGORY, "category"), Field(PRICE, "number"))
NOTHING: Final = "none"  # as a setting: ids only


def parse_schema(text: str) -> Schema:
    """`title:words,brand:category` as a schema without sizes; `none` is the empty one.

    Raises SettingsError naming the entry that is wrong.
    """
    if text.strip() == NOTHING:
        return ()
    fields = tuple(_field(entry.strip()) for entry in text.split(",") if entry.strip())
    names = [field.name for field in fields]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SettingsError(SETTING, f"{twice} stands twice", "name every column once")
    return fields


def told(schema: Schema) -> str:
    """The schema as it stands in the settings."""
    return ",".join(f"{field.name}:{field.kind}" for field in schema) or NOTHING


def attributes_of(schema: Schema) -> tuple[str, ...]:
    """The columns that the schema reads beyond title, category and price; vectors come from elsewhere."""
    return tuple(f.name for f in schema if f.kind != "vector" and f.name not in (TITLE, CATEGORY, PRICE))


def _field(entry: str) -> Field:
    name, _, kind = (part.strip() for part in entry.partition(":"))
    if name == RESERVED or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
        raise SettingsError(SETTING, f"{entry!r} names no column", EXAMPLE)
    for known in get_args(Kind):
        if kind == known:
            return Field(name, known)
    what = f"{entry!r} is of no kind that there is ({', '.join(get_args(Kind))})"
    raise SettingsError(SETTING, what, EXAMPLE)

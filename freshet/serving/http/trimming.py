"""Ids and names without the blanks around them, as the tables read them: `"u1 "` and `"u1"` are one shopper."""

from typing import Final

import msgspec

from freshet.data.whitespace import trim

IS_BLANK: Final = " is blank"


def strip_ids(struct: msgspec.Struct, *fields: str) -> None:
    """Strip the texts and lists of texts in `fields` of a struct that is being made.

    Raises ValueError, which msgspec tells as its own ValidationError, when nothing is left of one.
    """
    for field in fields:
        value = getattr(struct, field)
        if value:
            stripped = trim(value) if isinstance(value, str) else [trim(part) for part in value]
            if not all([stripped] if isinstance(stripped, str) else stripped):
                raise ValueError(f"{field}{IS_BLANK}")
            msgspec.structs.force_setattr(struct, field, stripped)


def strip_names(struct: msgspec.Struct, *fields: str) -> None:
    """Strip the texts in `fields`; what is nothing but blanks was not told."""
    for field in fields:
        value = getattr(struct, field)
        if value is not None:
            msgspec.structs.force_setattr(struct, field, trim(value) or None)

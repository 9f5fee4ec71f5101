"""Ids and names without the blanks around them, as the tables read them: `"u1 "` and `"u1"` are one shopper."""

from typing import Final

import msgspec

from freshet.blanks import bare

IS_BLANK: Final = " is blank"


def strip_ids(struct: msgspec.Struct, *fields: str) -> None:
    """Strip the texts and lists of texts in `fields` of a struct that is being made.

    Raises ValueError, which msgspec tells as its own ValidationError, when nothing is left of one.
    """
    for field in fields:
        given = getattr(struct, field)
        if given:
            found = bare(given) if isinstance(given, str) else [bare(one) for one in given]
            if not all([found] if isinstance(found, str) else found):
                raise ValueError(f"{field}{IS_BLANK}")
            msgspec.structs.force_setattr(struct, field, found)


def strip_names(struct: msgspec.Struct, *fields: str) -> None:
    """Strip the texts in `fields`; what is nothing but blanks was not told."""
    for field in fields:
        given = getattr(struct, field)
        if given is not None:
            msgspec.structs.force_setattr(struct, field, bare(given) or None)

"""Strip blanks around ids and names, as the tables do: `"u1 "` and `"u1"` are the same shopper."""

from typing import Final

import msgspec

from freshet.data.whitespace import trim

IS_BLANK: Final = " is blank"


def strip_ids(struct: msgspec.Struct, *fields: str) -> None:
    """Strip the texts and lists of texts in `fields`; for use in `__post_init__`.

    Raises ValueError if one is blank; msgspec turns it into its ValidationError.
    """
    for field in fields:
        value = getattr(struct, field)
        if value:
            stripped = trim(value) if isinstance(value, str) else [trim(part) for part in value]
            if not all([stripped] if isinstance(stripped, str) else stripped):
                raise ValueError(f"{field}{IS_BLANK}")
            msgspec.structs.force_setattr(struct, field, stripped)


def strip_names(struct: msgspec.Struct, *fields: str) -> None:
    """Strip the texts in `fields`; a blank one becomes None."""
    for field in fields:
        value = getattr(struct, field)
        if value is not None:
            msgspec.structs.force_setattr(struct, field, trim(value) or None)

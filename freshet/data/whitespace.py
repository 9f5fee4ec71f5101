"""Blank characters around ids and names, the same for tables and gateway."""

from typing import Final

# Every character that Unicode calls white space, and two that are invisible: zero-width space, byte order mark.
BLANK_CHARACTERS: Final = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
    "\u200b\ufeff"
)


def trim(text: str) -> str:
    """Return the text without blanks around it."""
    return text.strip(BLANK_CHARACTERS)

"""Column names in Spark SQL: put them in backticks, and find one that needs backticks and lacks them."""

import re
from collections.abc import Sequence
from typing import Final

_PLAIN: Final = re.compile(r"\w*[A-Za-z_]\w*", re.ASCII)
_QUOTED: Final = re.compile(r"`(?:[^`]|``)*`|'[^']*'|\"[^\"]*\"")


def quote_name(name: str) -> str:
    """Return the name in backticks."""
    return f"`{name.replace('`', '``')}`"


def sql_name(name: str) -> str:
    """Return the name as an expression needs it: `Artikel-Nr` in backticks, `price` bare."""
    return name if _PLAIN.fullmatch(name) else quote_name(name)


def unquoted_column(expression: str, names: Sequence[str]) -> str | None:
    """Return a column whose name needs backticks and stands in the expression without them; None if there is none.

    `Artikel-Nr` without them is a subtraction, `Preis (EUR)` a call, `2024` a number.
    """
    special = sorted((name for name in names if sql_name(name) != name), key=len, reverse=True)
    exact_match = next((name for name in special if name.strip() == expression.strip()), None)
    if exact_match is not None:
        return exact_match
    unquoted = _QUOTED.sub(lambda match: " " * len(match.group()), expression)
    return next((name for name in special if not name.isdigit() and _occurs(name, unquoted)), None)


def describe_special_character(name: str) -> str:
    """Return the character for which the name needs backticks, as text: "a blank", "`-`", "only digits"."""
    if name.strip() != name:
        return "a blank at its end"
    special_char = next((char for char in name if not re.match(r"\w", char, re.ASCII)), "")
    return "a blank" if special_char == " " else f"`{special_char}`" if special_char else "only digits"


def _occurs(name: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name.strip())}(?!\w)", text, re.IGNORECASE) is not None

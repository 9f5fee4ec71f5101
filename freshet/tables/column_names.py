"""Column names in Spark SQL: which need backticks, and which stand bare in an expression."""

import re
from collections.abc import Sequence
from typing import Final

_PLAIN: Final = re.compile(r"\w*[A-Za-z_]\w*", re.ASCII)
_TEXT: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
_QUOTED: Final = re.compile(r"`(?:[^`]|``)*`|'[^']*'|\"[^\"]*\"")


def sql_name(name: str) -> str:
    """The name as Spark SQL takes it: `Artikel-Nr` in backticks, `price` bare."""
    return name if _PLAIN.fullmatch(name) else f"`{name.replace('`', '``')}`"


def bare_name(text: str, names: Sequence[str]) -> str | None:
    """The column whose name needs backticks and stands in the expression without; None where there is none.

    `Artikel-Nr` without them is a subtraction, `Preis (EUR)` a call, `2024` a number.
    """
    special = sorted((name for name in names if sql_name(name) != name), key=len, reverse=True)
    whole = next((name for name in special if name.strip() == text.strip()), None)
    if whole is not None:
        return whole
    unquoted = _QUOTED.sub(lambda found: " " * len(found.group()), text)
    return next((name for name in special if not name.isdigit() and _stands(name, unquoted)), None)


def oddity(name: str) -> str:
    """What in the name is more than a name may have: "a blank", "`-`"."""
    if name.strip() != name:
        return "a blank at its end"
    odd = next((sign for sign in name if not re.match(r"\w", sign, re.ASCII)), "")
    return "a blank" if odd == " " else f"`{odd}`" if odd else "only digits"


def columns_in(text: str, names: Sequence[str]) -> list[str]:
    """The columns that an expression reads, as far as its text tells: in backticks, or bare outside of quotes."""
    lower = _TEXT.sub("", text).lower()
    bare = re.findall(r"\w+", _QUOTED.sub(" ", text).lower(), re.ASCII)
    return [name for name in names if f"`{name.lower().replace('`', '``')}`" in lower or name.lower() in bare]


def _stands(name: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name.strip())}(?!\w)", text, re.IGNORECASE) is not None

"""Which names in a Spark SQL expression are columns, told without Spark: enough to say that a file lacks one."""

import re
from typing import Final

from freshet.tables.mapping import Mapping

_STRING = re.compile(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"")
_QUOTED = re.compile(r"`((?:[^`]|``)+)`")
_LAMBDA = re.compile(r"(?:\(([\w\s,]+)\)|\b(\w+))\s*->")
_NAME = re.compile(r"(?<![\w.`])([A-Za-z_]\w*)(?!\w)(?!\s*\()")
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_TYPE = re.compile(r"(?:\bas\s+|::\s*)\w+(?:\s*<[^()]*>)?|\b(?:date|time|timestamp)\s*(?='')", re.IGNORECASE)
# Words of the language. One that is also a column's name is not noticed missing here: Spark's analysis finds it later.
_WORDS: Final = frozenset(
    """
    all and any array asc between binary both by case collate current_date current_timestamp desc distinct div else end
    escape exists false for from ilike in interval is leading like not null nulls or over regexp respect rlike select
    similar struct then to trailing true using when where with within
    microsecond microseconds millisecond milliseconds second seconds minute minutes hour hours day days week weeks
    month months quarter year years
    """.split()  # noqa: SIM905 - a list of quoted words is unreadable
)


def columns_used(mapping: Mapping) -> frozenset[str]:
    """The source columns that the mapping's expressions name (of `events.aid` only `events`), in lower case."""
    return frozenset[str]().union(*(_columns(text) for text in mapping.expressions().values()))


def _columns(text: str) -> set[str]:
    bare = _COMMENT.sub("", _STRING.sub("''", text))
    quoted = {match.replace("``", "`").lower() for match in _QUOTED.findall(bare)}
    bare = _TYPE.sub("", _QUOTED.sub("", bare))
    bound = {name.strip().lower() for both in _LAMBDA.findall(bare) for names in both for name in names.split(",")}
    return quoted | {name.lower() for name in _NAME.findall(bare)} - _WORDS - bound

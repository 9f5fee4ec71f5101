"""Which names in a Spark SQL expression are columns, told without Spark: enough to say that a file lacks one."""

import re
from typing import Final

from freshet.ingest.mapping.source_mapping import SourceMapping

_STRING = re.compile(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"")
_QUOTED = re.compile(r"`((?:[^`]|``)+)`")
_LAMBDA = re.compile(r"(?:\(([\w\s,]+)\)|\b(\w+))\s*->")
_NAME = re.compile(r"(?<![\w.`])([A-Za-z_]\w*)(?!\w)(?!\s*\()")
_NESTED = re.compile(r"(?<=\.)([A-Za-z_]\w*)(?!\w)(?!\s*\()")
_DECLARED = re.compile(r"(?:`((?:[^`]|``)+)`|([A-Za-z_]\w*))(?:\s*:|\s+(?=[A-Za-z]))")
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_TYPE = re.compile(r"(?:\bas\s+|::\s*)\w+(?:\s*<[^()]*>)?|\b(?:date|time|timestamp)\s*(?='')", re.IGNORECASE)
# Words of the language. One that is also a column's name is not noticed missing here: Spark's analysis finds it later.
_SQL_KEYWORDS: Final = frozenset(
    """
    all and any array asc between binary both by case collate current_date current_timestamp desc distinct div else end
    escape exists false for from ilike in interval is leading like not null nulls or over regexp respect rlike select
    similar struct then to trailing true using when where with within
    microsecond microseconds millisecond milliseconds second seconds minute minutes hour hours day days week weeks
    month months quarter year years
    """.split()  # noqa: SIM905 - a list of quoted words is unreadable
)


def columns_needed(mapping: SourceMapping) -> frozenset[str]:
    """The columns that every file must have, in lower case: those used, without `source.optional`."""
    exploded = {mapping.source.explode} if mapping.source.explode else set()
    used = columns_used(mapping) | {name.lower() for name in exploded}
    return used - {name.lower() for name in mapping.source.optional}


def keys_needed(mapping: SourceMapping) -> frozenset[str]:
    """The keys that some record of every json file must have, spelled as in the mapping's schema.

    Those of the columns needed, and what the expressions name inside them (`aid` of `events.aid`).
    """
    optional = {name.lower() for name in mapping.source.optional}
    nested = {
        name.lower() for text in mapping.expressions().values() for name in _NESTED.findall(_strip_literals(text))
    }
    needed = (columns_needed(mapping) | nested) - optional
    names = (plain or quoted.replace("``", "`") for quoted, plain in _DECLARED.findall(mapping.source.schema_ or ""))
    return frozenset(name for name in names if name.lower() in needed)


def columns_used(mapping: SourceMapping) -> frozenset[str]:
    """The source columns that the mapping's expressions name (of `events.aid` only `events`), in lower case."""
    return frozenset[str]().union(*(_column_names(text) for text in mapping.expressions().values()))


def _strip_literals(text: str) -> str:
    """An expression without the contents of its strings and without comments."""
    return _COMMENT.sub("", _STRING.sub("''", text))


def _column_names(text: str) -> set[str]:
    stripped = _strip_literals(text)
    quoted = {match.replace("``", "`").lower() for match in _QUOTED.findall(stripped)}
    stripped = _TYPE.sub("", _QUOTED.sub("", stripped))
    lambda_names = {
        name.strip().lower() for both in _LAMBDA.findall(stripped) for names in both for name in names.split(",")
    }
    return quoted | {name.lower() for name in _NAME.findall(stripped)} - _SQL_KEYWORDS - lambda_names

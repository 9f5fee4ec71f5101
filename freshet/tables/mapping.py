"""The source mapping: a YAML file that says how a shop's own files become canonical events."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from freshet.errors import MappingError
from freshet.tables.marks import Marked, read_marked

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.types import StructType

START = "start from one of the files in examples/ (docs/mapping.md explains every key)"


def _number_as_text(value: object) -> object:
    """`quantity: 1` is an expression too."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _steady(text: str) -> str:
    """The same row must give the same event in every run."""
    if unsteady := _UNSTEADY.search(text):
        raise ValueError(f"uses {unsteady.group(1)}(), which gives something else in every run")
    return text


_UNSTEADY = re.compile(
    r"\b(rand|randn|random|uuid|shuffle|now|current_\w+|localtimestamp|curdate|monotonically_increasing_id|"
    r"input_file_\w+|spark_partition_id)\s*\(",
    re.IGNORECASE,
)
Expression = Annotated[str, BeforeValidator(_number_as_text), Field(min_length=1), AfterValidator(_steady)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Source(_Part):
    """How the shop's files are written."""

    format: Literal["csv", "json", "parquet"]
    delimiter: str = Field(",", min_length=1, max_length=1)
    quote: str = Field('"', min_length=1, max_length=1)
    encoding: Literal["utf-8", "iso-8859-1"] = "utf-8"
    columns: tuple[str, ...] = Field((), strict=False, description="csv without a header line: the columns' names")
    schema_: str | None = Field(None, alias="schema", min_length=1, description="json: the columns as Spark DDL")
    explode: str | None = Field(None, description="an array column; each element becomes a row")
    optional: tuple[str, ...] = Field((), strict=False, description="columns that a file may lack; they are null then")

    @model_validator(mode="after")
    def _json_has_a_schema(self) -> "Source":
        if self.format == "json" and self.schema_ is None:
            raise ValueError("json needs `schema`, the columns as Spark DDL, e.g. `session BIGINT, ts BIGINT`")
        return self


class Landing(_Part):
    """How `freshet land` cuts one file into landing days."""

    split_by: str = Field(description="the column with the date; json: a path such as `events.-1.ts`")
    date_format: str = Field(description="as Python's strptime writes it, or `epoch` (seconds) or `epoch_ms`")


class Events(_Part):
    """One Spark SQL expression per canonical column."""

    user_id: Expression | None = None
    session_id: Expression | None = None
    item_id: Expression
    event_type: Expression
    event_time: Expression
    quantity: Expression | None = None
    price: Expression | None = None
    title: Expression | None = None
    category: Expression | None = None
    event_id: Expression | None = None
    context: dict[Name, Expression] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _somebody_did_it(self) -> "Events":
        if self.user_id is None and self.session_id is None:
            raise ValueError("needs `user_id` or `session_id`, or both: who did it")
        return self


class Mapping(_Part):
    """A source mapping, read and validated; `read` makes one.

    file: what errors call it. marks: key → "line:column" of its value in the file.
    """

    shop: Name
    time_zone: str = "UTC"
    currency: str | None = Field(None, pattern=r"^[A-Z]{3}$")
    source: Source
    landing: Landing | None = None
    where: Expression | None = None
    events: Events
    file: str = Field("mapping", exclude=True)
    marks: dict[str, str] = Field(default_factory=dict, exclude=True, repr=False)

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("is no time zone of the IANA list, e.g. Europe/London or UTC")
        return value

    def expressions(self) -> dict[str, str]:
        """Every expression by its key, e.g. `where`, `events.item_id`, `events.context.country`."""
        events = self.events.model_dump(exclude={"context"}, exclude_none=True)
        found = {} if self.where is None else {"where": self.where}
        found |= {f"events.{name}": text for name, text in events.items()}
        return found | {f"events.context.{name}": text for name, text in self.events.context.items()}

    def at(self, key: str) -> str:
        """Where `key` stands, for an error: `examples/shop.yaml:12:15: events.item_id`."""
        mark = f":{self.marks[key]}" if key in self.marks else ""
        return f"{self.file}{mark}: {key}"


def read(path: Path) -> Mapping:
    """The mapping in `path`.

    Raises MappingError with file, line and column for bad YAML, an unknown or missing key, a wrong type, a bad zone.
    """
    marked = read_marked(path, str(path))
    marks = {".".join(place): mark for place, mark in marked.marks.items()}
    try:
        return Mapping.model_validate({**marked.values, "file": str(path), "marks": marks})
    except ValidationError as error:
        raise _first_mistake(error, marked, str(path)) from None


def check_expressions(mapping: Mapping, schema: "StructType", spark: "SparkSession") -> None:
    """Have Spark analyse every expression against the source's columns.

    Raises MappingError with file, line, column, the expression and what Spark said: a column that is not there
    (with the names that come close), an unknown function, a result of the wrong type.
    """
    from freshet.tables.expressions import analyse, fit

    expressions = mapping.expressions()
    if not fit(expressions, schema, spark):
        for key, text in expressions.items():
            analyse(mapping.at(key), key, text, schema, spark)


def _first_mistake(error: ValidationError, marked: Marked, shown: str) -> MappingError:
    """The mistake that stands first in the file; the next one shows when this one is mended."""
    found = sorted((_located(e, marked) for e in error.errors()), key=lambda m: m[0])
    (line, column), key, what = found[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return MappingError(f"{shown}:{line}:{column}", f"{key}{what}{more}", START)


def _located(error: Any, marked: Marked) -> tuple[tuple[int, int], str, str]:
    place = tuple(str(part) for part in error["loc"])
    if error["type"] == "missing":
        return _position(marked.keys.get(place[:-1], "1:1")), f"`{'.'.join(place)}`", " is missing"
    if error["type"] == "extra_forbidden":
        return _position(marked.keys[place]), f"`{'.'.join(place)}`", " is no key of a mapping"
    mark = next((marked.marks[place[:n]] for n in range(len(place), 0, -1) if place[:n] in marked.marks), "1:1")
    said = re.sub(r"^Value error, ", "", error["msg"])
    given = "" if isinstance(error["input"], dict | BaseModel) else f" {error['input']!r}"
    return _position(mark), f"`{'.'.join(place)}`" if place else "the mapping", f"{given}: {said}"


def _position(mark: str) -> tuple[int, int]:
    line, column = mark.split(":")
    return int(line), int(column)

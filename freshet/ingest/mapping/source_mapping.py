"""The source mapping: a YAML file that maps the columns of a shop's own files to canonical events."""

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
from freshet.ingest.mapping.sql_expressions import are_expressions_valid, check_expression
from freshet.ingest.mapping.yaml_positions import PositionedYaml, read_positioned_yaml

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.types import StructType

EXAMPLES_FIX = "start from one of the files in examples/ (docs/mapping.md explains every key)"


def _number_as_text(value: object) -> object:
    """`quantity: 1` is an expression too."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _require_deterministic(text: str) -> str:
    """The same row must give the same event in every run."""
    if match := _NONDETERMINISTIC.search(text):
        raise ValueError(f"uses {match.group(1)}(), which gives another value in every run")
    return text


_NONDETERMINISTIC = re.compile(
    r"\b(rand|randn|random|uuid|shuffle|now|current_\w+|localtimestamp|curdate|monotonically_increasing_id|"
    r"input_file_\w+|spark_partition_id)\s*\(",
    re.IGNORECASE,
)
Expression = Annotated[
    str, BeforeValidator(_number_as_text), Field(min_length=1), AfterValidator(_require_deterministic)
]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]


class _StrictModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class SourceFormat(_StrictModel):
    """The format of the shop's files."""

    format: Literal["csv", "json", "parquet"]
    delimiter: str = Field(",", min_length=1, max_length=1)
    quote: str = Field('"', min_length=1, max_length=1)
    encoding: Literal["utf-8", "iso-8859-1"] = "utf-8"
    columns: tuple[str, ...] = Field((), strict=False, description="csv without a header line: the columns' names")
    schema_: str | None = Field(None, alias="schema", min_length=1, description="json: the columns as Spark DDL")
    explode: str | None = Field(None, description="an array column; each element becomes a row")
    optional: tuple[str, ...] = Field((), strict=False, description="columns that a file may lack; they are null then")

    @model_validator(mode="after")
    def _require_json_schema(self) -> "SourceFormat":
        if self.format == "json" and self.schema_ is None:
            raise ValueError("json needs `schema`, the columns as Spark DDL, e.g. `session BIGINT, ts BIGINT`")
        return self


class LandingSplit(_StrictModel):
    """How `freshet land` splits one file into landing days."""

    split_by: str = Field(description="the column with the date; json: a path such as `events.-1.ts`")
    date_format: str = Field(description="as Python's strptime writes it, or `epoch` (seconds) or `epoch_ms`")


class EventExpressions(_StrictModel):
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
    context: dict[Identifier, Expression] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _require_user_or_session(self) -> "EventExpressions":
        if self.user_id is None and self.session_id is None:
            raise ValueError("needs `user_id` or `session_id`, or both")
        return self


class SourceMapping(_StrictModel):
    """A source mapping, validated; `read_mapping` reads one.

    file: its name in errors. positions: key → "line:column" of its value in the file.
    """

    shop: Identifier
    time_zone: str = "UTC"
    currency: str | None = Field(None, pattern=r"^[A-Z]{3}$")
    source: SourceFormat
    landing: LandingSplit | None = None
    where: Expression | None = None
    events: EventExpressions
    file: str = Field("mapping", exclude=True)
    positions: dict[str, str] = Field(default_factory=dict, exclude=True, repr=False)

    @field_validator("time_zone")
    @classmethod
    def _require_known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("is not a time zone of the IANA list, e.g. Europe/London or UTC")
        return value

    def expressions(self) -> dict[str, str]:
        """Return every expression by its key, e.g. `where`, `events.item_id`, `events.context.country`."""
        events = self.events.model_dump(exclude={"context"}, exclude_none=True)
        expressions_by_key = {} if self.where is None else {"where": self.where}
        expressions_by_key |= {f"events.{name}": text for name, text in events.items()}
        return expressions_by_key | {f"events.context.{name}": text for name, text in self.events.context.items()}

    def location(self, key: str) -> str:
        """Return the position of `key` for an error: `examples/shop.yaml:12:15: events.item_id`."""
        position = f":{self.positions[key]}" if key in self.positions else ""
        return f"{self.file}{position}: {key}"


def read_mapping(path: Path) -> SourceMapping:
    """Return the mapping in the file `path`.

    Raises MappingError with file, line and column for bad YAML, an unknown or missing key, a wrong type, a bad zone.
    """
    positioned = read_positioned_yaml(path, str(path))
    positions = {".".join(key_path): position for key_path, position in positioned.value_positions.items()}
    try:
        return SourceMapping.model_validate({**positioned.values, "file": str(path), "positions": positions})
    except ValidationError as error:
        raise _first_issue(error, positioned, str(path)) from None


def check_expressions(mapping: SourceMapping, schema: "StructType", spark: "SparkSession") -> None:
    """Have Spark analyse every expression against the source's columns.

    Raises MappingError with file, line, column, the expression and Spark's reason: a missing column (with similar
    names), an unknown function, a result of the wrong type.
    """
    expressions = mapping.expressions()
    if not are_expressions_valid(expressions, schema, spark):
        for key, expression in expressions.items():
            check_expression(mapping.location(key), key, expression, schema, spark)


def _first_issue(error: ValidationError, positioned: PositionedYaml, file_name: str) -> MappingError:
    """The error of the first issue in the file, with the number of further ones."""
    issues = sorted((_locate_issue(e, positioned) for e in error.errors()), key=lambda m: m[0])
    (line, column), key, what = issues[0]
    suffix = f" (and {len(issues) - 1} more)" if len(issues) > 1 else ""
    return MappingError(f"{file_name}:{line}:{column}", f"{key}{what}{suffix}", EXAMPLES_FIX)


def _locate_issue(error: Any, positioned: PositionedYaml) -> tuple[tuple[int, int], str, str]:
    """((line, column), the key, the message) of one issue that pydantic found."""
    key_path = tuple(str(part) for part in error["loc"])
    if error["type"] == "missing":
        return (
            _parse_position(positioned.key_positions.get(key_path[:-1], "1:1")),
            f"`{'.'.join(key_path)}`",
            " is missing",
        )
    if error["type"] == "extra_forbidden":
        position = positioned.key_positions[key_path]
        return _parse_position(position), f"`{'.'.join(key_path)}`", " is not a key of a mapping"
    prefixes = (key_path[:n] for n in range(len(key_path), 0, -1))  # the value itself, else what holds it
    position = next((p for prefix in prefixes if (p := positioned.value_positions.get(prefix))), "1:1")
    message = error["msg"].removeprefix("Value error, ")
    value_text = "" if isinstance(error["input"], dict | BaseModel) else f" {error['input']!r}"
    return (
        _parse_position(position),
        f"`{'.'.join(key_path)}`" if key_path else "the mapping",
        f"{value_text}: {message}",
    )


def _parse_position(position: str) -> tuple[int, int]:
    line, column = position.split(":")
    return int(line), int(column)

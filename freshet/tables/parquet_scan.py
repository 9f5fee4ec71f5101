"""A parquet file's columns and records from its footer, and what Spark could not read of it."""

from typing import TYPE_CHECKING, Any

from freshet.tables.headers import DataFile
from freshet.tables.mistakes import Mistake, Scan

if TYPE_CHECKING:
    import pyarrow.parquet as pq

DAMAGED = Mistake("is a parquet file cut short or damaged ({why})", "deliver the whole file again")


def scan_parquet(file: DataFile) -> Scan:
    """The records as the footer counts them."""
    with file.open() as raw:
        footer = open_footer(raw)
        return Scan(0, footer) if isinstance(footer, Mistake) else Scan(int(footer.num_rows), _nested_nanos(footer))


def open_footer(raw: Any) -> "pq.FileMetaData | Mistake":
    """The footer of an open file, or what is wrong with it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_metadata(raw)
    except (pa.ArrowInvalid, pa.ArrowException, OSError) as error:
        first = str(error).splitlines()[0][:150]
        return Mistake(DAMAGED.problem.format(why=first), DAMAGED.fix)


def nanosecond_columns(footer: "pq.FileMetaData") -> dict[str, bool]:
    """Top-level columns of nanosecond timestamps, which Spark has no type for → whether they are instants (UTC)."""
    return {name: utc for path, (name, utc) in _nanos(footer).items() if path == name}


def _nested_nanos(footer: "pq.FileMetaData") -> Mistake | None:
    nested = sorted(path for path, (name, _) in _nanos(footer).items() if path != name)
    if not nested:
        return None
    return Mistake(
        f"has nanosecond times inside a list or struct ({nested[0]})",
        "write them in microseconds: pyarrow.parquet.write_table(…, coerce_timestamps='us')",
    )


def _nanos(footer: "pq.FileMetaData") -> dict[str, tuple[str, bool]]:
    """Path of a column → (its top-level column, whether its times are adjusted to UTC)."""
    import json

    columns: dict[str, tuple[str, bool]] = {}
    for place in range(footer.num_columns):
        column = footer.schema.column(place)
        kind = json.loads(column.logical_type.to_json())
        if kind.get("Type") == "Timestamp" and kind.get("timeUnit") == "nanoseconds":
            columns[column.path] = (column.path.split(".")[0], bool(kind.get("isAdjustedToUTC")))
    return columns

"""A parquet file's columns and records from its footer, and what Spark could not read of it."""

from typing import TYPE_CHECKING, Any

from freshet.ingest.files.data_file import DataFile
from freshet.ingest.files.file_issues import FileIssue, FileScan

if TYPE_CHECKING:
    import pyarrow.parquet as pq

DAMAGED_PARQUET = FileIssue("is a parquet file cut short or damaged ({why})", "deliver the whole file again")


def scan_parquet(file: DataFile) -> FileScan:
    """The records as the footer counts them."""
    with file.open() as raw:
        footer = read_footer(raw)
        return (
            FileScan(0, footer)
            if isinstance(footer, FileIssue)
            else FileScan(int(footer.num_rows), _nested_nanos_issue(footer))
        )


def read_footer(raw: Any) -> "pq.FileMetaData | FileIssue":
    """The footer of an open file, or what is wrong with it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_metadata(raw)
    except (pa.ArrowInvalid, pa.ArrowException, OSError) as error:
        first_line = str(error).splitlines()[0][:150]
        return FileIssue(DAMAGED_PARQUET.problem.format(why=first_line), DAMAGED_PARQUET.fix)


def nanosecond_columns(footer: "pq.FileMetaData") -> dict[str, bool]:
    """Top-level columns of nanosecond timestamps, which Spark has no type for → whether they are instants (UTC)."""
    return {name: utc for path, (name, utc) in _nanosecond_paths(footer).items() if path == name}


def _nested_nanos_issue(footer: "pq.FileMetaData") -> FileIssue | None:
    nested = sorted(path for path, (name, _) in _nanosecond_paths(footer).items() if path != name)
    if not nested:
        return None
    return FileIssue(
        f"has nanosecond times inside a list or struct ({nested[0]})",
        "write them in microseconds: pyarrow.parquet.write_table(…, coerce_timestamps='us')",
    )


def _nanosecond_paths(footer: "pq.FileMetaData") -> dict[str, tuple[str, bool]]:
    """Path of a column → (its top-level column, whether its times are adjusted to UTC)."""
    import json

    columns: dict[str, tuple[str, bool]] = {}
    for index in range(footer.num_columns):
        column = footer.schema.column(index)
        logical_type = json.loads(column.logical_type.to_json())
        if logical_type.get("Type") == "Timestamp" and logical_type.get("timeUnit") == "nanoseconds":
            columns[column.path] = (column.path.split(".")[0], bool(logical_type.get("isAdjustedToUTC")))
    return columns

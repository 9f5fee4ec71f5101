"""Read a parquet file's footer: its number of records, damage, and times that Spark cannot read."""

import json
from typing import TYPE_CHECKING, Any

from freshet.ingest.files.data_file import DataFile
from freshet.ingest.files.file_issues import FileIssue, FileScan

if TYPE_CHECKING:
    import pyarrow.parquet as pq

DAMAGED_PARQUET = FileIssue("is a parquet file cut short or damaged ({why})", "deliver the whole file again")


def scan_parquet(file: DataFile) -> FileScan:
    """Return the number of records by the footer, and the file's first issue."""
    with file.open() as raw:
        footer = read_footer(raw)
    if isinstance(footer, FileIssue):
        return FileScan(0, footer)
    return FileScan(int(footer.num_rows), _nested_nanos_issue(footer))


def read_footer(raw: Any) -> "pq.FileMetaData | FileIssue":
    """Return the footer of an open file, or its issue."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_metadata(raw)
    except (pa.ArrowInvalid, pa.ArrowException, OSError) as error:
        first_line = str(error).splitlines()[0][:150]
        return FileIssue(DAMAGED_PARQUET.problem.format(why=first_line), DAMAGED_PARQUET.fix)


def nanosecond_columns(footer: "pq.FileMetaData") -> dict[str, bool]:
    """Return the top-level columns of nanosecond timestamps, a type that Spark lacks → whether they are in UTC."""
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
    columns: dict[str, tuple[str, bool]] = {}
    for index in range(footer.num_columns):
        column = footer.schema.column(index)
        logical_type = json.loads(column.logical_type.to_json())
        if logical_type.get("Type") == "Timestamp" and logical_type.get("timeUnit") == "nanoseconds":
            columns[column.path] = (column.path.split(".")[0], bool(logical_type.get("isAdjustedToUTC")))
    return columns

"""Load `raw_events`: read and map landed files; a broken file excludes the day on which it landed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import reduce

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from freshet.data import columns as c
from freshet.errors import MappingError
from freshet.ingest.files.file_issues import FileScan
from freshet.ingest.files.gateway_files import group_by_mapping
from freshet.ingest.mapping.source_mapping import SourceMapping
from freshet.ingest.raw_events import to_raw_events
from freshet.ingest.read_landing import LandedFileIssue, group_by_header, landed_file_issues, read_landing
from freshet.landing import LandedFile, StoredFile
from freshet.publishing import gate_inputs
from freshet.store import Store
from freshet.tables import iceberg
from freshet.tables.schemas import RAW_EVENTS
from freshet.tables.spark_errors import failed_file, root_cause

UNFIT_FIX = "deliver it with the columns and types of the other files, or change the mapping"
UNREADABLE_FIX = "deliver it again; if the file is correct, this is a bug in Freshet"


@dataclass
class RawEventsLoader:
    """Reads landed files as rows of raw_events. `issues` collects the broken files."""

    spark: SparkSession
    store: Store
    days: Sequence[date]
    mapping: SourceMapping
    key: bytes
    scans: dict[LandedFile, FileScan]
    issues: list[LandedFileIssue] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.issues = landed_file_issues(self.scans)

    def read_rows(self) -> DataFrame:
        """Return the raw events of every day without a broken file.

        Raises MappingError if the mapping fits no file.
        """
        parts = [
            part
            for file_mapping, group in group_by_mapping(self._readable_files(), self.mapping)
            for part in self._map_files(file_mapping, group)
        ]
        broken_days = {issue.file.day for issue in self.issues}
        rows = [frame for frame, files in parts if any(file.day not in broken_days for file in files)]
        if not rows:
            return iceberg.empty_frame(self.spark, RAW_EVENTS)
        union = reduce(DataFrame.unionByName, rows)
        return union.where(~F.col(c.LANDING_DATE).isin(sorted(broken_days))) if broken_days else union

    def record_failed_file(self, error: BaseException | None) -> bool:
        """Add the landed file on which Spark failed to the issues; return False if the error names no such file."""
        path = None if error is None else failed_file(error)
        known_files = {issue.file for issue in self.issues}
        file = next(
            (
                scanned
                for scanned in self.scans
                if path is not None and _is_same_file(path, self.store.full_path(scanned.path))
            ),
            None,
        )
        if file is None or file in known_files or error is None:
            return False
        self.issues.append(LandedFileIssue(file, f"cannot be read ({root_cause(error)})", UNREADABLE_FIX))
        return True

    def collect_inputs(self, staged: DataFrame) -> gate_inputs.GateInputs:
        """Return the gate inputs: files, issues and the records read from each file."""
        by_file = staged.where(F.col(c.SOURCE_POSITION) == 0).groupBy(c.LANDING_DATE, c.SOURCE_FILE)
        counts = by_file.agg(F.count("*").alias("records"), F.max(c.SOURCE_ROW).alias("last")).collect()
        # A row number above the count would mean that the rows of two files were numbered as one.
        read_counts = {
            (row[c.LANDING_DATE], row[c.SOURCE_FILE]): max(int(row["records"]), int(row["last"])) for row in counts
        }
        expected_counts = {file: self.scans[file].records for file in self._readable_files()}
        inputs = gate_inputs.landing_inputs(self.days, list(self.scans), self.issues)
        return {**inputs, **gate_inputs.read_inputs(self.days, expected_counts, read_counts)}

    def _readable_files(self) -> list[LandedFile]:
        broken_days = {issue.file.day for issue in self.issues}
        return [file for file in self.scans if file.day not in broken_days]

    def _map_files(
        self, mapping: SourceMapping, files: Sequence[LandedFile]
    ) -> list[tuple[DataFrame, list[LandedFile]]]:
        """Map files by header; if the mapping fits only some headers, the files of the others are broken."""
        stored = {StoredFile(self.store, file): file for file in files}
        frames: list[tuple[DataFrame, list[LandedFile]]] = []
        misfits: list[tuple[MappingError, list[LandedFile]]] = []
        for _, group in group_by_header(list(stored), mapping.source):
            group_files = [stored[file] for file in group]
            try:
                source = read_landing(self.spark, self.store, mapping, group_files)
                frames.append((to_raw_events(source, mapping, self.key), group_files))
            except MappingError as error:
                misfits.append((error, group_files))
            except AnalysisException as error:
                self._add_issues(group_files, f"cannot be read ({root_cause(error)})", UNREADABLE_FIX)
        if misfits and not frames:
            raise misfits[0][0]
        for misfit, group_files in misfits:
            self._add_issues(group_files, f"does not fit the mapping ({misfit.where}: {misfit.what})", UNFIT_FIX)
        return frames

    def _add_issues(self, files: Sequence[LandedFile], problem: str, fix: str) -> None:
        self.issues.extend(LandedFileIssue(file, problem, fix) for file in files)


def _is_same_file(path: str, stored_url: str) -> bool:
    """Return whether Spark's path and the store's URL name the same file."""
    return path.removeprefix("s3a://") == stored_url.removeprefix("s3://")

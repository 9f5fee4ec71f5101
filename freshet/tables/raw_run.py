"""The table raw_events of some landing days: what landed, read and mapped, a broken file refusing its own day only."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import reduce

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from freshet import columns as c
from freshet.errors import MappingError
from freshet.landing import LandedFile, StoredFile
from freshet.store import Store
from freshet.tables import facts, lake
from freshet.tables.collected import by_origin
from freshet.tables.mapping import Mapping
from freshet.tables.mistakes import Scan
from freshet.tables.raw_events import to_raw_events
from freshet.tables.schemas import RAW_EVENTS
from freshet.tables.sources import FileProblem, by_header, problems, read_landing
from freshet.tables.spark_errors import file_of, root_cause

UNFIT = "deliver it with the columns and types of the other files, or change the mapping"
UNREADABLE = "deliver it again; if it is as it should be, this is a fault of Freshet"


@dataclass
class RawRun:
    """Landed files on their way to raw_events. `problems` grows as files turn out to be broken."""

    spark: SparkSession
    store: Store
    days: Sequence[date]
    mapping: Mapping
    key: bytes
    scans: dict[LandedFile, Scan]
    problems: list[FileProblem] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.problems = problems(self.scans)

    def rows(self) -> DataFrame:
        """The raw events of every day without a broken file.

        Raises MappingError where the mapping fits no file.
        """
        parts = [part for how, own in by_origin(self._good(), self.mapping) for part in self._mapped(how, own)]
        broken = {problem.file.day for problem in self.problems}
        rows = [frame for frame, files in parts if any(file.day not in broken for file in files)]
        if not rows:
            return lake.nothing(self.spark, RAW_EVENTS)
        union = reduce(DataFrame.unionByName, rows)
        return union.where(~F.col(c.LANDING_DATE).isin(sorted(broken))) if broken else union

    def blame(self, error: BaseException | None) -> bool:
        """Whether Spark failed on a landed file that was not known to be broken; it is among the problems then."""
        path = None if error is None else file_of(error)
        known = {problem.file for problem in self.problems}
        file = next((one for one in self.scans if path is not None and _same(path, self.store.where(one.path))), None)
        if file is None or file in known or error is None:
            return False
        self.problems.append(FileProblem(file, f"cannot be read ({root_cause(error)})", UNREADABLE))
        return True

    def facts(self, stage: DataFrame) -> facts.Facts:
        """What the gate must know beside the stage itself."""
        of_file = stage.where(F.col(c.SOURCE_POSITION) == 0).groupBy(c.LANDING_DATE, c.SOURCE_FILE)
        counts = of_file.agg(F.count("*").alias("records"), F.max(c.SOURCE_ROW).alias("last")).collect()
        # A number beyond the count would mean that rows of two files were numbered as one.
        read = {(row[c.LANDING_DATE], row[c.SOURCE_FILE]): max(int(row["records"]), int(row["last"])) for row in counts}
        held = {file: self.scans[file].records for file in self._good()}
        landed = facts.landing(self.days, list(self.scans), self.problems)
        return {**landed, **facts.reading(self.days, held, read)}

    def _good(self) -> list[LandedFile]:
        broken = {problem.file.day for problem in self.problems}
        return [file for file in self.scans if file.day not in broken]

    def _mapped(self, mapping: Mapping, files: Sequence[LandedFile]) -> list[tuple[DataFrame, list[LandedFile]]]:
        """Files of one header at a time: a mapping that fits some of them makes the others broken files."""
        stored = {StoredFile(self.store, file): file for file in files}
        frames: list[tuple[DataFrame, list[LandedFile]]] = []
        unfit: list[tuple[MappingError, list[LandedFile]]] = []
        for _, group in by_header(list(stored), mapping.source):
            own = [stored[file] for file in group]
            try:
                source = read_landing(self.spark, self.store, mapping, own)
                frames.append((to_raw_events(source, mapping, self.key), own))
            except MappingError as error:
                unfit.append((error, own))
            except AnalysisException as error:
                self._add(own, f"cannot be read ({root_cause(error)})", UNREADABLE)
        if unfit and not frames:
            raise unfit[0][0]
        for wrong, own in unfit:
            self._add(own, f"does not fit the mapping ({wrong.where}: {wrong.what})", UNFIT)
        return frames

    def _add(self, files: Sequence[LandedFile], problem: str, fix: str) -> None:
        self.problems.extend(FileProblem(file, problem, fix) for file in files)


def _same(path: str, place: str) -> bool:
    """Whether Spark's name of a file is that of the store."""
    return path.removeprefix("s3a://") == place.removeprefix("s3://")

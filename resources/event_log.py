"""Dagster's event log in SQLite, with the events of a range of days stored together instead of one by one."""

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dagster import StringSource
from dagster._core.storage.event_log import SqliteEventLogStorage
from sqlalchemy import text

if TYPE_CHECKING:
    from dagster._core.events.log import EventLogEntry
    from dagster._serdes import ConfigurableClassData
    from sqlalchemy.engine import Connection

BATCH_SIZE_VARIABLE: Final = "DAGSTER_EVENT_BATCH_SIZE"  # Dagster hands over no batch where this is not set
RUNS_FOLDER: Final = Path("history") / "runs"  # where Dagster's own storage keeps its files: both read the same ones


class BatchedEventLog(SqliteEventLogStorage):
    """Dagster's SQLite event log, but for how it commits: see docs/adr/0018.

    A batch (what a run plans; all days of a table) is one transaction per file. Commits are not synced one by one:
    after a power failure the last events may be missing, the file is whole.
    """

    def __init__(self, base_dir: str, inst_data: "ConfigurableClassData | None" = None) -> None:
        self._batch = threading.local()
        super().__init__(base_dir, inst_data)
        # A batch holds two files at once, those of its run and of the index, under this one lock.
        self._db_lock = threading.RLock()  # type: ignore[assignment]

    @classmethod
    def config_type(cls) -> Any:
        """home: the Dagster home, whose files are used as they are."""
        return {"home": StringSource}

    @classmethod
    def from_config_value(
        cls, inst_data: "ConfigurableClassData | None", config_value: Mapping[str, Any]
    ) -> "BatchedEventLog":
        """As `dagster.yaml` names it. Every process that opens this log hands over events in batches from then on."""
        os.environ.setdefault(BATCH_SIZE_VARIABLE, "1000")
        return cls(str(Path(config_value["home"]) / RUNS_FOLDER), inst_data)

    @property
    def supports_partition_subset_in_asset_materialization_planned_events(self) -> bool:
        """One planned event a table instead of one a day."""
        return True

    def store_event_batch(self, events: "Sequence[EventLogEntry]") -> None:
        """All of them or none."""
        with ExitStack() as open_files:
            self._batch.open_files, self._batch.connections = open_files, {}
            try:
                for event in events:
                    self.store_event(event)
            finally:
                self._batch.connections = None

    @contextmanager
    def _connect(self, shard: str) -> "Iterator[Connection]":
        connections: dict[str, Connection] | None = getattr(self._batch, "connections", None)
        if connections is None:
            with self._transaction(shard) as connection:
                yield connection
            return
        if shard not in connections:
            connections[shard] = self._batch.open_files.enter_context(self._transaction(shard))
        yield connections[shard]

    @contextmanager
    def _transaction(self, shard: str) -> "Iterator[Connection]":
        with super()._connect(shard) as connection:
            connection.execute(text("PRAGMA synchronous=NORMAL"))
            yield connection

"""Dagster's SQLite event log with batched writes: the events of a range of days are stored in one transaction."""

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

BATCH_SIZE_VARIABLE: Final = "DAGSTER_EVENT_BATCH_SIZE"  # Dagster batches events only if this is set
RUNS_FOLDER: Final = Path("history") / "runs"  # of Dagster's own storage: both read the same files


class BatchedEventLog(SqliteEventLogStorage):
    """Dagster's SQLite event log with other commits: see docs/adr/0018.

    A batch (the planned events of a run; all days of a table) is one transaction per file. Commits are not synced one
    by one: after a power failure the last events may be missing, but the file is consistent.
    """

    def __init__(self, base_dir: str, inst_data: "ConfigurableClassData | None" = None) -> None:
        self._batch = threading.local()
        super().__init__(base_dir, inst_data)
        # Reentrant: a batch writes two files under this lock, that of its run and the index.
        self._db_lock = threading.RLock()  # type: ignore[assignment]

    @classmethod
    def config_type(cls) -> Any:
        """`home` is the Dagster home, whose files are used as they are."""
        return {"home": StringSource}

    @classmethod
    def from_config_value(
        cls, inst_data: "ConfigurableClassData | None", config_value: Mapping[str, Any]
    ) -> "BatchedEventLog":
        """Create the log that `dagster.yaml` names, and switch on batches in this process."""
        os.environ.setdefault(BATCH_SIZE_VARIABLE, "1000")
        return cls(str(Path(config_value["home"]) / RUNS_FOLDER), inst_data)

    @property
    def supports_partition_subset_in_asset_materialization_planned_events(self) -> bool:
        """Plan one event per table instead of one per day."""
        return True

    def store_event_batch(self, events: "Sequence[EventLogEntry]") -> None:
        """Store all events or none."""
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

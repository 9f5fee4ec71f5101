"""The lake as a Dagster resource: settings, store, source mapping, and Spark when it is first needed."""

import importlib
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from freshet.data.pseudonym import load_pseudonym_key
from freshet.errors import SettingsError
from freshet.ingest.files.gateway_files import GATEWAY_MAPPING, is_gateway_file
from freshet.ingest.mapping.source_mapping import read_mapping
from freshet.lake_checks import check_lake, new_lake_message
from freshet.landing import LandedFile
from freshet.settings import Settings
from freshet.store import Store, open_store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from freshet.ingest.mapping.source_mapping import SourceMapping

log = logging.getLogger("freshet")

# Slow imports that follow later: loaded while the JVM starts.
_PRELOAD_MODULES = ("pandas", "great_expectations")


@dataclass(frozen=True)
class Lake:
    """One shop's lake; everything is opened on first use."""

    settings: Settings

    @cached_property
    def store(self) -> Store:
        """The store of files that are not tables."""
        return open_store(self.settings.lake)

    @cached_property
    def spark(self) -> "SparkSession":
        """The Spark session; the first access in a process takes 5–10 s.

        Raises SetupError without Java or jars, LakeError for a lake without its catalogue or one that was moved.
        """
        from freshet.tables import spark_progress
        from freshet.tables import spark_session as session

        if notice := new_lake_message(self.settings.lake):
            log.warning("%s", notice)
            Path(self.settings.lake).mkdir()
        check_lake(self.settings.lake)

        log.info("starting Spark, about 10 s")
        threading.Thread(target=_preload_modules, daemon=True).start()
        spark_session = session.start_session(self.settings)
        spark_progress.start_progress_thread(spark_session.sparkContext)
        return spark_session

    def mapping_for(self, files: Sequence[LandedFile]) -> "SourceMapping":
        """Return the shop's source mapping; files of a gateway alone need none.

        Raises SettingsError if none is set and one is needed, MappingError if it is wrong.
        """
        if self.settings.mapping is not None:
            return read_mapping(self.settings.mapping)
        if all(is_gateway_file(file) for file in files):
            return GATEWAY_MAPPING
        raise SettingsError(
            "FRESHET_MAPPING", "no source mapping is set",
            "write one (examples/ has four, docs/mapping.md explains them) and set FRESHET_MAPPING to its path",
        )  # fmt: skip

    @cached_property
    def pseudonym_key(self) -> bytes:
        """The key of the shopper pseudonyms."""
        return load_pseudonym_key(self.settings)


def _preload_modules() -> None:
    for name in _PRELOAD_MODULES:
        importlib.import_module(name)

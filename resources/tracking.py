"""The diary as assets hold it: what cannot be written is told, and stops nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from logging import Logger

from freshet.diary import Note, Version
from freshet.settings import Settings
from freshet.tracking import Diary, TrackingError, diary, shown


@dataclass(frozen=True)
class Tracking:
    """What happens here is also written to MLflow, where FRESHET_TRACKING says so. Training is never lost for it."""

    settings: Settings

    def write(self, log: Logger, note: Note) -> dict[str, str]:
        """Metadata for the asset's page: which run, or why none; nothing where tracking is off."""
        return self._metadata(log, lambda book: f"run {book.write(note)}")

    def register(self, log: Logger, version: Version | None) -> dict[str, str]:
        """The same for a bundle as a version of the shop's registered model."""
        if version is None:
            return {}
        return self._metadata(log, lambda book: f"{book.shop} version {book.register(version)}")

    def crown(self, log: Logger, version: Version | None) -> dict[str, str]:
        """The same for the version that serves from now on."""
        if version is None:
            return {}
        return self._metadata(log, lambda book: f"{book.shop} version {book.crown(version)} is the champion")

    def _metadata(self, log: Logger, write: Callable[[Diary], str]) -> dict[str, str]:
        book = diary(self.settings)
        if book is None:
            return {}
        try:
            return {"tracking": f"{write(book)} at {shown(book.address)}"}
        except TrackingError as error:
            log.warning("not recorded: %s", error)
            return {"tracking": f"not recorded: {error}"}

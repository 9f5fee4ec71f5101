"""Experiment tracking as a Dagster resource: a failure is logged and does not stop the run."""

from collections.abc import Callable
from dataclasses import dataclass
from logging import Logger

from freshet.settings import Settings
from freshet.tracking.mlflow_tracker import MlflowTracker, TrackingError, open_tracker, redact_url
from freshet.tracking.records import ModelVersion, RunRecord


@dataclass(frozen=True)
class Tracking:
    """Write run records to MLflow if FRESHET_MLFLOW_URI is set. Every method returns metadata for the asset's page."""

    settings: Settings

    def log_run(self, log: Logger, run: RunRecord) -> dict[str, str]:
        """Log a run."""
        return self._metadata(log, lambda tracker: f"run {tracker.log_run(run)}")

    def register_version(self, log: Logger, version: ModelVersion | None) -> dict[str, str]:
        """Register a bundle as a version of the shop's model; None registers nothing."""
        if version is None:
            return {}
        return self._metadata(log, lambda tracker: f"{tracker.shop} version {tracker.register_version(version)}")

    def set_champion_alias(self, log: Logger, version: ModelVersion | None) -> dict[str, str]:
        """Give the version of a new release the alias `champion`; None changes nothing."""
        if version is None:
            return {}
        return self._metadata(
            log, lambda tracker: f"{tracker.shop} version {tracker.set_champion_alias(version)} is the champion"
        )

    def _metadata(self, log: Logger, write: Callable[[MlflowTracker], str]) -> dict[str, str]:
        tracker = open_tracker(self.settings)
        if tracker is None:
            return {}
        try:
            return {"tracking": f"{write(tracker)} at {redact_url(tracker.uri)}"}
        except TrackingError as error:
            log.warning("not recorded: %s", error)
            return {"tracking": f"not recorded: {error}"}

"""The MLflow tracker: runs, metrics, and bundles as registered model versions. Off unless FRESHET_MLFLOW_URI is set.

MLflow gets copies only: the lake and its journal are the source of truth, and no decision reads MLflow.
"""

import hashlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from freshet.errors import FreshetError
from freshet.settings import Settings
from freshet.tracking.records import MetricPoint, ModelVersion, RunRecord

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

KEY_TAG: Final = "freshet.key"
CHAMPION_ALIAS: Final = "champion"
DATABASE_FILE: Final = "mlflow.db"
# One retry of at most 10 s instead of minutes; no output on stdout.
MLFLOW_DEFAULTS: Final = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": 1,
    "MLFLOW_HTTP_REQUEST_TIMEOUT": 10,
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": True,
}
MAX_BATCH_METRICS: Final = 1000  # the limit of MLflow's log_batch
NAME_REPLACEMENTS: Final = str.maketrans(
    {"@": "_at_", "%": "_percent", "(": "", ")": "", ",": ""}
)  # for characters that MLflow does not allow


class TrackingError(FreshetError):
    """A record cannot be written to MLflow."""


@dataclass(frozen=True)
class MlflowTracker:
    """One shop's records: an experiment and a registered model with the shop's name."""

    uri: str  # MLflow tracking URI: http(s) or a database
    shop: str
    lake: str

    def log_run(self, run: RunRecord) -> str:
        """Log a run and its children as nested runs; return the run's id. Raises TrackingError."""
        with _translate_errors(self.uri):
            client = _client(self.uri)
            return self._log_run(client, self._experiment_id(client), run, {})

    def register_version(self, version: ModelVersion) -> str:
        """Register the bundle unless it is registered; return its version number. Raises TrackingError."""
        with _translate_errors(self.uri):
            return self._ensure_version(_client(self.uri), version)

    def set_champion_alias(self, version: ModelVersion) -> str:
        """Move the alias `champion` to the bundle's version; return its number. Raises TrackingError."""
        with _translate_errors(self.uri):
            client = _client(self.uri)
            number = self._ensure_version(client, version)
            client.set_registered_model_alias(self.shop, CHAMPION_ALIAS, number)
            return number

    def _experiment_id(self, client: "MlflowClient") -> str:
        experiment = client.get_experiment_by_name(self.shop)
        if experiment is not None:
            return str(experiment.experiment_id)
        # A database without a server has no artifact store; we log no artifacts, and this prevents a folder `mlruns`.
        artifact_location = None if self.uri.startswith("http") else f"{self.lake}/tracking"
        return str(
            client.create_experiment(self.shop, artifact_location=artifact_location, tags={"freshet.lake": self.lake})
        )

    def _log_run(
        self, client: "MlflowClient", experiment: str, record: RunRecord, extra_tags: Mapping[str, str]
    ) -> str:
        from mlflow.entities import Metric, Param

        run_id = self._ensure_run(client, experiment, record, extra_tags)
        start_ms = round(record.started_at.timestamp() * 1000)
        parameters = [Param(_mlflow_name(name), str(value)) for name, value in record.parameters.items()]
        points = [
            *record.points,
            *(MetricPoint(name, value, 0, record.seconds) for name, value in record.metrics.items()),
        ]
        metrics = [
            Metric(_mlflow_name(p.name), float(p.value), start_ms + round(1000 * p.seconds), p.step) for p in points
        ]
        client.log_batch(run_id, params=parameters)
        for start in range(0, len(metrics), MAX_BATCH_METRICS):
            client.log_batch(run_id, metrics=metrics[start : start + MAX_BATCH_METRICS])
        for name, value in record.tags.items():
            client.set_tag(run_id, name, value)
        for child in record.children:
            self._log_run(client, experiment, child, {"mlflow.parentRunId": run_id})
        end_ms = round((record.started_at + timedelta(seconds=record.seconds)).timestamp() * 1000)
        client.set_terminated(run_id, "FAILED" if record.failed else "FINISHED", end_ms)
        return run_id

    def _ensure_run(
        self, client: "MlflowClient", experiment: str, record: RunRecord, extra_tags: Mapping[str, str]
    ) -> str:
        """Return the id of the run with the record's key; create the run if there is none."""
        if run_id := self._find_run(client, experiment, record.key):
            return run_id
        tags = {KEY_TAG: record.key, "mlflow.source.name": "freshet", **extra_tags}
        start_ms = round(record.started_at.timestamp() * 1000)
        return str(client.create_run(experiment, start_time=start_ms, tags=tags, run_name=record.name).info.run_id)

    def _find_run(self, client: "MlflowClient", experiment: str, key: str) -> str | None:
        runs = client.search_runs([experiment], f"tags.`{KEY_TAG}` = '{key}'", max_results=1) if key else []
        return str(runs[0].info.run_id) if runs else None

    def _ensure_version(self, client: "MlflowClient", version: ModelVersion) -> str:
        tags = {"bundle": version.bundle, **version.tags}
        versions = client.search_model_versions(f"name = '{self.shop}' and tags.bundle = '{version.bundle}'")
        if versions:
            number = str(versions[0].version)
            for name, value in version.tags.items():
                client.set_model_version_tag(self.shop, number, name, value)
            return number
        if not client.search_registered_models(f"name = '{self.shop}'"):
            client.create_registered_model(self.shop, tags={"freshet.lake": self.lake})
        run_id = self._find_run(client, self._experiment_id(client), version.key)
        return str(client.create_model_version(self.shop, _source_uri(version), run_id, tags=tags).version)


def open_tracker(settings: Settings) -> MlflowTracker | None:
    """Return the tracker of this shop, None if tracking is off; opens no connection."""
    if settings.mlflow_uri is None:
        return None
    return MlflowTracker(_tracking_uri(settings.mlflow_uri.get_secret_value()), shop_name(settings.lake), settings.lake)


def shop_name(lake: str) -> str:
    """Return `freshet-retail-1a2b3c`: folder name and hash of the lake's path."""
    return f"freshet-{lake.rstrip('/').rpartition('/')[2]}-{hashlib.sha256(lake.encode()).hexdigest()[:6]}"


def redact_url(url: str) -> str:
    """Return the URL without user and password."""
    parts = urlsplit(url)
    return url if "@" not in parts.netloc else url.replace(parts.netloc, f"…@{parts.netloc.rpartition('@')[2]}")


def _tracking_uri(value: str) -> str:
    return value if "://" in value else f"sqlite:///{Path(value) / DATABASE_FILE}"


def _mlflow_name(name: str) -> str:
    return name.translate(NAME_REPLACEMENTS)


def _source_uri(version: ModelVersion) -> str:
    """Return the bundle's location. A server refuses paths of another machine, so these get the scheme `freshet:`."""
    return version.path if "://" in version.path else f"freshet:{version.path}"


def _client(uri: str) -> "MlflowClient":
    """Return a client that gives up within seconds. MLflow can be configured by environment variables only."""
    from mlflow import environment_variables as mlflow_variables
    from mlflow.tracking import MlflowClient

    for name, value in MLFLOW_DEFAULTS.items():
        if not (variable := getattr(mlflow_variables, name)).is_set():
            variable.set(value)
    for library in ("mlflow", "alembic"):
        logging.getLogger(library).setLevel(logging.WARNING)
    if uri.startswith("sqlite:///"):
        Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


@contextmanager
def _translate_errors(uri: str) -> Iterator[None]:
    """Raise TrackingError for errors of MLflow, its database and the network."""
    fix = "start the server, correct FRESHET_MLFLOW_URI, or unset it"
    try:
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError
    except ModuleNotFoundError as error:
        what = f"{error.name} is not installed"
        raise TrackingError("FRESHET_MLFLOW_URI", what, "install freshet[tracking], or unset it") from None
    try:
        yield
    except ModuleNotFoundError as error:  # SQLAlchemy imports a database's driver here
        what = f"{error.name} is not installed, which {redact_url(uri)} needs"
        raise TrackingError("FRESHET_MLFLOW_URI", what, f"pip install {error.name}, or unset it") from None
    except (MlflowException, SQLAlchemyError, OSError) as error:
        what = f"{redact_url(uri)} {_error_reason(error, uri)}"
        raise TrackingError("FRESHET_MLFLOW_URI", what, fix) from error


def _error_reason(error: Exception, uri: str) -> str:
    text = str(error).replace(uri, redact_url(uri))
    if "Max retries exceeded" in text:
        return "does not answer"
    return f"refuses ({(text.splitlines() or [type(error).__name__])[0][:200]})"

"""MLflow as the diary of a shop: runs, curves, and bundles as registered versions. Off unless FRESHET_TRACKING is set.

Only what Freshet decided elsewhere is copied here. Nothing is read back: the lake and its journal stay the truth.
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

from freshet.diary import Note, Point, Version
from freshet.errors import FreshetError
from freshet.settings import Settings

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

KEY: Final = "freshet.key"
CHAMPION: Final = "champion"
FILE: Final = "mlflow.db"
# One more attempt of 10 s at most, where MLflow's own would take minutes; and nothing printed to stdout.
OWN: Final = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": 1,
    "MLFLOW_HTTP_REQUEST_TIMEOUT": 10,
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": True,
}
MOST: Final = 1000  # metrics in one batch
UNFIT: Final = str.maketrans({"@": "_at_", "%": "_percent", "(": "", ")": "", ",": ""})  # in MLflow's names


class TrackingError(FreshetError):
    """The diary cannot be written."""


@dataclass(frozen=True)
class Diary:
    """The diary of one shop: an experiment and a registered model of its name."""

    address: str  # as MLflow takes it: http(s), or a database
    shop: str
    lake: str

    def write(self, note: Note) -> str:
        """The run's id. Children become nested runs, each once. Raises TrackingError."""
        with _said(self.address):
            client = _client(self.address)
            return self._run(client, self._experiment(client), note, {})

    def register(self, version: Version) -> str:
        """The number of the bundle's version, made if need be. Raises TrackingError."""
        with _said(self.address):
            return self._version(_client(self.address), version)

    def crown(self, version: Version) -> str:
        """The bundle's version carries the alias `champion` from now on. Its number. Raises TrackingError."""
        with _said(self.address):
            client = _client(self.address)
            number = self._version(client, version)
            client.set_registered_model_alias(self.shop, CHAMPION, number)
            return number

    def _experiment(self, client: "MlflowClient") -> str:
        found = client.get_experiment_by_name(self.shop)
        if found is not None:
            return str(found.experiment_id)
        # A database without a server knows no place for files; we write none, and this keeps `mlruns` out of the way.
        place = None if self.address.startswith("http") else f"{self.lake}/tracking"
        return str(client.create_experiment(self.shop, artifact_location=place, tags={"freshet.lake": self.lake}))

    def _run(self, client: "MlflowClient", experiment: str, note: Note, more: Mapping[str, str]) -> str:
        from mlflow.entities import Metric, Param

        run = self._begun(client, experiment, note, more)
        begun = round(note.began.timestamp() * 1000)
        parameters = [Param(_name(name), str(value)) for name, value in note.parameters.items()]
        points = [*note.curves, *(Point(name, value, 0, note.seconds) for name, value in note.metrics.items())]
        metrics = [Metric(_name(p.name), float(p.value), begun + round(1000 * p.seconds), p.step) for p in points]
        client.log_batch(run, params=parameters)
        for start in range(0, len(metrics), MOST):
            client.log_batch(run, metrics=metrics[start : start + MOST])
        for name, value in note.tags.items():
            client.set_tag(run, name, value)
        for child in note.children:
            self._run(client, experiment, child, {"mlflow.parentRunId": run})
        ended = round((note.began + timedelta(seconds=note.seconds)).timestamp() * 1000)
        client.set_terminated(run, "FAILED" if note.failed else "FINISHED", ended)
        return run

    def _begun(self, client: "MlflowClient", experiment: str, note: Note, more: Mapping[str, str]) -> str:
        """The run of that key, made if need be."""
        if found := self._find(client, experiment, note.key):
            return found
        tags = {KEY: note.key, "mlflow.source.name": "freshet", **more}
        began = round(note.began.timestamp() * 1000)
        return str(client.create_run(experiment, start_time=began, tags=tags, run_name=note.name).info.run_id)

    def _find(self, client: "MlflowClient", experiment: str, key: str) -> str | None:
        found = client.search_runs([experiment], f"tags.`{KEY}` = '{key}'", max_results=1) if key else []
        return str(found[0].info.run_id) if found else None

    def _version(self, client: "MlflowClient", version: Version) -> str:
        tags = {"bundle": version.bundle, **version.tags}
        found = client.search_model_versions(f"name = '{self.shop}' and tags.bundle = '{version.bundle}'")
        if found:
            number = str(found[0].version)
            for name, value in version.tags.items():
                client.set_model_version_tag(self.shop, number, name, value)
            return number
        if not client.search_registered_models(f"name = '{self.shop}'"):
            client.create_registered_model(self.shop, tags={"freshet.lake": self.lake})
        run = self._find(client, self._experiment(client), version.key)
        return str(client.create_model_version(self.shop, _source(version), run, tags=tags).version)


def diary(settings: Settings) -> Diary | None:
    """The diary of this shop; None where tracking is off. Opens nothing."""
    if settings.tracking is None:
        return None
    return Diary(_address(settings.tracking.get_secret_value()), shop_name(settings.lake), settings.lake)


def shop_name(lake: str) -> str:
    """`freshet-retail-1a2b3c`: two lakes of the same last name are two shops."""
    return f"freshet-{lake.rstrip('/').rpartition('/')[2]}-{hashlib.sha256(lake.encode()).hexdigest()[:6]}"


def shown(address: str) -> str:
    """The address without its password."""
    parts = urlsplit(address)
    return address if "@" not in parts.netloc else address.replace(parts.netloc, f"…@{parts.netloc.rpartition('@')[2]}")


def _address(value: str) -> str:
    return value if "://" in value else f"sqlite:///{Path(value) / FILE}"


def _name(name: str) -> str:
    return name.translate(UNFIT)


def _source(version: Version) -> str:
    """Where the bundle lies. A server refuses the paths of another machine, so a folder is named as one of the lake."""
    return version.place if "://" in version.place else f"freshet:{version.place}"


def _client(address: str) -> "MlflowClient":
    """A client that gives up within seconds. Its environment is MLflow's own: it has no other way to be told."""
    from mlflow import environment_variables as own
    from mlflow.tracking import MlflowClient

    for name, value in OWN.items():
        if not (variable := getattr(own, name)).is_set():
            variable.set(value)
    for library in ("mlflow", "alembic"):
        logging.getLogger(library).setLevel(logging.WARNING)
    if address.startswith("sqlite:///"):
        Path(address.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    return MlflowClient(tracking_uri=address, registry_uri=address)


@contextmanager
def _said(address: str) -> Iterator[None]:
    """Whatever MLflow, its database or the network say, in one sentence."""
    fix = "start the server, correct FRESHET_TRACKING, or unset it"
    try:
        for kind in _failures():  # imports MLflow
            assert issubclass(kind, Exception)
    except ModuleNotFoundError as error:
        what = f"{error.name} is not installed"
        raise TrackingError("FRESHET_TRACKING", what, "install freshet[tracking], or unset it") from None
    try:
        yield
    except ModuleNotFoundError as error:  # SQLAlchemy looks for a database's driver only now
        what = f"{error.name} is not installed, which {shown(address)} needs"
        raise TrackingError("FRESHET_TRACKING", what, f"pip install {error.name}, or unset it") from None
    except _failures() as error:
        what = f"{shown(address)} {_why(error, address)}"
        raise TrackingError("FRESHET_TRACKING", what, fix) from error


def _failures() -> tuple[type[Exception], ...]:
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, SQLAlchemyError, OSError


def _why(error: Exception, address: str) -> str:
    text = str(error).replace(address, shown(address))
    if "Max retries exceeded" in text:
        return "does not answer"
    return f"refuses ({(text.splitlines() or [type(error).__name__])[0][:200]})"

"""Alerts: a file in the lake for everything that failed, and a message to whoever listens."""

import http.client
import logging
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict

from freshet.errors import LakeError
from freshet.settings import Settings
from freshet.store import Store

ALERTS_FOLDER: Final = "alerts"
WEBHOOK_TIMEOUT_S: Final = 5  # seconds that a webhook may take

log = logging.getLogger("freshet")


class Alert(BaseModel):
    """A run that failed, told to somebody who was not there."""

    model_config = ConfigDict(frozen=True)

    at: datetime  # UTC
    run: str
    job: str
    what: str  # `run of day failed in events`
    where: str  # assets, and the days the run spoke for
    error: str  # its first line
    fix: str
    link: str
    why: str  # why the run was started, where a sensor said so


@dataclass(frozen=True)
class AlertDelivery:
    """What became of an alert. path: None where the lake did not take it. delivered: None where no webhook is set."""

    path: str | None
    delivered: bool | None


def send(store: Store, settings: Settings, alert: Alert) -> AlertDelivery:
    """Write the alert's file and post it where a webhook is set. What fails is logged; the other is tried all the same.

    Raises LakeError where the lake cannot be written and no webhook took it: then nobody has been told.
    """
    content = alert.model_dump_json(indent=1).encode()
    lake_error: LakeError | None = None
    path: str | None = f"{ALERTS_FOLDER}/{alert.at:%Y%m%dT%H%M%SZ}-{alert.run}.json"
    try:
        store.put(str(path), content)
    except LakeError as error:
        log.warning("an alert has no file: %s", error)
        path, lake_error = None, error
    webhook = settings.alert_webhook
    delivered = None if webhook is None else _post(webhook.get_secret_value(), content)
    if lake_error is not None and not delivered:
        raise lake_error
    return AlertDelivery(path, delivered)


def _post(url: str, content: bytes) -> bool:
    """Whether the listener took it. The URL may be a secret: neither it nor a message that may quote it is logged."""
    try:
        request = urllib.request.Request(url, content, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=WEBHOOK_TIMEOUT_S):
            return True
    except (http.client.HTTPException, OSError, ValueError) as error:  # URLError and TimeoutError are OSErrors
        log.warning("FRESHET_ALERT_WEBHOOK: an alert was not delivered (%s)", _error_kind(error))
        return False


def _error_kind(error: Exception) -> str:
    """The kind of failure, without words that may hold the address."""
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP status {error.code}"
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        return type(error.reason).__name__
    return type(error).__name__

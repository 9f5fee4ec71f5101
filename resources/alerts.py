"""Alerts: a file in the lake for every failed run, and a message to the webhook."""

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
WEBHOOK_TIMEOUT_S: Final = 5

log = logging.getLogger("freshet")


class Alert(BaseModel):
    """A failed run."""

    model_config = ConfigDict(frozen=True)

    at: datetime  # UTC
    run: str
    job: str
    what: str  # `run of update_tables failed in events`
    where: str  # assets and days of the run
    error: str  # its first line
    fix: str
    link: str
    why: str  # why the run was started; "" unless a sensor started it


@dataclass(frozen=True)
class AlertDelivery:
    """The result of sending an alert."""

    path: str | None  # of the file in the lake; None if it could not be written
    delivered: bool | None  # to the webhook; None if none is set


def send(store: Store, settings: Settings, alert: Alert) -> AlertDelivery:
    """Write the alert's file and post it to the webhook if one is set; a failure of one is logged, the other is tried.

    Raises LakeError if neither the lake nor a webhook took the alert.
    """
    content = alert.model_dump_json(indent=1).encode()
    lake_error: LakeError | None = None
    path: str | None = f"{ALERTS_FOLDER}/{alert.at:%Y%m%dT%H%M%SZ}-{alert.run}.json"
    try:
        store.put(str(path), content)
    except LakeError as error:
        log.warning("an alert was not written: %s", error)
        path, lake_error = None, error
    webhook = settings.alert_webhook
    delivered = None if webhook is None else _post(webhook.get_secret_value(), content)
    if lake_error is not None and not delivered:
        raise lake_error
    return AlertDelivery(path, delivered)


def _post(url: str, content: bytes) -> bool:
    """Whether the webhook accepted it. The URL may be secret: neither it nor an error that may quote it is logged."""
    try:
        request = urllib.request.Request(url, content, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=WEBHOOK_TIMEOUT_S):
            return True
    except (http.client.HTTPException, OSError, ValueError) as error:  # URLError and TimeoutError are OSErrors
        log.warning("FRESHET_ALERT_WEBHOOK: an alert was not delivered (%s)", _error_kind(error))
        return False


def _error_kind(error: Exception) -> str:
    """Return the kind of failure, without text that may contain the URL."""
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP status {error.code}"
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        return type(error.reason).__name__
    return type(error).__name__

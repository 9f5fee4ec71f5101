"""Alerts: a file in the lake for everything that failed, and a message to whoever listens."""

import logging
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict

from freshet.settings import Settings
from freshet.store import Store

FOLDER: Final = "alerts"
TIMEOUT: Final = 5  # seconds that a webhook may take

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
class Sent:
    """What became of an alert. delivered: None where no webhook is set."""

    path: str
    delivered: bool | None


def send(store: Store, settings: Settings, alert: Alert) -> Sent:
    """Write the alert's file, then post it where a webhook is set. A webhook that fails is logged and breaks nothing.

    Raises LakeError where the lake cannot be written: then nobody has been told.
    """
    path = f"{FOLDER}/{alert.at:%Y%m%dT%H%M%SZ}-{alert.run}.json"
    content = alert.model_dump_json(indent=1).encode()
    store.put(path, content)
    if settings.alert_webhook is None:
        return Sent(path, None)
    return Sent(path, _posted(settings.alert_webhook.get_secret_value(), content))


def _posted(url: str, content: bytes) -> bool:
    """Whether the listener took it. The URL may be a secret and is not logged."""
    try:
        request = urllib.request.Request(url, content, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=TIMEOUT):
            return True
    except (urllib.error.URLError, TimeoutError, OSError, ValueError) as error:
        log.warning("FRESHET_ALERT_WEBHOOK: an alert was not delivered (%s); its file lies in the lake", error)
        return False

"""Dagster's web UI: its address, and waiting until it answers."""

import contextlib
import time
from typing import Final

import httpx

UI_HOST: Final = "127.0.0.1"
POLL_INTERVAL_S: Final = 0.5


def wait_until_up(url: str, timeout_s: float) -> bool:
    """Poll the UI until it answers; return False after the timeout."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/server_info", timeout=5).is_success:
                return True
        time.sleep(POLL_INTERVAL_S)
    return False

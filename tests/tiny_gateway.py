"""A gateway on the tiny bundle: in this process over ASGI, or as a separate process, as users run it."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx

from freshet.releases.journal import JournalEntry, append_entry, entry_count
from freshet.serving.clock import Clock
from freshet.serving.events.event_store_file import STORE_FILE
from freshet.serving.gateway import Gateway
from freshet.serving.http.app import create_app
from freshet.serving.state_lock import acquire_state_lock, state_folder
from freshet.settings import Settings
from freshet.store import open_store
from tests.tiny_bundle import write_bundle

NOON_S = 1_767_614_400  # 2026-01-05 12:00 UTC, a Monday
WAIT_TIMEOUT_S = 60.0  # seconds that a test waits for something before it fails


class ManualClocks:
    """A wall clock and a monotonic clock that a test moves."""

    def __init__(self, wall=NOON_S, monotonic=1000.0):
        self.wall, self.monotonic = float(wall), float(monotonic)

    def pass_by(self, seconds):
        self.wall += seconds
        self.monotonic += seconds

    def clock(self):
        return Clock(lambda: self.wall, lambda: self.monotonic)


def gateway_settings(root: Path, **overrides) -> Settings:
    """Return settings with lake and state folder in `root`; lines land only at the end, unless overridden."""
    fields = {"lake": str(root / "lake"), "gateway_state_dir": root / "state", "cache_dir": root / "cache",
              "gateway_port": 0, "pseudonym_key": "tiny", "flush_interval_s": 3600, "journal_poll_s": 0.05,
              **overrides}  # fmt: skip
    return Settings(_env_file=None, **fields)


def release_tiny_bundle(lake: str, folder: Path, note: str = "one", **manifest_options) -> str:
    """Release a tiny bundle in the lake; return its id. note: makes it a different bundle."""
    store = open_store(lake)
    name = write_bundle(folder / note, note=note, **manifest_options)
    store.put_folder(folder / note, f"bundles/{name}", "manifest.json")
    append_release(lake, name)
    return name


def append_release(lake: str, bundle: str) -> None:
    """Append a release of the bundle to the journal."""
    store = open_store(lake)
    n_entries, now = entry_count(store), datetime(2026, 1, 5, tzinfo=UTC)
    fields = {"kind": "release", "verdict": "", "why": "", "by": "test"}
    append_entry(store, JournalEntry(number=n_entries + 1, decided_on=n_entries, bundle=bundle, at=now, **fields))


class GatewayClient:
    """An HTTP client of a gateway in this process."""

    def __init__(self, gateway: Gateway):
        self.gateway, self._app = gateway, create_app(gateway)

    def __call__(self, method, path, body=None, **options):
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        return asyncio.run(self._request(method, path, content, options))

    async def _request(self, method, path, content, options):
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            return await client.request(method, path, content=content, **options)

    def get(self, path, **parameters):
        return self("GET", path, params=parameters)

    def post(self, path, body):
        return self("POST", path, body)


@contextlib.contextmanager
def run_gateway(settings: Settings, clock: Clock, *, ready: bool = True):
    """Run a gateway; yield its client. ready: wait until a release serves."""
    state_lock = acquire_state_lock(state_folder(settings))
    gateway = Gateway(settings, b"tiny", state_lock.folder, clock)
    gateway.start()
    try:
        if ready:
            wait_for(lambda: gateway.active_state.release is not None)
        yield GatewayClient(gateway)
    finally:
        gateway.stop()
        state_lock.release()


def wait_for(condition, timeout_s: float = WAIT_TIMEOUT_S):
    """Return the first truthy result of `condition`; fail after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not (result := condition()):
        assert time.monotonic() < deadline, f"no result within {timeout_s:.0f} s"
        time.sleep(0.01)
    return result


def damage_store(folder: Path) -> None:
    """Overwrite the middle half of a gateway's store with zeros, as a bad disk may."""
    with (folder / STORE_FILE).open("r+b") as file:
        quarter = file.seek(0, os.SEEK_END) // 4
        file.seek(quarter)
        file.write(b"\0" * 2 * quarter)


def landed_lines(lake: str, kind: str = "events") -> list[dict]:
    """Return every landed line, in the order of the files' names."""
    root = Path(lake) / "landing" / kind
    return [json.loads(line) for path in sorted(root.rglob("*.jsonl")) for line in path.read_text().splitlines()]


@contextlib.contextmanager
def gateway_process(root: Path, *arguments: str, prelude: Path | None = None, **variables: str):
    """Run `freshet serve`; yield (process, URL), "" if it did not start. It is killed at the end if it still runs."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FRESHET_")}
    overrides = {
        "FRESHET_LAKE": str(root / "lake"),
        "FRESHET_GATEWAY_STATE_DIR": str(root / "state"),
        "FRESHET_GATEWAY_PORT": "0",
        "FRESHET_JOURNAL_POLL_S": "0.05",
        "FRESHET_PSEUDONYM_KEY": "tiny",
        **variables,
    }
    path = os.pathsep.join(filter(None, [str(prelude) if prelude else "", str(Path.cwd())]))
    process = subprocess.Popen(
        [sys.executable, "-m", "freshet.cli.main", "serve", *arguments],
        env={**environment, **overrides, "PYTHONPATH": path}, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        yield process, process.stdout.readline().rpartition(" ")[2].strip()
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()

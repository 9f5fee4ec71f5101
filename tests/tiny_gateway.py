"""A gateway on the tiny bundle: in this process, asked over ASGI, or a process of its own as users run it."""

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

from freshet.live.journal import Entry, append, length
from freshet.serving.app import application
from freshet.serving.clock import Clock
from freshet.serving.gateway import Gateway
from freshet.serving.ledger_file import FILE
from freshet.serving.state import hold, state_folder
from freshet.settings import Settings
from freshet.store import open_store
from tests.tiny_bundle import write_bundle

NOON = 1_767_614_400  # 2026-01-05 12:00 UTC, a Monday
PATIENCE = 60.0  # seconds that a test waits for something before it fails


class Hands:
    """Two clocks that a test moves: the machine's, and the one nobody can set."""

    def __init__(self, wall=NOON, steady=1000.0):
        self.wall, self.steady = float(wall), float(steady)

    def pass_by(self, seconds):
        self.wall += seconds
        self.steady += seconds

    def clock(self):
        return Clock(lambda: self.wall, lambda: self.steady)


def settings_of(root: Path, **more) -> Settings:
    """A lake and a state folder below `root`; nothing is landed unless a test asks for it."""
    given = {"lake": str(root / "lake"), "state": root / "state", "cache": root / "cache", "gateway_port": 0,
             "pseudonym_key": "tiny", "seal_seconds": 3600, "journal_seconds": 0.05, **more}  # fmt: skip
    return Settings(_env_file=None, **given)


def release(lake: str, folder: Path, note: str = "one", **how) -> str:
    """Put a tiny bundle into the lake and into the journal; returns its id."""
    store = open_store(lake)
    name = write_bundle(folder / note, note=note, **how)
    store.put_folder(folder / note, f"bundles/{name}", "manifest.json")
    enter(lake, name)
    return name


def enter(lake: str, bundle: str) -> None:
    """The journal's next entry."""
    store = open_store(lake)
    last, now = length(store), datetime(2026, 1, 5, tzinfo=UTC)
    said = {"kind": "release", "verdict": "", "why": "", "by": "test"}
    append(store, Entry(number=last + 1, decided_on=last, bundle=bundle, at=now, **said))


class Asked:
    """What a gateway in this process answers."""

    def __init__(self, gateway: Gateway):
        self.gateway, self._app = gateway, application(gateway)

    def __call__(self, method, path, body=None, **how):
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        return asyncio.run(self._ask(method, path, content, how))

    async def _ask(self, method, path, content, how):
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            return await client.request(method, path, content=content, **how)

    def get(self, path, **parameters):
        return self("GET", path, params=parameters)

    def post(self, path, body):
        return self("POST", path, body)


@contextlib.contextmanager
def tiny_gateway(settings: Settings, clock: Clock, *, ready: bool = True):
    """A running gateway; ready: wait until a release answers."""
    held = hold(state_folder(settings))
    gateway = Gateway(settings, b"tiny", held.folder, clock)
    gateway.start()
    try:
        if ready:
            wait_for(lambda: gateway.current.serving is not None)
        yield Asked(gateway)
    finally:
        gateway.stop()
        held.release()


def wait_for(happened, patience: float = PATIENCE):
    """What `happened` returns as soon as it is something."""
    until = time.monotonic() + patience
    while not (found := happened()):
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)
    return found


def damage(folder: Path) -> None:
    """Overwrite the middle half of a gateway's store with noughts, as a bad disk may."""
    with (folder / FILE).open("r+b") as file:
        quarter = file.seek(0, os.SEEK_END) // 4
        file.seek(quarter)
        file.write(b"\0" * 2 * quarter)


def landed(lake: str, kind: str = "events") -> list[dict]:
    """Every landed line, in the order of the files' names."""
    root = Path(lake) / "landing" / kind
    return [json.loads(line) for path in sorted(root.rglob("*.jsonl")) for line in path.read_text().splitlines()]


@contextlib.contextmanager
def process(root: Path, *arguments: str, prelude: Path | None = None, **variables: str):
    """`freshet serve` as a user starts it: (process, address). It is killed at the end if it still runs."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FRESHET_")}
    mine = {"FRESHET_LAKE": str(root / "lake"), "FRESHET_STATE": str(root / "state"), "FRESHET_GATEWAY_PORT": "0",
            "FRESHET_JOURNAL_SECONDS": "0.05", "FRESHET_PSEUDONYM_KEY": "tiny", **variables}  # fmt: skip
    path = os.pathsep.join(filter(None, [str(prelude) if prelude else "", str(Path.cwd())]))
    started = subprocess.Popen(
        [sys.executable, "-m", "freshet.cli.main", "serve", *arguments],
        env={**environment, **mine, "PYTHONPATH": path}, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        yield started, started.stdout.readline().rpartition(" ")[2].strip()  # nothing where it did not start
    finally:
        if started.poll() is None:
            started.send_signal(signal.SIGKILL)
        started.communicate()

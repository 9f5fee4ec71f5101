"""Runs the proof of a bundle in a process of its own, with a time limit."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from freshet.errors import BundleError, FreshetError
from freshet.live.journal import bundle_path
from freshet.live.manifest import REBUILD
from freshet.live.ranker import Device
from freshet.live.released import Event
from freshet.store import Store

SECONDS: Final = 120  # fetching a bundle included
PROVED, REFUSED = 0, 1
PACKAGE: Final = Path(__file__).parents[2]  # where `-m freshet` is found, however this process found it


class Sandbox:
    """One proof at a time; `stop` ends the one that runs."""

    def __init__(self, store: Store, cache: Path, device: Device = "cpu") -> None:
        self._store, self._cache, self._device = store, cache, device
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None
        self._stopped = False

    def prove(self, bundle: str, histories: Sequence[Sequence[Event]]) -> None:
        """Raises FreshetError when the bundle is not to be let in, with what the proof found."""
        child = self._start(bundle)
        out, err = child.communicate(json.dumps(histories))
        self._child = None
        if child.returncode == PROVED:
            return
        if child.returncode == REFUSED and out:
            found = json.loads(out)
            raise FreshetError(found["where"], found["what"], found["fix"])
        where = self._store.where(bundle_path(bundle))
        raise BundleError(where, f"its proof {_end(child.returncode, err)}", REBUILD)

    def stop(self) -> None:
        """End the proof that runs, and start no other."""
        with self._lock:
            self._stopped = True
            if self._child is not None:
                self._child.kill()

    def _start(self, bundle: str) -> "subprocess.Popen[str]":
        arguments = [self._store.root, str(self._cache.expanduser()), bundle, str(SECONDS), self._device]
        with self._lock:
            if self._stopped:
                raise BundleError(bundle, "the gateway is stopping", "start it again")
            self._child = subprocess.Popen(
                [sys.executable, "-m", "freshet.serving.proof", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                cwd=PACKAGE,
                start_new_session=True,  # Ctrl-C is for the gateway; it ends the proof itself
            )
            return self._child


def _end(code: int, err: str) -> str:
    """What became of a process that did not say so itself."""
    if code == -signal.SIGALRM:
        return f"took longer than {SECONDS} s"
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    last = err.strip().splitlines()[-1:] or ["it said nothing"]
    return f"failed with exit code {code} ({last[0]})"

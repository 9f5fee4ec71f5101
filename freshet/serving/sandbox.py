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
from freshet.live.ranker import Device
from freshet.live.released import Event
from freshet.store import Store

GB: Final = 1e9
PROVED, REFUSED = 0, 1
PACKAGE: Final = Path(__file__).parents[2]  # where `-m freshet` is found, however this process found it


class UnfinishedProofError(FreshetError):
    """A proof that took too long, was killed or crashed: nothing is known of the bundle."""


class Sandbox:
    """One proof at a time; `stop` ends the one that runs.

    seconds: how long a proof may take, fetching the bundle included, and as long again for each GB of it.
    """

    def __init__(self, store: Store, cache: Path, device: Device = "cpu", seconds: float = 120) -> None:
        self._store, self._cache, self._device, self._seconds = store, cache, device, seconds
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None
        self._stopped = False

    def prove(self, bundle: str, histories: Sequence[Sequence[Event]]) -> None:
        """Raises FreshetError when the bundle is not to be let in, with what the proof found.

        UnfinishedProofError, one of these, when it found nothing. The process is gone, and with it the memory that it
        took, before this returns.
        """
        seconds = self._limit(bundle)
        child = self._start(bundle, seconds)
        out, err = child.communicate(json.dumps(histories))
        self._child = None
        if child.returncode == PROVED:
            return
        if child.returncode == REFUSED and out:
            found = json.loads(out)
            raise FreshetError(found["where"], found["what"], found["fix"])
        where, fix = self._store.where(bundle_path(bundle)), _fix(child.returncode, self._seconds)
        raise UnfinishedProofError(where, f"its proof {_end(child.returncode, err, seconds)}", fix)

    def _limit(self, bundle: str) -> float:
        size = sum(stamp.bytes for stamp in self._store.stamps(bundle_path(bundle)))
        return self._seconds * (1 + size / GB)

    def stop(self) -> None:
        """End the proof that runs, and start no other."""
        with self._lock:
            self._stopped = True
            if self._child is not None:
                self._child.kill()

    def _start(self, bundle: str, seconds: float) -> "subprocess.Popen[str]":
        arguments = [self._store.root, str(self._cache.expanduser()), bundle, f"{seconds:.3f}", self._device]
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


def _end(code: int, err: str, seconds: float) -> str:
    """What became of a process that did not say so itself."""
    if code == -signal.SIGALRM:
        return f"took longer than {seconds:.3g} s"
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    last = err.strip().splitlines()[-1:] or ["it said nothing"]
    return f"failed with exit code {code} ({last[0]})"


def _fix(code: int, seconds: float) -> str:
    if code == -signal.SIGALRM:
        more = f"raise FRESHET_PROOF_SECONDS ({seconds:g}, and as many for each GB of the bundle)"
        return f"{more}, or give this machine less to do; the bundle itself may be whole"
    if code == -signal.SIGKILL:
        return "look whether this machine has memory for the bundle; what serves now needs its own meanwhile"
    return "start `freshet serve` again; where it goes on, materialize the asset `bundle` again"

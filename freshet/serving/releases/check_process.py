"""Run a bundle check in a separate process, with a time limit."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from freshet.data.history_events import HistoryEvent
from freshet.errors import BundleError, FreshetError
from freshet.inference.ranker import Device
from freshet.releases.journal import bundle_path
from freshet.runtime import PACKAGE_FOLDER
from freshet.store import Store

BYTES_PER_GB: Final = 1e9
EXIT_PASSED, EXIT_REFUSED = 0, 1


class IncompleteCheckError(FreshetError):
    """A check that took too long, was killed or crashed: it does not decide about the bundle."""


class BundleCheckProcess:
    """One check at a time; `stop` ends the one that runs.

    timeout_s: time limit of a check with the fetching of the bundle, plus as much for each GB of the bundle.
    """

    def __init__(self, store: Store, cache: Path, device: Device = "cpu", timeout_s: float = 120) -> None:
        self._store, self._cache, self._device, self._timeout_s = store, cache, device, timeout_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False

    def check(self, bundle_id: str, histories: Sequence[Sequence[HistoryEvent]]) -> None:
        """Raise FreshetError with the check's problem if the bundle must not serve.

        Raises its subclass IncompleteCheckError if the check has no result. The process and its memory are gone when
        this returns.
        """
        timeout_s = self._scaled_timeout(bundle_id)
        process = self._start(bundle_id, timeout_s)
        out, err = process.communicate(json.dumps(histories))
        self._process = None
        if process.returncode == EXIT_PASSED:
            return
        if process.returncode == EXIT_REFUSED and out:
            problem = json.loads(out)
            raise FreshetError(problem["where"], problem["what"], problem["fix"])
        where, fix = self._store.full_path(bundle_path(bundle_id)), _exit_fix(process.returncode, self._timeout_s)
        raise IncompleteCheckError(where, f"its check {exit_reason(process.returncode, err, timeout_s)}", fix)

    def _scaled_timeout(self, bundle_id: str) -> float:
        size = sum(info.bytes for info in self._store.list_info(bundle_path(bundle_id)))
        return self._timeout_s * (1 + size / BYTES_PER_GB)

    def stop(self) -> None:
        """End the running check; no other can be started."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.kill()

    def _start(self, bundle_id: str, timeout_s: float) -> "subprocess.Popen[str]":
        arguments = [self._store.root, str(self._cache.expanduser()), bundle_id, f"{timeout_s:.3f}", self._device]
        with self._lock:
            if self._stopped:
                raise BundleError(bundle_id, "the gateway is stopping", "start it again")
            self._process = subprocess.Popen(
                [sys.executable, "-m", "freshet.serving.releases.check_bundle", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                cwd=PACKAGE_FOLDER.parent,  # where `-m freshet` is found
                start_new_session=True,  # Ctrl-C is for the gateway, which ends the check itself
            )
            return self._process


def exit_reason(exit_code: int, err: str, timeout_s: float) -> str:
    """Return why a process ended that printed no result."""
    if exit_code == -signal.SIGALRM:
        return f"took longer than {timeout_s:.3g} s"
    if exit_code < 0:
        return f"was killed by {signal.Signals(-exit_code).name}"
    last_line = err.strip().splitlines()[-1:] or ["no error message"]
    return f"failed with exit code {exit_code} ({last_line[0]})"


def _exit_fix(exit_code: int, timeout_s: float) -> str:
    if exit_code == -signal.SIGALRM:
        advice = f"raise FRESHET_BUNDLE_CHECK_TIMEOUT_S ({timeout_s:g}, and as much for each GB of the bundle)"
        return f"{advice}, or reduce the load on this machine; the bundle itself may be good"
    if exit_code == -signal.SIGKILL:
        return "check that this machine has memory for this bundle in addition to the serving one"
    return "restart `freshet serve`; if that does not help, materialize the asset `bundle` again"

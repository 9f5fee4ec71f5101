"""The proof of a bundle that serves already, on an earlier proof: in its own thread, so that nothing waits for it."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from freshet.data.history_events import HistoryEvent
from freshet.errors import FreshetError
from freshet.serving.http.errors import to_client_error
from freshet.serving.releases.sandbox import BundleCheckProcess, IncompleteCheckError


@dataclass(frozen=True)
class BundleCheckResult:
    """What a proof found. error: None where the bundle has proved itself."""

    bundle_id: str
    error: FreshetError | None = None

    @property
    def refused(self) -> bool:
        """Whether the bundle must not serve; a proof without an end says nothing of it."""
        return self.error is not None and not isinstance(self.error, IncompleteCheckError)


class BackgroundCheck:
    """One at a time, for one thread that starts, asks and ends it. sandbox: makes the sandbox of each proof."""

    def __init__(self, process_factory: Callable[[], BundleCheckProcess]) -> None:
        self._process_factory = process_factory
        self._process: BundleCheckProcess | None = None
        self._thread: threading.Thread | None = None
        self._result: BundleCheckResult | None = None

    @property
    def is_running(self) -> bool:
        """Whether it has been started, and neither ended nor asked for its outcome."""
        return self._thread is not None

    def start(self, bundle_id: str, histories: Sequence[Sequence[HistoryEvent]]) -> None:
        """Begin to prove what serves."""
        process = self._process = self._process_factory()
        self._thread = threading.Thread(target=self._run, args=(process, bundle_id, histories), daemon=True)
        self._thread.start()

    def take_result(self) -> BundleCheckResult | None:
        """What it found, once; None while it runs, and where none runs."""
        if self._thread is None or self._thread.is_alive():
            return None
        result, self._thread, self._result = self._result, None, None
        return result

    def stop(self) -> None:
        """Kill its process, from any thread; `end` waits for it."""
        process = self._process
        if process is not None:
            process.stop()

    def stop_and_wait(self) -> None:
        """Its process is gone, and what it found is forgotten."""
        if self._thread is None:
            return
        self.stop()
        self._thread.join()
        self._thread, self._result = None, None

    def _run(self, process: BundleCheckProcess, bundle_id: str, histories: Sequence[Sequence[HistoryEvent]]) -> None:
        try:
            process.check(bundle_id, histories)
        except FreshetError as error:
            self._result = BundleCheckResult(bundle_id, error)
        except Exception as cause:  # noqa: BLE001 - no process, no memory: nothing is known of the bundle
            client_error = to_client_error(cause)
            self._result = BundleCheckResult(
                bundle_id, IncompleteCheckError(client_error.where, client_error.what, client_error.fix)
            )
        else:
            self._result = BundleCheckResult(bundle_id)

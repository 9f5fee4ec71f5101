"""Check a bundle that already serves again, in a background thread: after a restart, without a delay."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from freshet.data.history_events import HistoryEvent
from freshet.errors import FreshetError
from freshet.serving.errors import to_client_error
from freshet.serving.releases.check_process import BundleCheckProcess, IncompleteCheckError


@dataclass(frozen=True)
class BundleCheckResult:
    """The result of a bundle check. error: None if the bundle passed."""

    bundle_id: str
    error: FreshetError | None = None

    @property
    def refused(self) -> bool:
        """Whether the bundle must not serve; an incomplete check does not decide."""
        return self.error is not None and not isinstance(self.error, IncompleteCheckError)


class BackgroundCheck:
    """One bundle check at a time; all methods but `stop` are for one thread. process_factory: creates its process."""

    def __init__(self, process_factory: Callable[[], BundleCheckProcess]) -> None:
        self._process_factory = process_factory
        self._process: BundleCheckProcess | None = None
        self._thread: threading.Thread | None = None
        self._result: BundleCheckResult | None = None

    @property
    def is_running(self) -> bool:
        """Whether a check was started and neither stopped nor its result taken."""
        return self._thread is not None

    def start(self, bundle_id: str, histories: Sequence[Sequence[HistoryEvent]]) -> None:
        """Start the check of a bundle."""
        process = self._process = self._process_factory()
        self._thread = threading.Thread(target=self._run, args=(process, bundle_id, histories), daemon=True)
        self._thread.start()

    def take_result(self) -> BundleCheckResult | None:
        """Return the result, once; None while the check runs, and if there is none."""
        if self._thread is None or self._thread.is_alive():
            return None
        result, self._thread, self._result = self._result, None, None
        return result

    def stop(self) -> None:
        """Kill the check's process; may be called from any thread. `stop_and_wait` waits for its end."""
        process = self._process
        if process is not None:
            process.stop()

    def stop_and_wait(self) -> None:
        """Kill the check's process, wait for its end, and drop its result."""
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
        except Exception as cause:  # noqa: BLE001 - no process or no memory: this does not decide about the bundle
            problem = to_client_error(cause)
            incomplete = IncompleteCheckError(problem.where, problem.what, problem.fix)
            self._result = BundleCheckResult(bundle_id, incomplete)
        else:
            self._result = BundleCheckResult(bundle_id)

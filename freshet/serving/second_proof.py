"""The proof of a bundle that serves already, on an earlier proof: in its own thread, so that nothing waits for it."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from freshet.errors import FreshetError
from freshet.live.released import Event
from freshet.serving.problems import told
from freshet.serving.sandbox import Sandbox, UnfinishedProofError


@dataclass(frozen=True)
class Outcome:
    """What a proof found. error: None where the bundle has proved itself."""

    bundle: str
    error: FreshetError | None = None

    @property
    def refused(self) -> bool:
        """Whether the bundle must not serve; a proof without an end says nothing of it."""
        return self.error is not None and not isinstance(self.error, UnfinishedProofError)


class SecondProof:
    """One at a time, for one thread that starts, asks and ends it. sandbox: makes the sandbox of each proof."""

    def __init__(self, sandbox: Callable[[], Sandbox]) -> None:
        self._new = sandbox
        self._sandbox: Sandbox | None = None
        self._thread: threading.Thread | None = None
        self._outcome: Outcome | None = None

    @property
    def runs(self) -> bool:
        """Whether it has been started, and neither ended nor asked for its outcome."""
        return self._thread is not None

    def start(self, bundle: str, histories: Sequence[Sequence[Event]]) -> None:
        """Begin to prove what serves."""
        sandbox = self._sandbox = self._new()
        self._thread = threading.Thread(target=self._run, args=(sandbox, bundle, histories), daemon=True)
        self._thread.start()

    def outcome(self) -> Outcome | None:
        """What it found, once; None while it runs, and where none runs."""
        if self._thread is None or self._thread.is_alive():
            return None
        outcome, self._thread, self._outcome = self._outcome, None, None
        return outcome

    def stop(self) -> None:
        """Kill its process, from any thread; `end` waits for it."""
        sandbox = self._sandbox
        if sandbox is not None:
            sandbox.stop()

    def end(self) -> None:
        """Its process is gone, and what it found is forgotten."""
        if self._thread is None:
            return
        self.stop()
        self._thread.join()
        self._thread, self._outcome = None, None

    def _run(self, sandbox: Sandbox, bundle: str, histories: Sequence[Sequence[Event]]) -> None:
        try:
            sandbox.prove(bundle, histories)
        except FreshetError as error:
            self._outcome = Outcome(bundle, error)
        except Exception as cause:  # noqa: BLE001 - no process, no memory: nothing is known of the bundle
            unknown = told(cause)
            self._outcome = Outcome(bundle, UnfinishedProofError(unknown.where, unknown.what, unknown.fix))
        else:
            self._outcome = Outcome(bundle)

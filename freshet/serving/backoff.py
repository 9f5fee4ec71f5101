"""Pauses between retries that double up to a limit."""


class Backoff:
    """Exponential back-off. first_s, max_s: the first and the longest pause, seconds."""

    def __init__(self, first_s: float, max_s: float) -> None:
        self._first_s, self._max_s = min(first_s, max_s), max_s
        self.reset()

    def reset(self) -> None:
        """Start again with the first pause."""
        self._pause_s = self._first_s

    def next_pause(self) -> float:
        """Return the pause until the next attempt, in seconds, and double the one after it."""
        pause_s, self._pause_s = self._pause_s, min(2 * self._pause_s, self._max_s)
        return pause_s

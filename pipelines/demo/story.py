"""A Dagster logger that tells a run to somebody at a terminal: what is being done, how long each asset took."""

import logging
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster import DagsterEventType

from pipelines.demo.screen import Screen


@dataclass
class Story:
    """What one run did, asset by asset; errors are shown at once."""

    screen: Screen
    seconds: dict[str, float] = field(default_factory=dict)  # asset → how long it took
    steps: int = 0  # of the run that is told
    step: int = 0  # the number of the one at work
    interrupted: bool = False  # by Ctrl-C
    _at_work: str = ""

    def logger(self) -> dg.LoggerDefinition:
        """A logger of its own, so that nothing else of the process speaks through it."""

        def make(_: dg.InitLoggerContext) -> logging.Logger:
            logger = logging.Logger("freshet.story", level=logging.DEBUG)  # Dagster tells its events at DEBUG
            logger.addHandler(_Handler(self))
            return logger

        return dg.LoggerDefinition(make, description="One line per asset, for a person at a terminal.")

    def begin(self, steps: int) -> None:
        """A run of so many steps is about to start."""
        self.steps, self.step, self._at_work = steps, 0, ""

    def progress(self, text: str) -> None:
        """What the step at work says of itself."""
        self.screen.now(f"{self._at_work}: {text}" if self._at_work else text)

    def told(self) -> str:
        """`raw_events 9.1 s · quarantined_events 1.2 s · …`, and forget it."""
        line = " · ".join(f"{asset} {took:.1f} s" for asset, took in self.seconds.items())
        self.seconds.clear()
        return line

    def event(self, event: Any) -> None:
        """One event of Dagster's."""
        if event.event_type is DagsterEventType.STEP_START:
            self.step += 1
            self._at_work = f"step {self.step} of {self.steps}: {event.step_key}"
            self.screen.now(self._at_work)
        elif event.event_type is DagsterEventType.STEP_SUCCESS:
            self.seconds[event.step_key] = event.step_success_data.duration_ms / 1000
        elif event.event_type is DagsterEventType.STEP_FAILURE and _by_hand(event.step_failure_data.error):
            self.interrupted = True
        elif event.event_type is DagsterEventType.STEP_FAILURE:
            self.screen.say(f"{event.step_key} was refused or failed", "red")


def _by_hand(error: Any) -> bool:
    """Whether a step ended because somebody pressed Ctrl-C."""
    return error is not None and error.cls_name == dg.DagsterExecutionInterruptedError.__name__


class _Handler(logging.Handler):
    def __init__(self, story: Story) -> None:
        super().__init__()
        self.story = story

    def emit(self, record: logging.LogRecord) -> None:
        meta = getattr(record, "dagster_meta", {})
        if meta.get("dagster_event") is not None:
            self.story.event(meta["dagster_event"])
            return
        message = str(meta.get("orig_message", record.getMessage()))
        if record.levelno >= logging.ERROR:
            self.story.screen.say(message, "red")
        else:
            self.story.progress(message.splitlines()[0])

"""One thread answers: whatever waits is answered together, from one release, so that no answer mixes two."""

import sqlite3
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final, Literal

import numpy as np

from freshet.errors import FreshetError
from freshet.live.latest import merged
from freshet.serving.current import Current
from freshet.serving.ladder import Asked, Listed, climb, popular, similar
from freshet.serving.ledger import Recent, connect, recent
from freshet.serving.problems import RequestError, too_busy
from freshet.serving.questions import Question, met
from freshet.serving.served import Known, Serving, known_items

TOGETHER: Final = 16  # questions answered at once
QUEUED: Final = 1024  # questions that may wait
NOBODY: Final = Recent([], [])
NONE: Final = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Asking:
    """A question with who asks and when."""

    question: Question
    shopper: str | None  # pseudonym
    now: int  # microseconds
    kind: Literal["recommend", "similar", "popular"] = "recommend"
    item: str = ""  # what it shall be similar to


@dataclass(frozen=True)
class Answered:
    """A list, and the release that it came from."""

    listed: Listed
    serving: Serving


Waiting = tuple[Asking, "Future[Answered]"]


class Answering:
    """Asks the ledger and the lake what is known of a shopper, and the release that serves what to show them."""

    def __init__(self, folder: Path, current: Current) -> None:
        self._reader, self._current = connect(folder), current
        self._queue: SimpleQueue[Waiting | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="answering", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer what waits, then end."""
        self._queue.put(None)
        self._thread.join()
        self._reader.close()

    @property
    def alive(self) -> bool:
        """Whether it still answers."""
        return self._thread.is_alive()

    def ask(self, asking: Asking) -> "Future[Answered]":
        """Raises RequestError (503) when too many questions wait."""
        if self._queue.qsize() >= QUEUED:
            raise too_busy(f"{QUEUED:,} questions wait to be answered")
        future: Future[Answered] = Future()
        self._queue.put((asking, future))
        return future

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group, ended = self._group(first)
            self._answer([waiting for waiting in group if waiting[1].set_running_or_notify_cancel()])
            if ended:
                return

    def _group(self, first: Waiting) -> tuple[list[Waiting], bool]:
        """What waits now, and whether the end was asked for meanwhile."""
        group = [first]
        while len(group) < TOGETHER:
            try:
                following = self._queue.get_nowait()
            except Empty:
                break
            if following is None:
                return group, True
            group.append(following)
        return group, False

    def _answer(self, group: list[Waiting]) -> None:
        serving, known = self._current.serving, self._current.known
        try:
            if serving is None:
                raise self._current.nothing_serves()
            by_shopper = [waiting for waiting in group if waiting[0].kind == "recommend"]
            asked = [prepared(serving, known, self._reader, asking) for asking, _ in by_shopper]
            for (_, future), listed in zip(by_shopper, climb(serving, asked), strict=True):
                future.set_result(Answered(listed, serving))
            for asking, future in group:
                if asking.kind != "recommend":
                    _answer_one(serving, asking, future)
        except (FreshetError, sqlite3.Error) as error:
            for _, future in group:
                if not future.done():
                    future.set_exception(_told(error))


def prepared(serving: Serving, known: Known, reader: sqlite3.Connection, asking: Asking) -> Asked:
    """Everything that is known at this moment: the lake's histories, the gateway's own events, the question's."""
    question, shopper = asking.question, asking.shopper
    own = recent(reader, shopper) if shopper else NOBODY
    sent = met(question, asking.now, serving.bundle.manifest.event_type)
    events = merged(known.of(shopper) if shopper else [], own.events)
    if sent:
        events = sorted([*events, *(event for event, _ in sent)], key=lambda event: event[2])
    seen = known_items(serving, events) if question.exclude_seen else NONE
    contents = [*own.contents, *(content for _, content in sent)]
    return Asked(events, contents, serving.catalogue.forbidden(question, seen), _segment(question), question.k)


def _segment(question: Question) -> str:
    """The one category that was asked for."""
    return question.categories[0] if question.categories and len(question.categories) == 1 else ""


def _answer_one(serving: Serving, asking: Asking, future: "Future[Answered]") -> None:
    """Similar items and popular ones: nobody's history is asked."""
    question = asking.question
    forbidden = serving.catalogue.forbidden(question, NONE)
    if asking.kind == "popular":
        unknown = [name for name in question.categories or () if name not in serving.catalogue.codes]
        if unknown:
            fix = "use a category of the catalogue, written as it stands there"
            future.set_exception(RequestError(404, "category", f"the release knows no category {unknown[0]!r}", fix))
            return
        future.set_result(Answered(popular(serving, _segment(question), forbidden, question.k), serving))
        return
    index = int(serving.bundle.vocabulary.index_of([asking.item])[0])
    if index == 0:
        what = f"release {serving.number} does not know the item {asking.item!r}"
        fix = "check the id; a new item is known from the first release after its first event"
        future.set_exception(RequestError(404, "item", what, fix))
        return
    future.set_result(Answered(similar(serving, index, forbidden, question.k), serving))


def _told(error: FreshetError | sqlite3.Error) -> FreshetError:
    if isinstance(error, FreshetError):
        return error
    return RequestError(
        503, "gateway", f"its store cannot be read ({error})", "see that its disk is there, then ask again"
    )

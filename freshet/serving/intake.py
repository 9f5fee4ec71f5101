"""One post of events: judged one by one, kept together, answered one by one."""

import asyncio
from typing import Final, Literal, get_args

import msgspec

from freshet.serving.clock import day_of
from freshet.serving.gateway import Gateway, new_event_id, new_id
from freshet.serving.ledger import Kept, add
from freshet.serving.posted import Accepted, read_event
from freshet.serving.problems import NO_JSON, Problem, RequestError, why_no_json

MOST: Final = 1000  # events of one post
Status = Literal["accepted", "duplicate", "conflict", "refused"]

_many = msgspec.json.Decoder(list[msgspec.Raw])
_one = msgspec.json.Decoder(msgspec.Raw)


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one event.

    accepted: it is on disk. duplicate: it was here before. conflict: another event was here before with its event_id.
    refused: it breaks the contract. The last two say why.
    """

    status: Status
    event_id: str | None = None
    where: str | None = None
    what: str | None = None
    fix: str | None = None


class Receipt(msgspec.Struct, frozen=True):
    """What became of a post, event by event in the order they were sent."""

    request_id: str
    accepted: int
    duplicate: int
    conflict: int
    refused: int
    events: list[Outcome]

    @property
    def status(self) -> int:
        """202: all kept. 200: all were here before. 207: some not kept. 409: all are conflicts. 422: none was kept."""
        if not self.refused and not self.conflict:
            return 202 if self.accepted else 200
        if self.accepted or self.duplicate:
            return 207
        return 422 if self.refused else 409


async def take(gateway: Gateway, body: bytes) -> Receipt:
    """Keep the good ones; returns after they are on disk.

    Raises RequestError: 400 no JSON, 413 too many, 422 none at all, 503 too busy or no events can be kept, 507 the disk
    is full.
    """
    now = gateway.clock.now()
    raws, single = split(body)
    places = ["event"] if single else [f"events[{place}]" for place in range(len(raws))]
    judged = [read_event(raw, place, now, new_event_id()) for raw, place in zip(raws, places, strict=True)]
    good = [(_shopper(gateway, one), one) for one in judged if isinstance(one, Accepted)]
    kept = iter(await _kept(gateway, good, day_of(now)))
    outcomes = [
        _refused(one) if isinstance(one, Problem) else _taken(one, next(kept), place)
        for one, place in zip(judged, places, strict=True)
    ]
    return _receipt(gateway, outcomes)


def split(body: bytes) -> tuple[list[msgspec.Raw], bool]:
    """The events of a post, unread, and whether it was a single one. Raises RequestError."""
    several = body.lstrip()[:1] == b"["
    try:
        raws = _many.decode(body) if several else [_one.decode(body)]
    except NO_JSON as error:
        fix = "send one event as a JSON object, or a list of them"
        raise RequestError(400, "body", why_no_json(error), fix) from None
    if not raws:
        raise RequestError(422, "body", "an empty list", "send at least one event")
    if len(raws) > MOST:
        raise RequestError(413, "body", f"{len(raws):,} events in one post", f"send at most {MOST:,} at a time")
    return raws, not several


async def _kept(gateway: Gateway, rows: list[tuple[str, Accepted]], day: int) -> list[Kept]:
    """What became of each; on disk when this returns."""
    if not rows:
        return []
    gateway.writer.check()
    future = gateway.writer.submit(lambda connection: add(connection, rows, day))
    kept: list[Kept] = await asyncio.wrap_future(future)
    return kept


def _shopper(gateway: Gateway, accepted: Accepted) -> str:
    return gateway.shopper(accepted.event.user_id, accepted.event.session_id) or ""


def _refused(problem: Problem) -> Outcome:
    return Outcome("refused", None, problem.where, problem.what, problem.fix)


def _taken(accepted: Accepted, kept: Kept, place: str) -> Outcome:
    if kept != "conflict":
        return Outcome(kept, accepted.event_id)
    what = f"another event has the id {accepted.event_id!r}; this one was not kept"
    fix = "give every event of the shop an id of its own, and change nothing in one that is sent again"
    return Outcome(kept, accepted.event_id, f"{place}.event_id", what, fix)


def _receipt(gateway: Gateway, outcomes: list[Outcome]) -> Receipt:
    counts = {status: sum(o.status == status for o in outcomes) for status in get_args(Status)}
    for status, count in counts.items():
        gateway.metrics.events.labels(status).inc(count)
    return Receipt(new_id(), **counts, events=outcomes)

"""One post of events: judged one by one, kept together, answered one by one."""

import asyncio
from typing import Final, Literal

import msgspec

from freshet.serving.clock import day_of
from freshet.serving.gateway import Gateway, new_event_id, new_id
from freshet.serving.ledger import add
from freshet.serving.posted import Accepted, read_event
from freshet.serving.problems import NO_JSON, Problem, RequestError, why_no_json

MOST: Final = 1000  # events of one post
Status = Literal["accepted", "duplicate", "refused"]

_many = msgspec.json.Decoder(list[msgspec.Raw])
_one = msgspec.json.Decoder(msgspec.Raw)


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one event: accepted (on disk), duplicate (its event_id was here before), refused (why)."""

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
    refused: int
    events: list[Outcome]

    @property
    def status(self) -> int:
        """202: all kept. 200: all were here before. 207: some refused. 422: all refused."""
        if self.refused:
            return 207 if self.accepted or self.duplicate else 422
        return 202 if self.accepted else 200


async def take(gateway: Gateway, body: bytes) -> Receipt:
    """Keep the good ones; returns after they are on disk.

    Raises RequestError: 400 no JSON, 413 too many, 422 none at all, 503 too busy or not writable, 507 the disk is full.
    """
    now = gateway.clock.now()
    raws, single = split(body)
    judged = [
        read_event(raw, "event" if single else f"events[{place}]", now, new_event_id())
        for place, raw in enumerate(raws)
    ]
    good = [(_shopper(gateway, one), one) for one in judged if isinstance(one, Accepted)]
    new = iter(await _kept(gateway, good, day_of(now)))
    outcomes = [_refused(one) if isinstance(one, Problem) else _taken(one, next(new)) for one in judged]
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


async def _kept(gateway: Gateway, rows: list[tuple[str, Accepted]], day: int) -> list[bool]:
    """For each whether it is new; on disk when this returns."""
    if not rows:
        return []
    gateway.writer.check_room()
    future = gateway.writer.submit(lambda connection: add(connection, rows, day))
    new: list[bool] = await asyncio.wrap_future(future)
    return new


def _shopper(gateway: Gateway, accepted: Accepted) -> str:
    return gateway.shopper(accepted.event.user_id, accepted.event.session_id) or ""


def _refused(problem: Problem) -> Outcome:
    return Outcome("refused", None, problem.where, problem.what, problem.fix)


def _taken(accepted: Accepted, new: bool) -> Outcome:
    return Outcome("accepted" if new else "duplicate", accepted.event_id)


def _receipt(gateway: Gateway, outcomes: list[Outcome]) -> Receipt:
    counts = {status: sum(o.status == status for o in outcomes) for status in ("accepted", "duplicate", "refused")}
    for status, count in counts.items():
        gateway.metrics.events.labels(status).inc(count)
    return Receipt(new_id(), **counts, events=outcomes)

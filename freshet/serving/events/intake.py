"""One post of events: judged one by one, kept together, answered one by one."""

import asyncio
from typing import Final, Literal, get_args

import msgspec

from freshet.serving.clock import day_of
from freshet.serving.events.event_store import StoreStatus, add_events
from freshet.serving.gateway import Gateway, new_event_id, new_request_id
from freshet.serving.http.errors import JSON_ERRORS, Problem, RequestError, json_error_message
from freshet.serving.http.event_schema import ValidatedEvent, parse_event

MAX_POST_EVENTS: Final = 1000  # events of one post
EventStatus = Literal["accepted", "duplicate", "conflict", "refused"]

_list_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_single_decoder = msgspec.json.Decoder(msgspec.Raw)


class EventResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one event.

    accepted: it is on disk. duplicate: it was here before. conflict: another event was here before with its event_id.
    refused: it breaks the contract. The last two say why.
    """

    status: EventStatus
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
    events: list[EventResult]

    @property
    def http_status(self) -> int:
        """202: all kept. 200: all were here before. 207: some not kept. 409: all are conflicts. 422: none was kept."""
        if not self.refused and not self.conflict:
            return 202 if self.accepted else 200
        if self.accepted or self.duplicate:
            return 207
        return 422 if self.refused else 409


async def accept_events(gateway: Gateway, body: bytes) -> Receipt:
    """Keep the good ones; returns after they are on disk.

    Raises RequestError: 400 no JSON, 413 too many, 422 none at all, 503 too busy or no events can be kept, 507 the disk
    is full.
    """
    now = gateway.clock.now()
    raws, single = split_post(body)
    locations = ["event"] if single else [f"events[{index}]" for index in range(len(raws))]
    parsed_events = [parse_event(raw, place, now, new_event_id()) for raw, place in zip(raws, locations, strict=True)]
    valid_events = [
        (_shopper(gateway, parsed_event), parsed_event)
        for parsed_event in parsed_events
        if isinstance(parsed_event, ValidatedEvent)
    ]
    statuses = iter(await _store_events(gateway, valid_events, day_of(now)))
    results = [
        _refused_result(one) if isinstance(one, Problem) else _stored_result(one, next(statuses), place)
        for one, place in zip(parsed_events, locations, strict=True)
    ]
    return _build_receipt(gateway, results)


def split_post(body: bytes) -> tuple[list[msgspec.Raw], bool]:
    """The events of a post, unread, and whether it was a single one. Raises RequestError."""
    is_list = body.lstrip()[:1] == b"["
    try:
        raws = _list_decoder.decode(body) if is_list else [_single_decoder.decode(body)]
    except JSON_ERRORS as error:
        fix = "send one event as a JSON object, or a list of them"
        raise RequestError(400, "body", json_error_message(error), fix) from None
    if not raws:
        raise RequestError(422, "body", "an empty list", "send at least one event")
    if len(raws) > MAX_POST_EVENTS:
        raise RequestError(
            413, "body", f"{len(raws):,} events in one post", f"send at most {MAX_POST_EVENTS:,} at a time"
        )
    return raws, not is_list


async def _store_events(gateway: Gateway, rows: list[tuple[str, ValidatedEvent]], day: int) -> list[StoreStatus]:
    """What became of each; on disk when this returns."""
    if not rows:
        return []
    gateway.writer.check_writable()
    future = gateway.writer.submit(lambda connection: add_events(connection, rows, day))
    statuses: list[StoreStatus] = await asyncio.wrap_future(future)
    return statuses


def _shopper(gateway: Gateway, valid_event: ValidatedEvent) -> str:
    return gateway.shopper(valid_event.event.user_id, valid_event.event.session_id) or ""


def _refused_result(problem: Problem) -> EventResult:
    return EventResult("refused", None, problem.where, problem.what, problem.fix)


def _stored_result(valid_event: ValidatedEvent, status: StoreStatus, location: str) -> EventResult:
    if status != "conflict":
        return EventResult(status, valid_event.event_id)
    what = f"another event has the id {valid_event.event_id!r}; this one was not kept"
    fix = "give every event of the shop an id of its own, and change nothing in one that is sent again"
    return EventResult(status, valid_event.event_id, f"{location}.event_id", what, fix)


def _build_receipt(gateway: Gateway, results: list[EventResult]) -> Receipt:
    counts = {status: sum(o.status == status for o in results) for status in get_args(EventStatus)}
    for status, count in counts.items():
        gateway.metrics.events.labels(status).inc(count)
    return Receipt(new_request_id(), **counts, events=results)

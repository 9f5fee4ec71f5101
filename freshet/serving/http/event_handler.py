"""Handle posted events: validate each one, store the valid ones together, return a receipt."""

import asyncio
from typing import get_args

import msgspec

from freshet.serving.clock import day_of
from freshet.serving.errors import Problem, RequestError
from freshet.serving.events.event_store import StoreStatus, add_events
from freshet.serving.gateway import Gateway, new_event_id, new_request_id
from freshet.serving.schemas.event_schema import MAX_POST_EVENTS, ValidatedEvent, parse_event
from freshet.serving.schemas.field_errors import JSON_ERRORS, json_error_message
from freshet.serving.schemas.receipt_schema import EventResult, EventStatus, Receipt

_list_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_single_decoder = msgspec.json.Decoder(msgspec.Raw)


async def accept_events(gateway: Gateway, body: bytes) -> Receipt:
    """Store the valid events; return their receipt once they are on disk.

    Raises RequestError: 400 not JSON, 413 too many, 422 no events, 503 too busy or no events can be stored, 507 the
    disk is full.
    """
    now = gateway.clock.now()
    raws, is_single = split_post(body)
    locations = ["event"] if is_single else [f"events[{index}]" for index in range(len(raws))]
    events = [parse_event(raw, location, now, new_event_id()) for raw, location in zip(raws, locations, strict=True)]
    valid_events = [(_shopper(gateway, event), event) for event in events if isinstance(event, ValidatedEvent)]
    statuses = iter(await _store_events(gateway, valid_events, day_of(now)))
    results = [
        _refused_result(event) if isinstance(event, Problem) else _stored_result(event, next(statuses), location)
        for event, location in zip(events, locations, strict=True)
    ]
    return _build_receipt(gateway, results)


def split_post(body: bytes) -> tuple[list[msgspec.Raw], bool]:
    """Return the undecoded events of a post, and whether it is a single event. Raises RequestError."""
    is_list = body.lstrip()[:1] == b"["
    try:
        raws = _list_decoder.decode(body) if is_list else [_single_decoder.decode(body)]
    except JSON_ERRORS as error:
        fix = "send one event as a JSON object, or a list of them"
        raise RequestError(400, "body", json_error_message(error), fix) from None
    if not raws:
        raise RequestError(422, "body", "an empty list", "send at least one event")
    if len(raws) > MAX_POST_EVENTS:
        what = f"{len(raws):,} events in one post"
        raise RequestError(413, "body", what, f"send at most {MAX_POST_EVENTS:,} at a time")
    return raws, not is_list


async def _store_events(gateway: Gateway, rows: list[tuple[str, ValidatedEvent]], day: int) -> list[StoreStatus]:
    """Return the status of each event; they are on disk when this returns."""
    if not rows:
        return []
    gateway.writer.check_writable()
    future = gateway.writer.submit(lambda connection: add_events(connection, rows, day))
    statuses: list[StoreStatus] = await asyncio.wrap_future(future)
    return statuses


def _shopper(gateway: Gateway, valid_event: ValidatedEvent) -> str:
    return gateway.shopper(valid_event.event.user_id, valid_event.event.session_id) or ""


def _refused_result(problem: Problem) -> EventResult:
    return EventResult("refused", where=problem.where, what=problem.what, fix=problem.fix)


def _stored_result(valid_event: ValidatedEvent, status: StoreStatus, location: str) -> EventResult:
    event_id = valid_event.event_id
    if status != "conflict":
        return EventResult(status, event_id)
    what = f"another event has the id {event_id!r}; this one was not stored"
    fix = "use a different id for every event of the shop, and send an event again without changes"
    return EventResult(status, event_id, where=f"{location}.event_id", what=what, fix=fix)


def _build_receipt(gateway: Gateway, results: list[EventResult]) -> Receipt:
    counts = {status: sum(result.status == status for result in results) for status in get_args(EventStatus)}
    for status, count in counts.items():
        gateway.metrics.events.labels(status).inc(count)
    return Receipt(new_request_id(), **counts, events=results)

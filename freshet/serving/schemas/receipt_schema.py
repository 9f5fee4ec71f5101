"""The response to posted events: a receipt with the status of each event."""

from typing import Literal

import msgspec

EventStatus = Literal["accepted", "duplicate", "conflict", "refused"]


class EventResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """The result of one event.

    status: `accepted`, it is on disk; `duplicate`, the same event was stored before; `conflict`, another event with
    this event_id was stored before; `refused`, it is not valid. where, what and fix are set for the last two.
    """

    status: EventStatus
    event_id: str | None = None
    where: str | None = None
    what: str | None = None
    fix: str | None = None


class Receipt(msgspec.Struct, frozen=True):
    """The results of a post, event by event in the order they were sent, with counts by status."""

    request_id: str
    accepted: int
    duplicate: int
    conflict: int
    refused: int
    events: list[EventResult]

    @property
    def http_status(self) -> int:
        """202: all stored. 200: all duplicates. 207: some not stored. 409: all conflicts. 422: none stored."""
        if not self.refused and not self.conflict:
            return 202 if self.accepted else 200
        if self.accepted or self.duplicate:
            return 207
        return 422 if self.refused else 409

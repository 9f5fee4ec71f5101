"""Rank a batch of requests with one release: join each shopper's events, then rank by kind of request."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from freshet.inference.latest_histories import merge_events
from freshet.serving.errors import RequestError
from freshet.serving.events.event_store import RecentEvents, recent_events
from freshet.serving.recommend.active_state import LakeSnapshots
from freshet.serving.recommend.fallback import (
    RankedList,
    RankingRequest,
    popular_items,
    rank_with_fallback,
    similar_items,
)
from freshet.serving.recommend.loaded_release import LoadedRelease, known_items
from freshet.serving.recommend.request_events import request_events
from freshet.serving.schemas.recommendation_schema import RecommendationRequest

NO_RECENT_EVENTS: Final = RecentEvents([], [])
NO_ITEMS: Final = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class PendingRequest:
    """A request with its shopper and time."""

    request: RecommendationRequest
    shopper: str | None  # pseudonym
    now: int  # microseconds
    kind: Literal["recommend", "similar", "popular"] = "recommend"
    item_id: str = ""  # of kind similar


@dataclass(frozen=True)
class RankedResponse:
    """A ranked list and its release."""

    ranked_list: RankedList
    release: LoadedRelease


def rank_batch(
    release: LoadedRelease, snapshots: LakeSnapshots, reader: sqlite3.Connection | None, batch: Sequence[PendingRequest]
) -> list[RankedResponse | RequestError]:
    """Return one response or error per request.

    reader: of the event store; None if it cannot be read. Raises sqlite3.Error.
    """
    requests = [
        build_ranking_request(release, snapshots, reader, pending) for pending in batch if pending.kind == "recommend"
    ]
    ranked_lists = iter(rank_with_fallback(release, requests) if requests else ())
    rankers = {"similar": _similar_response, "popular": _popular_response}
    return [
        rankers[pending.kind](release, pending)
        if pending.kind in rankers
        else RankedResponse(next(ranked_lists), release)
        for pending in batch
    ]


def build_ranking_request(
    release: LoadedRelease, snapshots: LakeSnapshots, reader: sqlite3.Connection | None, pending: PendingRequest
) -> RankingRequest:
    """Return the ranking request with the shopper's events of the lake, of the event store and of the request."""
    request, shopper = pending.request, pending.shopper
    stored = recent_events(reader, shopper) if shopper and reader else NO_RECENT_EVENTS
    sent_events = request_events(request, pending.now, release.bundle.manifest.event_type)
    events = merge_events(snapshots.shopper_events(shopper) if shopper else [], stored.events)
    if sent_events:
        events = sorted([*events, *(event for event, _ in sent_events)], key=lambda event: event.time)
    seen_items = known_items(release, events) if request.exclude_seen else NO_ITEMS
    return RankingRequest(
        events=events,
        item_metadata=[*stored.item_metadata, *(metadata for _, metadata in sent_events)],
        excluded_items=release.catalogue.excluded_items(request, seen_items),
        has_category_filter=request.categories is not None,
        k=request.k,
        precomputed=snapshots.precomputed_list(shopper, release.bundle.id, events) if shopper else None,
        precomputed_first=snapshots.lists_first,
    )


def _popular_response(release: LoadedRelease, pending: PendingRequest) -> RankedResponse | RequestError:
    request = pending.request
    unknown_categories = [name for name in request.categories or () if name not in release.catalogue.category_codes]
    if unknown_categories:
        what = f"release {release.number} has no category {unknown_categories[0]!r}"
        return RequestError(404, "categories", what, "write it as in the catalogue")
    excluded_items = release.catalogue.excluded_items(request, NO_ITEMS)
    has_category_filter = request.categories is not None
    ranked_list = popular_items(release, "", excluded_items, request.k, has_category_filter=has_category_filter)
    return RankedResponse(ranked_list, release)


def _similar_response(release: LoadedRelease, pending: PendingRequest) -> RankedResponse | RequestError:
    index = item_index(release, pending.item_id)
    if index == 0:
        return unknown_item_error(release, pending.item_id)
    excluded_items = release.catalogue.excluded_items(pending.request, NO_ITEMS)
    return RankedResponse(similar_items(release, index, excluded_items, pending.request.k), release)


def item_index(release: LoadedRelease, item_id: str) -> int:
    """Return the item's vocabulary index in the release; 0 if unknown."""
    return int(release.bundle.vocabulary.indices([item_id])[0])


def unknown_item_error(release: LoadedRelease, item_id: str) -> RequestError:
    """Return the error of an item that the release does not know (404)."""
    what = f"release {release.number} does not know the item {item_id!r}"
    fix = "check the id; a new item becomes known after its first event has been processed in the lake"
    return RequestError(404, "item_id", what, fix)

"""What is answered to a group of questions, from one release and from what is known at this moment."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from freshet.inference.latest_histories import merge_events
from freshet.serving.events.event_store import RecentEvents, recent_events
from freshet.serving.http.errors import RequestError
from freshet.serving.http.recommendation_schema import RecommendationRequest, request_events
from freshet.serving.recommend.active_release import LakeSnapshots, LoadedRelease, known_items
from freshet.serving.recommend.fallback import (
    RankedList,
    RankingRequest,
    popular_items,
    rank_with_fallback,
    similar_items,
)

NO_RECENT_EVENTS: Final = RecentEvents([], [])
NO_ITEMS: Final = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class PendingRequest:
    """A question with who asks and when."""

    request: RecommendationRequest
    shopper: str | None  # pseudonym
    now: int  # microseconds
    kind: Literal["recommend", "similar", "popular"] = "recommend"
    item_id: str = ""  # what it shall be similar to


@dataclass(frozen=True)
class RankedResponse:
    """A list, and the release that it came from."""

    ranked_list: RankedList
    release: LoadedRelease


def rank_batch(
    release: LoadedRelease, snapshots: LakeSnapshots, reader: sqlite3.Connection | None, batch: Sequence[PendingRequest]
) -> list[RankedResponse | RequestError]:
    """One for each. reader: None where the gateway's own events cannot be read. Raises sqlite3.Error."""
    requests = [
        build_ranking_request(release, snapshots, reader, pending) for pending in batch if pending.kind == "recommend"
    ]
    ranked_lists = iter(rank_with_fallback(release, requests) if requests else ())
    rankers = {"similar": _similar_response, "popular": _popular_response}
    return [
        rankers[one.kind](release, one) if one.kind in rankers else RankedResponse(next(ranked_lists), release)
        for one in batch
    ]


def build_ranking_request(
    release: LoadedRelease, snapshots: LakeSnapshots, reader: sqlite3.Connection | None, pending: PendingRequest
) -> RankingRequest:
    """Everything that is known of the shopper now: the lake's histories, the gateway's own events, the question's."""
    request, shopper = pending.request, pending.shopper
    gateway_events = recent_events(reader, shopper) if shopper and reader else NO_RECENT_EVENTS
    sent_events = request_events(request, pending.now, release.bundle.manifest.event_type)
    events = merge_events(snapshots.shopper_events(shopper) if shopper else [], gateway_events.events)
    if sent_events:
        events = sorted([*events, *(event for event, _ in sent_events)], key=lambda event: event.time)
    seen_items = known_items(release, events) if request.exclude_seen else NO_ITEMS
    item_metadata = [*gateway_events.item_metadata, *(content for _, content in sent_events)]
    excluded_items = release.catalogue.excluded_items(request, seen_items)
    precomputed = snapshots.precomputed_list(shopper, release.bundle.id, events) if shopper else None
    has_category_filter = request.categories is not None
    return RankingRequest(
        events, item_metadata, excluded_items, has_category_filter, request.k, precomputed, snapshots.lists_first
    )


def _popular_response(release: LoadedRelease, pending: PendingRequest) -> RankedResponse | RequestError:
    request = pending.request
    unknown_categories = [name for name in request.categories or () if name not in release.catalogue.category_codes]
    if unknown_categories:
        what = f"release {release.number} knows no category {unknown_categories[0]!r}"
        return RequestError(404, "categories", what, "write it as it stands in the catalogue")
    excluded_items = release.catalogue.excluded_items(request, NO_ITEMS)
    has_category_filter = request.categories is not None
    return RankedResponse(
        popular_items(release, "", excluded_items, request.k, has_category_filter=has_category_filter), release
    )


def _similar_response(release: LoadedRelease, pending: PendingRequest) -> RankedResponse | RequestError:
    index = item_index(release, pending.item_id)
    if index == 0:
        return unknown_item_error(release, pending.item_id)
    excluded_items = release.catalogue.excluded_items(pending.request, NO_ITEMS)
    return RankedResponse(similar_items(release, index, excluded_items, pending.request.k), release)


def item_index(release: LoadedRelease, item_id: str) -> int:
    """The release's number of an item; 0 where it does not know it."""
    return int(release.bundle.vocabulary.indices([item_id])[0])


def unknown_item_error(release: LoadedRelease, item_id: str) -> RequestError:
    """404: the release does not know the item."""
    what = f"release {release.number} does not know the item {item_id!r}"
    fix = "check the id; a new item is known when its first event has gone through the lake"
    return RequestError(404, "item_id", what, fix)

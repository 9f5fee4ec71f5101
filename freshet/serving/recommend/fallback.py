"""From what is known of a shopper to a list: the ladder, one rung after the other, and similar items.

sequence: the model, from events with items it knows. precomputed: what it said of the same events earlier, where it
cannot be asked now, or need not. content: what resembles the new items the shopper met, by title
and category. segment: what is popular in the category they looked at, or asked for. popular: what is popular with all.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from freshet.data.history import Ints
from freshet.data.history_events import HistoryEvent, items_as_events, to_histories
from freshet.errors import BundleError
from freshet.inference.precomputed_lists import PrecomputedList
from freshet.inference.ranker import Tier
from freshet.inference.scoring import EXCLUDED_SCORE, Scores, top_k
from freshet.serving.events.event_store import ItemMetadata
from freshet.serving.http.recommendation_schema import ItemResult
from freshet.serving.recommend.active_release import LoadedRelease, new_item_indexes, readable_items

LOG = logging.getLogger("freshet")
MAX_NEW_ITEMS: Final = 10  # of the latest items that the bundle does not know: what is asked by content


@dataclass(frozen=True)
class RankingRequest:
    """One shopper at one moment. contents: what recent events said of their items, oldest first."""

    events: Sequence[HistoryEvent]
    item_metadata: Sequence[ItemMetadata]
    excluded_items: Ints  # indexes not to show
    has_category_filter: bool  # to some categories
    k: int
    precomputed: PrecomputedList | None = None  # the list made ahead, where it is still good
    precomputed_first: bool = False  # whether it goes before the model


@dataclass(frozen=True)
class RankedList:
    """What one shopper is shown, best first."""

    tier: Tier
    items: list[ItemResult]


def rank_with_fallback(release: LoadedRelease, requests: Sequence[RankingRequest]) -> list[RankedList]:
    """The lists of B shoppers, from one release, the encoder asked once for all of them.

    Where the encoder fails, everybody stands one rung lower, and the log says why.
    """
    precomputed = {
        index: _filter_precomputed(release, request)
        for index, request in enumerate(requests)
        if request.precomputed_first
    }
    ranked_lists = {place: one for place, one in precomputed.items() if one is not None}
    remaining = [place for place in range(len(requests)) if place not in ranked_lists]
    rankable = [place for place in remaining if len(readable_items(release, requests[place].events))]
    model_lists = _rank_by_model(release, [requests[place] for place in rankable]) if rankable else ()
    ranked_lists |= {place: one for place, one in zip(rankable, model_lists, strict=True) if one is not None}
    return [ranked_lists.get(place) or _rank_fallback(release, one) for place, one in enumerate(requests)]


def similar_items(release: LoadedRelease, index: int, excluded_items: Ints, k: int) -> RankedList:
    """What goes with an item: its neighbours in baskets and visits, then what has a vector like its own."""
    bundle = release.bundle
    scores: Scores = (bundle.item_embeddings @ bundle.item_embeddings[index]) / (
        release.item_norms * release.item_norms[index]
    )
    neighbours, strengths = bundle.baselines.neighbours[index], bundle.baselines.neighbour_scores[index]
    is_neighbour = (neighbours > 0) & (strengths > 0)
    scores[neighbours[is_neighbour]] = 2 + strengths[is_neighbour]  # above every cosine
    ranked_list = _top_k_list(release, "content", scores, np.append(excluded_items, index), k)
    has_neighbours = bool(ranked_list.items) and ranked_list.items[0].score > 1.5
    return RankedList("neighbours" if has_neighbours else "content", ranked_list.items)


def popular_items(
    release: LoadedRelease, category: str, excluded_items: Ints, k: int, *, has_category_filter: bool
) -> RankedList:
    """What most were after: in the category `segment` first where one is named. narrowed: others are forbidden."""
    return _top_k_list(
        release,
        "segment" if category or has_category_filter else "popular",
        release.popularity(category),
        excluded_items,
        k,
    )


def _rank_by_model(release: LoadedRelease, requests: Sequence[RankingRequest]) -> Sequence[RankedList | None]:
    """The model's lists; where it cannot answer, those made ahead; None for whom neither is there."""
    try:
        return _rank_sequences(release, requests)
    except BundleError as error:
        LOG.error("%s; lists made ahead and the rungs below answer", error)  # noqa: TRY400 - one line says it all
        return [_filter_precomputed(release, request) for request in requests]


def _filter_precomputed(release: LoadedRelease, request: RankingRequest) -> RankedList | None:
    """The list made ahead, less what is not to be shown; None where that leaves too few."""
    if request.precomputed is None:
        return None
    is_allowed = ~np.isin(request.precomputed.items, request.excluded_items)
    if is_allowed.sum() < request.k:
        return None
    items, scores = (
        request.precomputed.items[is_allowed][: request.k],
        request.precomputed.scores[is_allowed][: request.k],
    )
    return RankedList("precomputed", release.catalogue.item_results(items.tolist(), scores.tolist()))


def _rank_sequences(release: LoadedRelease, requests: Sequence[RankingRequest]) -> list[RankedList]:
    histories = to_histories([request.events for request in requests], release.bundle.vocabulary)
    results = release.ranker.recommend(
        histories, max(one.k for one in requests), [one.excluded_items for one in requests]
    )
    ranked_lists = []
    for one, result in zip(requests, results, strict=True):
        indexes = release.bundle.vocabulary.indices(result.item_ids[: one.k]).tolist()
        ranked_lists.append(
            RankedList(result.tier, release.catalogue.item_results(indexes, list(result.scores[: one.k])))
        )
    return ranked_lists


def _rank_fallback(release: LoadedRelease, request: RankingRequest) -> RankedList:
    """The rungs below the model: nothing that it knows is known of the shopper."""
    new_item_embeddings = _new_item_embeddings(release, request)
    if len(new_item_embeddings):
        scores: Scores = new_item_embeddings.mean(axis=0) @ release.bundle.item_embeddings.T
        return _top_k_list(release, "content", scores, request.excluded_items, request.k)
    viewed_categories = (content.category for content in reversed(request.item_metadata))
    last_category = next(
        (category for category in viewed_categories if category and category in release.catalogue.category_codes), ""
    )
    return popular_items(
        release, last_category, request.excluded_items, request.k, has_category_filter=request.has_category_filter
    )


def _new_item_embeddings(release: LoadedRelease, request: RankingRequest) -> Scores:
    """(n, E) vectors of the last new items the shopper met: told by the events themselves, else by the lake."""
    titled_items = [content for content in request.item_metadata if content.title][-MAX_NEW_ITEMS:]
    if titled_items and release.item_encoder is not None:
        return release.encode_items(titled_items)
    return release.bundle.item_embeddings[new_item_indexes(release, request.events)[-MAX_NEW_ITEMS:]]


def _top_k_list(release: LoadedRelease, tier: Tier, scores: Scores, excluded_items: Ints, k: int) -> RankedList:
    """Masked first, then the k are taken: never short while items remain."""
    scores = scores.astype(np.float32, copy=True)
    scores[0] = EXCLUDED_SCORE
    scores[release.bundle.vocabulary.delisted] = EXCLUDED_SCORE
    scores[excluded_items] = EXCLUDED_SCORE
    items, best_scores = top_k(scores[None, :], k)
    is_item = items[0] > 0
    return RankedList(
        tier, release.catalogue.item_results(items[0][is_item].tolist(), best_scores[0][is_item].tolist())
    )


def warm_up(release: LoadedRelease, histories: Sequence[Sequence[HistoryEvent]]) -> None:
    """Answer once on every rung, and a full group: what is slow the first time is slow for nobody."""
    no_items = np.zeros(0, dtype=np.int64)
    items = release.bundle.vocabulary.item_ids[1:9].tolist()
    sample_events = items_as_events(items, release.bundle.manifest.event_type)
    new_item = ItemMetadata("new", "", None)
    rank_with_fallback(
        release, [RankingRequest([], [new_item], no_items, False, 10), RankingRequest([], [], no_items, False, 10)]
    )
    for events in [sample_events, *histories]:
        rank_with_fallback(release, [RankingRequest(events, [], no_items, False, 10)])
        rank_with_fallback(release, [RankingRequest(events, [], no_items, False, 10)] * 8)

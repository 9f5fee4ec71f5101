"""The fallback tiers: a list for every shopper from the best source available, and similar items.

In this order: `sequence` ranks with the model, from events with items it was trained on. `precomputed` is a stored list
of the model for the same events, used if the model fails or if it is configured to come first. `content` ranks by
similarity to the new items in the history, by title and category. `segment` is popularity in the category viewed last,
or in those of the filter. `popular` is popularity in the whole shop.
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
from freshet.serving.recommend.loaded_release import LoadedRelease, new_item_indexes, readable_items
from freshet.serving.schemas.recommendation_schema import ItemResult

LOG = logging.getLogger("freshet")
WARM_UP_BATCH: Final = 8  # requests
MAX_NEW_ITEMS: Final = 10  # the latest new items of a history that tier `content` averages


@dataclass(frozen=True)
class RankingRequest:
    """The input of one ranking. item_metadata: of the shopper's recent events, oldest first."""

    events: Sequence[HistoryEvent]
    item_metadata: Sequence[ItemMetadata]
    excluded_items: Ints  # indices
    has_category_filter: bool
    k: int
    precomputed: PrecomputedList | None = None  # the stored list, if it is up to date
    precomputed_first: bool = False  # whether it is used before the model


@dataclass(frozen=True)
class RankedList:
    """The items for one shopper, best first, with their tier."""

    tier: Tier
    items: list[ItemResult]


def rank_with_fallback(release: LoadedRelease, requests: Sequence[RankingRequest]) -> list[RankedList]:
    """Return the lists of B shoppers from one release, with one call of the encoder.

    If the encoder fails, every shopper gets the next tier, and the error is logged.
    """
    precomputed = {
        index: _filter_precomputed(release, request)
        for index, request in enumerate(requests)
        if request.precomputed_first
    }
    ranked_lists = {index: ranked for index, ranked in precomputed.items() if ranked is not None}
    remaining = [index for index in range(len(requests)) if index not in ranked_lists]
    rankable = [index for index in remaining if len(readable_items(release, requests[index].events))]
    model_lists = _rank_by_model(release, [requests[index] for index in rankable]) if rankable else ()
    ranked_lists |= {index: ranked for index, ranked in zip(rankable, model_lists, strict=True) if ranked is not None}
    return [ranked_lists.get(index) or _rank_fallback(release, request) for index, request in enumerate(requests)]


def similar_items(release: LoadedRelease, index: int, excluded_items: Ints, k: int) -> RankedList:
    """Return similar items: neighbours in baskets and sessions first, then items by cosine similarity."""
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
    """Return popular items, those of `category` first unless it is "". has_category_filter: others are excluded."""
    return _top_k_list(
        release,
        "segment" if category or has_category_filter else "popular",
        release.popularity(category),
        excluded_items,
        k,
    )


def _rank_by_model(release: LoadedRelease, requests: Sequence[RankingRequest]) -> Sequence[RankedList | None]:
    """Return the model's lists; if it fails, the precomputed ones, None for shoppers without one."""
    try:
        return _rank_sequences(release, requests)
    except BundleError as error:
        LOG.error("%s; precomputed lists and lower tiers are served", error)  # noqa: TRY400 - the traceback adds nothing
        return [_filter_precomputed(release, request) for request in requests]


def _filter_precomputed(release: LoadedRelease, request: RankingRequest) -> RankedList | None:
    """Return the precomputed list without excluded items; None if fewer than k remain."""
    if request.precomputed is None:
        return None
    is_allowed = ~np.isin(request.precomputed.items, request.excluded_items)
    if is_allowed.sum() < request.k:
        return None
    items = request.precomputed.items[is_allowed][: request.k]
    scores = request.precomputed.scores[is_allowed][: request.k]
    return RankedList("precomputed", release.catalogue.item_results(items.tolist(), scores.tolist()))


def _rank_sequences(release: LoadedRelease, requests: Sequence[RankingRequest]) -> list[RankedList]:
    histories = to_histories([request.events for request in requests], release.bundle.vocabulary)
    results = release.ranker.recommend(
        histories, max(request.k for request in requests), [request.excluded_items for request in requests]
    )
    ranked_lists = []
    for request, result in zip(requests, results, strict=True):
        indexes = release.bundle.vocabulary.indices(result.item_ids[: request.k]).tolist()
        items = release.catalogue.item_results(indexes, list(result.scores[: request.k]))
        ranked_lists.append(RankedList(result.tier, items))
    return ranked_lists


def _rank_fallback(release: LoadedRelease, request: RankingRequest) -> RankedList:
    """Return a list of the tiers below the model."""
    new_item_embeddings = _new_item_embeddings(release, request)
    if len(new_item_embeddings):
        scores: Scores = new_item_embeddings.mean(axis=0) @ release.bundle.item_embeddings.T
        return _top_k_list(release, "content", scores, request.excluded_items, request.k)
    viewed_categories = (item.category for item in reversed(request.item_metadata))
    last_category = next(
        (category for category in viewed_categories if category and category in release.catalogue.category_codes), ""
    )
    return popular_items(
        release, last_category, request.excluded_items, request.k, has_category_filter=request.has_category_filter
    )


def _new_item_embeddings(release: LoadedRelease, request: RankingRequest) -> Scores:
    """Return (n, E) embeddings of the last new items: encoded from the events' metadata, else the bundle's."""
    titled_items = [item for item in request.item_metadata if item.title][-MAX_NEW_ITEMS:]
    if titled_items and release.item_encoder is not None:
        return release.encode_items(titled_items)
    return release.bundle.item_embeddings[new_item_indexes(release, request.events)[-MAX_NEW_ITEMS:]]


def _top_k_list(release: LoadedRelease, tier: Tier, scores: Scores, excluded_items: Ints, k: int) -> RankedList:
    """Return the k best items after exclusion: fewer only if fewer remain."""
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
    """Rank once on every tier and with a full batch, so that no request pays for first-call costs."""
    items = release.bundle.vocabulary.item_ids[1:9].tolist()
    sample_events = items_as_events(items, release.bundle.manifest.event_type)
    rank_with_fallback(release, [_warm_up_request([], ItemMetadata("new", "", None)), _warm_up_request([])])
    for events in [sample_events, *histories]:
        rank_with_fallback(release, [_warm_up_request(events)])
        rank_with_fallback(release, [_warm_up_request(events)] * WARM_UP_BATCH)


def _warm_up_request(events: Sequence[HistoryEvent], *item_metadata: ItemMetadata) -> RankingRequest:
    no_items = np.zeros(0, dtype=np.int64)
    return RankingRequest(events, item_metadata, no_items, has_category_filter=False, k=10)

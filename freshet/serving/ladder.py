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

from freshet.errors import BundleError
from freshet.history import Ints
from freshet.live.precomputed import Ready
from freshet.live.ranker import Tier
from freshet.live.released import Event, histories_of
from freshet.live.scorer import NEVER, Scores, top_k
from freshet.serving.ledger import Content
from freshet.serving.questions import Shown
from freshet.serving.served import Serving, new_items, readable_items

LOG = logging.getLogger("freshet")
NEW_ITEMS: Final = 10  # of the latest items that the bundle does not know: what is asked by content


@dataclass(frozen=True)
class Asked:
    """One shopper at one moment. contents: what recent events said of their items, oldest first."""

    events: Sequence[Event]
    contents: Sequence[Content]
    forbidden: Ints  # indexes not to show
    narrowed: bool  # to some categories
    k: int
    ready: Ready | None = None  # the list made ahead, where it is still good
    ready_first: bool = False  # whether it goes before the model


@dataclass(frozen=True)
class Listed:
    """What one shopper is shown, best first."""

    tier: Tier
    items: list[Shown]


def climb(serving: Serving, asked: Sequence[Asked]) -> list[Listed]:
    """The lists of B shoppers, from one release, the encoder asked once for all of them.

    Where the encoder fails, everybody stands one rung lower, and the log says why.
    """
    made = {place: _precomputed(serving, one) for place, one in enumerate(asked) if one.ready_first}
    listed = {place: one for place, one in made.items() if one is not None}
    rest = [place for place in range(len(asked)) if place not in listed]
    known = [place for place in rest if len(readable_items(serving, asked[place].events))]
    found = _by_model(serving, [asked[place] for place in known]) if known else ()
    listed |= {place: one for place, one in zip(known, found, strict=True) if one is not None}
    return [listed.get(place) or _fallen(serving, one) for place, one in enumerate(asked)]


def similar(serving: Serving, index: int, forbidden: Ints, k: int) -> Listed:
    """What goes with an item: its neighbours in baskets and visits, then what has a vector like its own."""
    bundle = serving.bundle
    scores: Scores = (bundle.item_vectors @ bundle.item_vectors[index]) / (serving.lengths * serving.lengths[index])
    near, strength = bundle.baselines.neighbours[index], bundle.baselines.neighbour_scores[index]
    there = (near > 0) & (strength > 0)
    scores[near[there]] = 2 + strength[there]  # above every cosine
    listed = _best(serving, "content", scores, np.append(forbidden, index), k)
    met = bool(listed.items) and listed.items[0].score > 1.5
    return Listed("neighbours" if met else "content", listed.items)


def popular(serving: Serving, segment: str, forbidden: Ints, k: int, *, narrowed: bool) -> Listed:
    """What most were after: in the category `segment` first where one is named. narrowed: others are forbidden."""
    return _best(serving, "segment" if segment or narrowed else "popular", serving.popularity(segment), forbidden, k)


def _by_model(serving: Serving, asked: Sequence[Asked]) -> Sequence[Listed | None]:
    """The model's lists; where it cannot answer, those made ahead; None for whom neither is there."""
    try:
        return _sequence(serving, asked)
    except BundleError as error:
        LOG.error("%s; lists made ahead and the rungs below answer", error)  # noqa: TRY400 - one line says it all
        return [_precomputed(serving, one) for one in asked]


def _precomputed(serving: Serving, one: Asked) -> Listed | None:
    """The list made ahead, less what is not to be shown; None where that leaves too few."""
    if one.ready is None:
        return None
    there = ~np.isin(one.ready.items, one.forbidden)
    if there.sum() < one.k:
        return None
    items, scores = one.ready.items[there][: one.k], one.ready.scores[there][: one.k]
    return Listed("precomputed", serving.catalogue.shown(items.tolist(), scores.tolist()))


def _sequence(serving: Serving, asked: Sequence[Asked]) -> list[Listed]:
    histories = histories_of([one.events for one in asked], serving.bundle.vocabulary)
    answers = serving.ranker.recommend(histories, max(one.k for one in asked), [one.forbidden for one in asked])
    listed = []
    for one, answer in zip(asked, answers, strict=True):
        indexes = serving.bundle.vocabulary.index_of(answer.item_ids[: one.k]).tolist()
        listed.append(Listed(answer.tier, serving.catalogue.shown(indexes, list(answer.scores[: one.k]))))
    return listed


def _fallen(serving: Serving, one: Asked) -> Listed:
    """The rungs below the model: nothing that it knows is known of the shopper."""
    met = _met(serving, one)
    if len(met):
        scores: Scores = met.mean(axis=0) @ serving.bundle.item_vectors.T
        return _best(serving, "content", scores, one.forbidden, one.k)
    looked_at = (content.category for content in reversed(one.contents))
    segment = next((category for category in looked_at if category and category in serving.catalogue.codes), "")
    return popular(serving, segment, one.forbidden, one.k, narrowed=one.narrowed)


def _met(serving: Serving, one: Asked) -> Scores:
    """(n, E) vectors of the last new items the shopper met: told by the events themselves, else by the lake."""
    described = [content for content in one.contents if content.title][-NEW_ITEMS:]
    if described and serving.item_encoder is not None:
        return serving.encode_items(described)
    return serving.bundle.item_vectors[new_items(serving, one.events)[-NEW_ITEMS:]]


def _best(serving: Serving, tier: Tier, scores: Scores, forbidden: Ints, k: int) -> Listed:
    """Masked first, then the k are taken: never short while items remain."""
    scores = scores.astype(np.float32, copy=True)
    scores[0] = NEVER
    scores[serving.bundle.vocabulary.tombstones] = NEVER
    scores[forbidden] = NEVER
    items, best = top_k(scores[None, :], k)
    there = items[0] > 0
    return Listed(tier, serving.catalogue.shown(items[0][there].tolist(), best[0][there].tolist()))


def warm(serving: Serving, histories: Sequence[Sequence[Event]]) -> None:
    """Answer once on every rung, and a full group: what is slow the first time is slow for nobody."""
    nothing = np.zeros(0, dtype=np.int64)
    items = serving.bundle.vocabulary.item_ids[1:9].tolist()
    usual = [(item, serving.bundle.manifest.event_type, 60 * place, 0) for place, item in enumerate(items)]
    new = Content("new", "", None)
    climb(serving, [Asked([], [new], nothing, False, 10), Asked([], [], nothing, False, 10)])
    for events in [usual, *histories]:
        climb(serving, [Asked(events, [], nothing, False, 10)])
        climb(serving, [Asked(events, [], nothing, False, 10)] * 8)

"""Who learns from what and is asked what: the same for our model, the baselines and the peers."""

from dataclasses import dataclass

import numpy as np

from benchmarks.quality.files import Sequences
from freshet.cases import Cases
from freshet.columns import TYPE_CODE
from freshet.errors import FreshetError
from freshet.history import Histories, Ints, select
from freshet.vocabulary import Vocabulary

DAY = 86_400
FEWEST = 3  # events of a shopper who is asked: one to know, one for validation, one for the test


@dataclass(frozen=True)
class Split:
    """Everybody learns from `train` and chooses on `validation`; `test` is asked once.

    refit: what everybody learns from again before the test, for as long as did best on `validation`; None: not again.
    """

    vocabulary: Vocabulary
    train: Histories
    validation: Cases
    test: Cases
    exclude_seen: bool  # an item of the known history is no answer
    timed: bool  # the times are real
    metrics: tuple[str, ...]
    counts: dict[str, int]
    notes: tuple[str, ...]
    refit: Histories | None = None

    @property
    def known(self) -> Histories:
        """What a method that needs no validation learns from."""
        return self.refit or self.train


def leave_one_out(sequences: Sequences) -> Split:
    """A shopper's last item is the test, the one before it validation, the rest training; all items are ranked.

    Raises FreshetError where nobody has FEWEST events.
    """
    lengths = np.diff(sequences.offsets)
    asked = np.flatnonzero(lengths >= FEWEST)
    if len(asked) == 0:
        what = f"none of {len(lengths):,} shoppers has {FEWEST} events (the most is {lengths.max(initial=0)})"
        raise FreshetError("interactions", what, "give histories: training, validation and test need one event each")
    vocabulary, items = _vocabulary(sequences.items)
    steps = np.arange(len(items)) - np.repeat(sequences.offsets[:-1], lengths)
    whole = _histories(sequences, items, steps * DAY)  # no times: each a day after the other says nothing
    ends = sequences.offsets[1:]
    learned = np.where(lengths >= FEWEST, ends - 2, ends)
    train = select(whole, np.arange(len(items)) < np.repeat(learned, lengths))
    left = len(lengths) - len(asked)
    return Split(
        vocabulary,
        train,
        single(whole, ends[asked] - 2),
        single(whole, ends[asked] - 1),
        exclude_seen=True,
        timed=False,
        metrics=("ndcg@10", "hr@10", "ndcg@20", "hr@20"),
        counts={
            **_sizes(whole, vocabulary),
            "training": len(train.items),
            "validation": len(asked),
            "test": len(asked),
        },
        notes=(f"{left:,} shoppers with fewer than {FEWEST} events: all of them training, not asked",) if left else (),
    )


def next_clicks(train: Sequences, test: Sequences) -> Split:
    """After every click of a test session, the next; items of the session may come again.

    Validation: the sessions that end on the last day (24 hours) of training. Everybody learns from the days before it,
    and once more from all days. Clicks on items that training does not know fall out of the test, then sessions of one.
    Raises FreshetError where there is no session to learn from or to ask.
    """
    vocabulary, items = _vocabulary(train.items)
    whole = _histories(train, items, _real(train))
    known = _known(_histories(test, vocabulary.index_of(test.items.tolist()), _real(test)))
    last = np.maximum.reduceat(whole.times, whole.offsets[:-1])  # (S,) a session's last click
    recent = last > last.max() - DAY
    validation, asked = _every_next(whole, recent), _every_next(known, np.ones(len(known), bool))
    before = select(whole, np.repeat(~recent, np.diff(whole.offsets)))
    for name, found in (("training: before its last day", len(before.items)), ("test sessions", len(asked))):
        if found == 0:
            raise FreshetError(name, "nothing is left of it", "give more days, or sessions with two known items")
    unknown = len(test.items) - len(known.items)
    return Split(
        vocabulary,
        before,
        validation,
        asked,
        exclude_seen=False,
        timed=True,
        metrics=("hr@20", "mrr@20"),
        counts={
            **_sizes(whole, vocabulary),
            "test_sessions": len(test),
            "test_clicks": len(test.items),
            "validation": len(validation),
            "test": len(asked),
        },
        notes=(
            f"{unknown:,} test clicks on items unknown in training: left out",
            "everybody learned once more from all days, validation's too, for as long as did best on validation",
        ),
        refit=whole,
    )


def single(histories: Histories, rows: Ints) -> Cases:
    """Cases that ask for the one event at each of `rows`, knowing all before it."""
    owners = np.searchsorted(histories.offsets, rows, side="right") - 1
    return Cases(histories, owners, rows, np.arange(len(rows) + 1), histories.items[rows])


def plain_vocabulary(item_ids: Ints | np.ndarray) -> Vocabulary:
    """Items of which nothing is known but their id."""
    size = len(item_ids) + 1
    nothing = np.full(size, "")
    return Vocabulary(
        np.concatenate([[""], item_ids]), nothing, nothing, np.full(size, np.nan), np.zeros(size, dtype=bool)
    )


def _vocabulary(items: np.ndarray) -> tuple[Vocabulary, Ints]:
    """All items, and the index of every row's."""
    ids, index = np.unique(items, return_inverse=True)
    return plain_vocabulary(ids), index.astype(np.int64) + 1


def _histories(sequences: Sequences, items: Ints, times: Ints) -> Histories:
    types = np.full(len(items), TYPE_CODE["view"])
    return Histories(sequences.owners, sequences.offsets, items, types, times, times // DAY)


def _real(sequences: Sequences) -> Ints:
    if sequences.times is None:
        raise FreshetError("sessions", "no times in it", "give tab-separated session, item and time")
    return sequences.times


def _known(histories: Histories) -> Histories:
    return select(histories, histories.items > 0)


def _every_next(histories: Histories, owners: np.ndarray) -> Cases:
    """Every event of the `owners` (S,) but their first."""
    lengths = np.diff(histories.offsets)
    place = np.arange(len(histories.items)) - np.repeat(histories.offsets[:-1], lengths)
    return single(histories, np.flatnonzero((place > 0) & np.repeat(owners, lengths)))


def _sizes(histories: Histories, vocabulary: Vocabulary) -> dict[str, int]:
    return {"shoppers": len(histories), "items": len(vocabulary), "interactions": len(histories.items)}

"""Who learns from what and is asked what: the same for our model, the baselines and the peers."""

from dataclasses import dataclass

import numpy as np

from benchmarks.quality.files import Sequences
from freshet.data.columns import EVENT_TYPE_CODES
from freshet.data.eval_cases import EvalCases
from freshet.data.history import Histories, Ints, select_events
from freshet.data.vocabulary import Vocabulary
from freshet.errors import FreshetError

DAY_SECONDS = 86_400
MIN_EVENTS = 3  # events of a shopper who is asked: one to know, one for validation, one for the test


@dataclass(frozen=True)
class Split:
    """Everybody learns from `train` and chooses on `validation`; `test` is asked once.

    refit: what everybody learns from again before the test, for as long as did best on `validation`; None: not again.
    """

    vocabulary: Vocabulary
    train: Histories
    validation: EvalCases
    test: EvalCases
    exclude_seen: bool  # an item of the known history is no answer
    has_times: bool  # the times are real
    metrics: tuple[str, ...]
    counts: dict[str, int]
    notes: tuple[str, ...]
    refit: Histories | None = None

    @property
    def full_train(self) -> Histories:
        """What a method that needs no validation learns from."""
        return self.refit or self.train


def leave_one_out(sequences: Sequences) -> Split:
    """A shopper's last item is the test, the one before it validation, the rest training; all items are ranked.

    Raises FreshetError where nobody has FEWEST events.
    """
    lengths = np.diff(sequences.offsets)
    evaluated_shoppers = np.flatnonzero(lengths >= MIN_EVENTS)
    if len(evaluated_shoppers) == 0:
        what = f"none of {len(lengths):,} shoppers has {MIN_EVENTS} events (the most is {lengths.max(initial=0)})"
        raise FreshetError("interactions", what, "give histories: training, validation and test need one event each")
    vocabulary, items = _vocabulary(sequences.items)
    positions = np.arange(len(items)) - np.repeat(sequences.offsets[:-1], lengths)
    histories = _histories(
        sequences, items, positions * DAY_SECONDS
    )  # no times: each a day after the other says nothing
    ends = sequences.offsets[1:]
    train_ends = np.where(lengths >= MIN_EVENTS, ends - 2, ends)
    train = select_events(histories, np.arange(len(items)) < np.repeat(train_ends, lengths))
    n_train_only = len(lengths) - len(evaluated_shoppers)
    return Split(
        vocabulary,
        train,
        single_target_cases(histories, ends[evaluated_shoppers] - 2),
        single_target_cases(histories, ends[evaluated_shoppers] - 1),
        exclude_seen=True,
        has_times=False,
        metrics=("ndcg@10", "hr@10", "ndcg@20", "hr@20"),
        counts={
            **_sizes(histories, vocabulary),
            "training": len(train.items),
            "validation": len(evaluated_shoppers),
            "test": len(evaluated_shoppers),
        },
        notes=(f"{n_train_only:,} shoppers with fewer than {MIN_EVENTS} events: all of them training, not asked",)
        if n_train_only
        else (),
    )


def next_click_split(train: Sequences, test: Sequences) -> Split:
    """After every click of a test session, the next; items of the session may come again.

    Validation: the sessions that end on the last day (24 hours) of training. Everybody learns from the days before it,
    and once more from all days. Clicks on items that training does not know fall out of the test, then sessions of one.
    Raises FreshetError where there is no session to learn from or to ask.
    """
    vocabulary, items = _vocabulary(train.items)
    train_histories = _histories(train, items, _require_times(train))
    test_histories = _drop_unknown_items(
        _histories(test, vocabulary.indices(test.items.tolist()), _require_times(test))
    )
    session_ends = np.maximum.reduceat(
        train_histories.times, train_histories.offsets[:-1]
    )  # (S,) a session's last click
    is_validation = session_ends > session_ends.max() - DAY_SECONDS
    validation_cases, test_cases = (
        _next_event_cases(train_histories, is_validation),
        _next_event_cases(test_histories, np.ones(len(test_histories), bool)),
    )
    early_histories = select_events(train_histories, np.repeat(~is_validation, np.diff(train_histories.offsets)))
    for name, count in (
        ("training: before its last day", len(early_histories.items)),
        ("test sessions", len(test_cases)),
    ):
        if count == 0:
            raise FreshetError(name, "nothing is left of it", "give more days, or sessions with two known items")
    n_unknown = len(test.items) - len(test_histories.items)
    return Split(
        vocabulary,
        early_histories,
        validation_cases,
        test_cases,
        exclude_seen=False,
        has_times=True,
        metrics=("hr@20", "mrr@20"),
        counts={
            **_sizes(train_histories, vocabulary),
            "test_sessions": len(test),
            "test_clicks": len(test.items),
            "validation": len(validation_cases),
            "test": len(test_cases),
        },
        notes=(
            f"{n_unknown:,} test clicks on items unknown in training: left out",
            "everybody learned once more from all days, validation's too, for as long as did best on validation",
        ),
        refit=train_histories,
    )


def single_target_cases(histories: Histories, rows: Ints) -> EvalCases:
    """Cases that ask for the one event at each of `rows`, knowing all before it."""
    owners = np.searchsorted(histories.offsets, rows, side="right") - 1
    return EvalCases(histories, owners, rows, np.arange(len(rows) + 1), histories.items[rows])


def id_only_vocabulary(item_ids: Ints | np.ndarray) -> Vocabulary:
    """Items of which nothing is known but their id."""
    size = len(item_ids) + 1
    blanks = np.full(size, "")
    return Vocabulary(
        np.concatenate([[""], item_ids]), blanks, blanks, np.full(size, np.nan), np.zeros(size, dtype=bool)
    )


def _vocabulary(items: np.ndarray) -> tuple[Vocabulary, Ints]:
    """All items, and the index of every row's."""
    ids, index = np.unique(items, return_inverse=True)
    return id_only_vocabulary(ids), index.astype(np.int64) + 1


def _histories(sequences: Sequences, items: Ints, times: Ints) -> Histories:
    types = np.full(len(items), EVENT_TYPE_CODES["view"])
    return Histories(sequences.owners, sequences.offsets, items, types, times, times // DAY_SECONDS)


def _require_times(sequences: Sequences) -> Ints:
    if sequences.times is None:
        raise FreshetError("sessions", "no times in it", "give tab-separated session, item and time")
    return sequences.times


def _drop_unknown_items(histories: Histories) -> Histories:
    return select_events(histories, histories.items > 0)


def _next_event_cases(histories: Histories, owners: np.ndarray) -> EvalCases:
    """Every event of the `owners` (S,) but their first."""
    lengths = np.diff(histories.offsets)
    position = np.arange(len(histories.items)) - np.repeat(histories.offsets[:-1], lengths)
    return single_target_cases(histories, np.flatnonzero((position > 0) & np.repeat(owners, lengths)))


def _sizes(histories: Histories, vocabulary: Vocabulary) -> dict[str, int]:
    return {"shoppers": len(histories), "items": len(vocabulary), "interactions": len(histories.items)}

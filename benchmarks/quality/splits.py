"""Train, validation and test splits of public data; the same for Freshet, the baselines and the peers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.files import Sequences
from freshet.data.columns import EVENT_TYPE_CODES
from freshet.data.eval_cases import EvalCases
from freshet.data.history import Histories, Ints, select_events
from freshet.data.vocabulary import Vocabulary
from freshet.errors import FreshetError

DAY_SECONDS = 86_400
MIN_EVENTS = 3  # events of an evaluated shopper: training, validation and test need one each


@dataclass(frozen=True)
class Split:
    """Every method trains on `train`, chooses its epoch on `validation` and is tested once on `test`.

    refit: training data of a second training before the test, for as many epochs as were best; None: no second
    training.
    """

    vocabulary: Vocabulary
    train: Histories
    validation: EvalCases
    test: EvalCases
    exclude_seen: bool  # items of the history are left out of the lists
    has_times: bool  # False: the times are positions
    metrics: tuple[str, ...]
    counts: dict[str, int]
    notes: tuple[str, ...]
    refit: Histories | None = None

    @property
    def full_train(self) -> Histories:
        """Training data of a method without a validation."""
        return self.refit or self.train


def leave_one_out(sequences: Sequences) -> Split:
    """Leave-one-out: a shopper's last item is the test, the one before it validation, the rest training.

    Raises FreshetError if no shopper has MIN_EVENTS events.
    """
    lengths = np.diff(sequences.offsets)
    evaluated_shoppers = np.flatnonzero(lengths >= MIN_EVENTS)
    if len(evaluated_shoppers) == 0:
        what = f"none of {len(lengths):,} shoppers has {MIN_EVENTS} events (the most is {lengths.max(initial=0)})"
        raise FreshetError("interactions", what, "give histories: training, validation and test need one event each")
    vocabulary, items = _vocabulary(sequences.items)
    positions = np.arange(len(items)) - np.repeat(sequences.offsets[:-1], lengths)
    histories = _histories(sequences, items, positions * DAY_SECONDS)  # no times: one event a day
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
        notes=(f"{n_train_only:,} shoppers with fewer than {MIN_EVENTS} events: all of them training only",)
        if n_train_only
        else (),
    )


def next_click_split(train: Sequences, test: Sequences) -> Split:
    """Next-click prediction after every click of a test session; items of the session may come again.

    Validation: the sessions that end in the last 24 hours of training. The first training is on the days before, the
    second on all days. Test clicks on items that are not in the training data are dropped, then sessions of one click.
    Raises FreshetError if no session is left for the training or the test.
    """
    vocabulary, items = _vocabulary(train.items)
    train_histories = _histories(train, items, _require_times(train))
    test_items = vocabulary.indices(test.items.tolist())
    test_histories = _drop_unknown_items(_histories(test, test_items, _require_times(test)))
    is_validation = _ends_on_last_day(train_histories)
    early_histories = select_events(train_histories, np.repeat(~is_validation, np.diff(train_histories.offsets)))
    validation_cases = _next_event_cases(train_histories, is_validation)
    test_cases = _next_event_cases(test_histories, np.ones(len(test_histories), bool))
    _require_rows("training: before its last day", len(early_histories.items))
    _require_rows("test sessions", len(test_cases))
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
            "a second training on all days, validation included, for as many epochs as were best on validation",
        ),
        refit=train_histories,
    )


def single_target_cases(histories: Histories, rows: Ints) -> EvalCases:
    """Cases whose target is the event at each of `rows`, and whose history is all events before it."""
    owners = np.searchsorted(histories.offsets, rows, side="right") - 1
    return EvalCases(histories, owners, rows, np.arange(len(rows) + 1), histories.items[rows])


def id_only_vocabulary(item_ids: NDArray[np.str_]) -> Vocabulary:
    """A vocabulary of items without titles, categories and prices."""
    size = len(item_ids) + 1
    blanks = np.full(size, "")
    return Vocabulary(
        np.concatenate([[""], item_ids]), blanks, blanks, np.full(size, np.nan), np.zeros(size, dtype=bool)
    )


def _vocabulary(items: NDArray[np.str_]) -> tuple[Vocabulary, Ints]:
    """(the vocabulary, the item index of every row)."""
    ids, index = np.unique(items, return_inverse=True)
    return id_only_vocabulary(ids), index.astype(np.int64) + 1


def _histories(sequences: Sequences, items: Ints, times: Ints) -> Histories:
    types = np.full(len(items), EVENT_TYPE_CODES["view"])
    return Histories(sequences.owners, sequences.offsets, items, types, times, times // DAY_SECONDS)


def _require_times(sequences: Sequences) -> Ints:
    if sequences.times is None:
        raise FreshetError("sessions", "no times in it", "give tab-separated session, item and time")
    return sequences.times


def _require_rows(name: str, count: int) -> None:
    if count == 0:
        raise FreshetError(name, "no events are left", "give more days, or sessions with two known items")


def _ends_on_last_day(sessions: Histories) -> NDArray[np.bool_]:
    """(S,) whether the last click of a session is in the last 24 hours."""
    last_clicks = np.maximum.reduceat(sessions.times, sessions.offsets[:-1])
    return np.asarray(last_clicks > last_clicks.max() - DAY_SECONDS)


def _drop_unknown_items(histories: Histories) -> Histories:
    return select_events(histories, histories.items > 0)


def _next_event_cases(histories: Histories, owners: NDArray[np.bool_]) -> EvalCases:
    """A case for every event but the first of each history that `owners` (S,) selects."""
    lengths = np.diff(histories.offsets)
    position = np.arange(len(histories.items)) - np.repeat(histories.offsets[:-1], lengths)
    return single_target_cases(histories, np.flatnonzero((position > 0) & np.repeat(owners, lengths)))


def _sizes(histories: Histories, vocabulary: Vocabulary) -> dict[str, int]:
    return {"shoppers": len(histories), "items": len(vocabulary), "interactions": len(histories.items)}

"""History parity: the gateway's model input equals the one of training at the same moment, value by value.

For random shoppers and moments the input is built twice: as in training, from the training set; and as in the gateway,
from the latest histories of the day before and an event store that was given the day's events. Both are built with the
widest window, HISTORY_WINDOW events: the input of a model with a shorter `max_history` is its end.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from freshet.data.history import HISTORY_WINDOW, Histories, Ints, ModelInput, model_input, select_events
from freshet.data.history_events import HistoryEvent, to_history
from freshet.data.training_set import TrainingSet
from freshet.features.latest_histories import ShopperEvent, build_latest_histories
from freshet.inference.latest_histories import LatestHistories, merge_events
from freshet.serving.clock import MICROS_PER_SECOND
from freshet.serving.events import event_store, event_store_file
from freshet.serving.schemas.event_schema import PostedEvent, ValidatedEvent

if TYPE_CHECKING:
    import pyarrow as pa

PROBE_DAYS: Final = 3
PROBES_PER_DAY: Final = 100  # shoppers per day
PROBE_SEED: Final = 11


@dataclass(frozen=True)
class HistoryProbe:
    """A moment at which both inputs of one shopper are built: just after `time` on landing day `day`."""

    shopper: str
    shopper_index: int  # in the training set
    day: int  # days since 1970-01-01
    time: int  # seconds since 1970-01-01, UTC


@dataclass(frozen=True)
class HistoryParity:
    """The result of the comparison."""

    probes: int  # number of inputs that were built both ways
    mismatches: tuple[str, ...]  # one sentence per input that differs


def sample_probes(data: TrainingSet) -> list[HistoryProbe]:
    """Return random moments of random shoppers on the last landing days; the same for the same training set."""
    rng, histories = np.random.default_rng(PROBE_SEED), data.histories
    event_shopper = np.repeat(np.arange(len(histories)), np.diff(histories.offsets))
    samples = []
    for day in np.unique(histories.days)[-PROBE_DAYS:]:
        rows = rng.permutation(np.flatnonzero(histories.days == day))
        _, first_rows = np.unique(event_shopper[rows], return_index=True)  # one random moment per shopper
        for row in rng.permutation(rows[first_rows])[:PROBES_PER_DAY]:
            shopper_index = int(event_shopper[row])
            samples.append(
                HistoryProbe(str(histories.shoppers[shopper_index]), shopper_index, int(day), int(histories.times[row]))
            )
    return samples


def gateway_view(
    day_events: Mapping[str, Sequence[ShopperEvent]], day_probes: Sequence[HistoryProbe]
) -> dict[str, list[HistoryEvent]]:
    """Return shopper → the events that the gateway's event store returns at the moment of the shopper's probe.

    day_probes: the probes of one day. day_events: shopper → all events of that day, in the order of arrival.
    """
    rows = [
        (
            probe.shopper,
            ValidatedEvent(PostedEvent(item_id=item, event_type=event_type), f"{probe.shopper}-{position}", micros),
        )
        for probe in day_probes
        for position, (item, event_type, micros) in enumerate(day_events[probe.shopper])
        if micros // MICROS_PER_SECOND <= probe.time
    ]
    with tempfile.TemporaryDirectory() as folder:
        event_store_file.create_store(Path(folder))
        with closing(event_store_file.connect(Path(folder))) as connection:
            connection.execute("BEGIN")
            event_store.add_events(connection, rows, day_probes[0].day)
            connection.execute("COMMIT")
            return {probe.shopper: event_store.recent_events(connection, probe.shopper).events for probe in day_probes}


def compare_views(
    data: TrainingSet,
    rows: "pa.Table",
    gateway_events: Mapping[int, Mapping[str, Sequence[HistoryEvent]]],
    max_events: int,
) -> HistoryParity:
    """Build and compare both inputs of every probe.

    rows: history fragments of all days. gateway_events: day → shopper → the events of `gateway_view`. max_events:
    events per shopper in the latest histories.
    """
    sampled_probes, mismatches = sample_probes(data), []
    for day, day_probes in probes_by_day(sampled_probes):
        latest = _latest_before(rows, day, [probe.shopper for probe in day_probes], max_events)
        for probe in day_probes:
            events = merge_events(latest.for_shopper(probe.shopper), gateway_events[day][probe.shopper])
            gateway_input = model_input(to_history(events, data.vocabulary), HISTORY_WINDOW)
            mismatches += _mismatches(probe, _training_view(data.histories, probe), gateway_input)
    return HistoryParity(len(sampled_probes), tuple(mismatches))


def probes_by_day(day_probes: Sequence[HistoryProbe]) -> Iterator[tuple[int, list[HistoryProbe]]]:
    """Yield each day with its probes, at most one per shopper."""
    for day in sorted({probe.day for probe in day_probes}):
        yield day, [probe for probe in day_probes if probe.day == day]


def _latest_before(rows: "pa.Table", day: int, shoppers: Sequence[str], max_events: int) -> LatestHistories:
    """Return the latest histories of these shoppers as they were published before that day."""
    import pyarrow as pa
    import pyarrow.compute as pc

    is_earlier = pc.less(rows["landing_date"].cast(pa.int32()), day)
    fragments = rows.filter(pc.and_(is_earlier, pc.is_in(rows["shopper"], pa.array(shoppers, pa.string()))))
    return LatestHistories("", date.min, **build_latest_histories(fragments, max_events))


def _training_view(histories: Histories, probe: HistoryProbe) -> ModelInput:
    """Return the input of training: events that landed before the day, or that happened on it up to the moment."""
    rows = slice(histories.offsets[probe.shopper_index], histories.offsets[probe.shopper_index + 1])
    history = Histories(
        shoppers=histories.shoppers[probe.shopper_index : probe.shopper_index + 1],
        offsets=np.array([0, rows.stop - rows.start]),
        items=histories.items[rows],
        types=histories.types[rows],
        times=histories.times[rows],
        days=histories.days[rows],
    )
    is_visible = (history.days < probe.day) | ((history.days == probe.day) & (history.times <= probe.time))
    visible_rows = np.flatnonzero(is_visible)
    is_visible[visible_rows[: max(0, len(visible_rows) - HISTORY_WINDOW)]] = False
    return model_input(select_events(history, is_visible), HISTORY_WINDOW)


def _mismatches(probe: HistoryProbe, training_input: ModelInput, gateway_input: ModelInput) -> list[str]:
    """Return a list of one sentence if any value differs, else an empty list."""
    pairs: Mapping[str, tuple[Ints, Ints]] = {
        name: (getattr(training_input, name), getattr(gateway_input, name))
        for name in ("items", "types", "gaps", "times")
    }
    differing_fields = [name for name, (left, right) in pairs.items() if not np.array_equal(left, right)]
    if not differing_fields:
        return []
    timestamp = np.datetime64(probe.time, "s")
    return [f"shopper {probe.shopper[:8]} at {timestamp}: {', '.join(differing_fields)} differ"]

"""History parity: the gateway's model input is the one that training would have made at that moment, value by value.

For random shoppers and moments the input is made twice. Once as training makes it, from the training set; once as the
gateway makes it, from the latest histories of the day before and from its own store, told the events of the day.
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
from freshet.model.params import TrainParams
from freshet.serving.clock import MICROS_PER_SECOND
from freshet.serving.events import event_store, event_store_file
from freshet.serving.schemas.event_schema import PostedEvent as PostedEvent
from freshet.serving.schemas.event_schema import ValidatedEvent

if TYPE_CHECKING:
    import pyarrow as pa

PROBE_DAYS: Final = 3
PROBES_PER_DAY: Final = 100  # shoppers a day
PROBE_SEED: Final = 11


@dataclass(frozen=True)
class HistoryProbe:
    """One shopper, asked about right after `time` on landing day `day`."""

    shopper: str
    shopper_index: int  # of the shopper in the training set
    day: int  # since 1970
    time: int  # seconds since 1970


@dataclass(frozen=True)
class HistoryParity:
    """How many model inputs were made both ways, and which came out differently."""

    probes: int
    mismatches: tuple[str, ...]  # in words, one each


def sample_probes(data: TrainingSet) -> list[HistoryProbe]:
    """Random moments of random shoppers, on the last days on which anything landed. The same for the same set."""
    rng, histories = np.random.default_rng(PROBE_SEED), data.histories
    event_shopper = np.repeat(np.arange(len(histories)), np.diff(histories.offsets))
    samples = []
    for day in np.unique(histories.days)[-PROBE_DAYS:]:
        rows = rng.permutation(np.flatnonzero(histories.days == day))
        _, first_rows = np.unique(event_shopper[rows], return_index=True)  # one random moment of each shopper
        for row in rng.permutation(rows[first_rows])[:PROBES_PER_DAY]:
            shopper_index = int(event_shopper[row])
            samples.append(
                HistoryProbe(str(histories.shoppers[shopper_index]), shopper_index, int(day), int(histories.times[row]))
            )
    return samples


def gateway_view(
    day_events: Mapping[str, Sequence[ShopperEvent]], day_probes: Sequence[HistoryProbe]
) -> dict[str, list[HistoryEvent]]:
    """Shopper → what the gateway's store gives back at the moment of their probe.

    asked: the probes of one day. told: each of their shoppers' events of that day, in the order of arrival.
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
    """Compare both ways for every probe.

    rows: fragments of all days; own: day → shopper → what the gateway's store knows of that day at the moment asked.
    """
    sampled_probes, mismatches = sample_probes(data), []
    for day, day_probes in probes_by_day(sampled_probes):
        latest = _latest_before(rows, day, [probe.shopper for probe in day_probes], max_events)
        for probe in day_probes:
            events = merge_events(latest.for_shopper(probe.shopper), gateway_events[day][probe.shopper])
            gateway_input = model_input(to_history(events, data.vocabulary), TrainParams().max_history)
            mismatches += _mismatches(probe, _training_view(data.histories, probe), gateway_input)
    return HistoryParity(len(sampled_probes), tuple(mismatches))


def probes_by_day(day_probes: Sequence[HistoryProbe]) -> Iterator[tuple[int, list[HistoryProbe]]]:
    """Each probed day with its probes, one of a shopper."""
    for day in sorted({probe.day for probe in day_probes}):
        yield day, [probe for probe in day_probes if probe.day == day]


def _latest_before(rows: "pa.Table", day: int, shoppers: Sequence[str], max_events: int) -> LatestHistories:
    """The latest histories as they were published before that day, of the shoppers asked about."""
    import pyarrow as pa
    import pyarrow.compute as pc

    is_earlier = pc.less(rows["landing_date"].cast(pa.int32()), day)
    fragments = rows.filter(pc.and_(is_earlier, pc.is_in(rows["shopper"], pa.array(shoppers, pa.string()))))
    return LatestHistories("", date.min, **build_latest_histories(fragments, max_events))


def _training_view(histories: Histories, probe: HistoryProbe) -> ModelInput:
    """The input as it is judged on: of what had landed before that day, or had happened on it by the moment."""
    rows = slice(histories.offsets[probe.shopper_index], histories.offsets[probe.shopper_index + 1])
    history = Histories(
        histories.shoppers[probe.shopper_index : probe.shopper_index + 1],
        np.array([0, rows.stop - rows.start]),
        histories.items[rows], histories.types[rows], histories.times[rows], histories.days[rows],
    )  # fmt: skip
    is_visible = (history.days < probe.day) | ((history.days == probe.day) & (history.times <= probe.time))
    visible_rows = np.flatnonzero(is_visible)
    is_visible[visible_rows[: max(0, len(visible_rows) - HISTORY_WINDOW)]] = False
    return model_input(select_events(history, is_visible), TrainParams().max_history)


def _mismatches(probe: HistoryProbe, training_input: ModelInput, gateway_input: ModelInput) -> list[str]:
    """Nothing where all values are equal, else one sentence."""
    pairs: Mapping[str, tuple[Ints, Ints]] = {
        name: (getattr(training_input, name), getattr(gateway_input, name))
        for name in ("items", "types", "gaps", "times")
    }
    differing_fields = [name for name, (left, right) in pairs.items() if not np.array_equal(left, right)]
    if not differing_fields:
        return []
    timestamp = np.datetime64(probe.time, "s")
    return [f"shopper {probe.shopper[:8]} at {timestamp}: {', '.join(differing_fields)} differ"]

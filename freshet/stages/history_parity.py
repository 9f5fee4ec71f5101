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

from freshet.history import WINDOW, Histories, Ints, ModelInput, model_input, select
from freshet.live.latest import LatestHistories, merged
from freshet.live.released import Event, history_of
from freshet.model.params import TrainParams
from freshet.serving import ledger, ledger_file
from freshet.serving.clock import SECOND
from freshet.serving.posted import Accepted
from freshet.serving.posted import Event as Posted
from freshet.tables.latest import Told, gathered
from freshet.training_set import TrainingSet

if TYPE_CHECKING:
    import pyarrow as pa

PROBED_DAYS: Final = 3
PROBES: Final = 100  # shoppers a day
SEED: Final = 11


@dataclass(frozen=True)
class Probe:
    """One shopper, asked about right after `time` on landing day `day`."""

    shopper: str
    place: int  # of the shopper in the training set
    day: int  # since 1970
    time: int  # seconds since 1970


@dataclass(frozen=True)
class Parity:
    """How many model inputs were made both ways, and which came out differently."""

    probes: int
    unlike: tuple[str, ...]  # in words, one each


def probes(data: TrainingSet) -> list[Probe]:
    """Random moments of random shoppers, on the last days on which anything landed. The same for the same set."""
    rng, histories = np.random.default_rng(SEED), data.histories
    owner = np.repeat(np.arange(len(histories)), np.diff(histories.offsets))
    found = []
    for day in np.unique(histories.days)[-PROBED_DAYS:]:
        rows = rng.permutation(np.flatnonzero(histories.days == day))
        _, first = np.unique(owner[rows], return_index=True)  # one random moment of each shopper
        for row in rng.permutation(rows[first])[:PROBES]:
            place = int(owner[row])
            found.append(Probe(str(histories.shoppers[place]), place, int(day), int(histories.times[row])))
    return found


def at_the_gateway(told: Mapping[str, Sequence[Told]], asked: Sequence[Probe]) -> dict[str, list[Event]]:
    """Shopper → what the gateway's store gives back at the moment of their probe.

    asked: the probes of one day. told: each of their shoppers' events of that day, in the order of arrival.
    """
    rows = [
        (probe.shopper, Accepted(Posted(item_id=item, event_type=kind), f"{probe.shopper}-{place}", micros))
        for probe in asked
        for place, (item, kind, micros) in enumerate(told[probe.shopper])
        if micros // SECOND <= probe.time
    ]
    with tempfile.TemporaryDirectory() as folder:
        ledger_file.create(Path(folder))
        with closing(ledger_file.connect(Path(folder))) as connection:
            connection.execute("BEGIN")
            ledger.add(connection, rows, asked[0].day)
            connection.execute("COMMIT")
            return {probe.shopper: ledger.recent(connection, probe.shopper).events for probe in asked}


def parity(data: TrainingSet, rows: "pa.Table", own: Mapping[int, Mapping[str, Sequence[Event]]], kept: int) -> Parity:
    """Compare both ways for every probe.

    rows: fragments of all days; own: day → shopper → what the gateway's store knows of that day at the moment asked.
    """
    asked, unlike = probes(data), []
    for day, some in asked_by_day(asked):
        before = _before(rows, day, [probe.shopper for probe in some], kept)
        for probe in some:
            known = merged(before.of(probe.shopper), own[day][probe.shopper])
            served = model_input(history_of(known, data.vocabulary), TrainParams().length)
            unlike += _difference(probe, _trained(data.histories, probe), served)
    return Parity(len(asked), tuple(unlike))


def asked_by_day(asked: Sequence[Probe]) -> Iterator[tuple[int, list[Probe]]]:
    """Each probed day with its probes, one of a shopper."""
    for day in sorted({probe.day for probe in asked}):
        yield day, [probe for probe in asked if probe.day == day]


def _before(rows: "pa.Table", day: int, shoppers: Sequence[str], kept: int) -> LatestHistories:
    """The latest histories as they were published before that day, of the shoppers asked about."""
    import pyarrow as pa
    import pyarrow.compute as pc

    earlier = pc.less(rows["landing_date"].cast(pa.int32()), day)
    theirs = rows.filter(pc.and_(earlier, pc.is_in(rows["shopper"], pa.array(shoppers, pa.string()))))
    return LatestHistories("", date.min, **gathered(theirs, kept))


def _trained(histories: Histories, probe: Probe) -> ModelInput:
    """The input as it is judged on: of what had landed before that day, or had happened on it by the moment."""
    rows = slice(histories.offsets[probe.place], histories.offsets[probe.place + 1])
    own = Histories(
        histories.shoppers[probe.place : probe.place + 1],
        np.array([0, rows.stop - rows.start]),
        histories.items[rows], histories.types[rows], histories.times[rows], histories.days[rows],
    )  # fmt: skip
    known = (own.days < probe.day) | ((own.days == probe.day) & (own.times <= probe.time))
    rows_known = np.flatnonzero(known)
    known[rows_known[: max(0, len(rows_known) - WINDOW)]] = False
    return model_input(select(own, known), TrainParams().length)


def _difference(probe: Probe, trained: ModelInput, served: ModelInput) -> list[str]:
    """Nothing where all values are equal, else one sentence."""
    pairs: Mapping[str, tuple[Ints, Ints]] = {
        name: (getattr(trained, name), getattr(served, name)) for name in ("items", "types", "gaps", "times")
    }
    wrong = [name for name, (one, other) in pairs.items() if not np.array_equal(one, other)]
    if not wrong:
        return []
    when = np.datetime64(probe.time, "s")
    return [f"shopper {probe.shopper[:8]} at {when}: {', '.join(wrong)} differ"]

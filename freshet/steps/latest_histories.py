"""The asset `latest_histories`: every shopper's last events, which a gateway starts from, with a parity check."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freshet.artifacts import LatestHistoriesRef, TrainingSetRef
from freshet.data.day_numbers import day_from_number
from freshet.data.history import HISTORY_WINDOW
from freshet.features.latest_histories import build_latest_histories, read_day_events, read_fragments
from freshet.inference.latest_histories import (
    HISTORIES_FOLDER,
    MANIFEST,
    LatestHistories,
    open_latest_histories,
    save_latest_histories,
)
from freshet.settings import Settings
from freshet.steps.history_parity import HistoryParity, compare_views, gateway_view, probes_by_day, sample_probes
from freshet.steps.step_result import StepResult, store_if_passed
from freshet.store import Store
from freshet.tables.reader import load_training_set


@dataclass(frozen=True)
class LatestHistoriesStats:
    """Counts for the asset's page."""

    shoppers: int
    events: int
    parity: HistoryParity


def make_latest_histories(
    settings: Settings, store: Store, ref: TrainingSetRef, max_events: int = HISTORY_WINDOW
) -> StepResult[LatestHistoriesStats, LatestHistoriesRef]:
    """Build the latest histories, today's events included, and store them if the gate passes.

    max_events: per shopper. Raises LakeError if a snapshot of the training set is missing.
    """
    rows = read_fragments(settings, ref.snapshots["histories"])
    arrays = build_latest_histories(rows, max_events)
    data = load_training_set(settings, ref)
    history_probes = sample_probes(data)
    gateway_events = {
        day: gateway_view(
            read_day_events(settings, day_from_number(day), [probe.shopper for probe in day_probes]), day_probes
        )
        for day, day_probes in probes_by_day(history_probes)
    }
    history_parity = compare_views(data, rows, gateway_events, max_events)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        as_of = day_from_number(int(arrays["days"].max(initial=0)))
        histories_id = save_latest_histories(arrays, as_of, folder)
        profile = _profile(arrays, open_latest_histories(folder, histories_id), history_parity)
        stats = LatestHistoriesStats(len(arrays["shoppers"]), len(arrays["items"]), history_parity)

        def store_histories() -> LatestHistoriesRef:
            store.put_folder(folder, f"{HISTORIES_FOLDER}/{histories_id}", MANIFEST)
            return LatestHistoriesRef(id=histories_id, as_of=as_of)

        return store_if_passed(HISTORIES_FOLDER, profile, settings, value=stats, store_artifact=store_histories)


def _profile(
    arrays: Mapping[str, NDArray[Any]], reopened: LatestHistories, history_parity: HistoryParity
) -> Mapping[str, object]:
    event_shopper = np.repeat(np.arange(len(arrays["shoppers"])), np.diff(arrays["offsets"]))
    out_of_order = (np.diff(arrays["times"]) < 0) & (np.diff(event_shopper) == 0)
    is_identical = all(np.array_equal(getattr(reopened, name), values) for name, values in arrays.items())
    return {
        "shoppers": len(arrays["shoppers"]),
        "events": len(arrays["items"]),
        "unsorted": int((arrays["shoppers"][1:] <= arrays["shoppers"][:-1]).sum()),
        "unordered": int(out_of_order.sum()),
        "corrupt": int(not is_identical),
        "probes": history_parity.probes,
        "mismatched_inputs": len(history_parity.mismatches),
        "mismatched_inputs_examples": "; ".join(history_parity.mismatches[:3]),
    }

"""The asset `latest_histories`, without Dagster: what a gateway starts from, proven to be what training sees."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from freshet.history import WINDOW
from freshet.live.latest import FOLDER, MANIFEST, LatestHistories, open_latest, save_latest
from freshet.references import LatestRef, TrainingSetRef
from freshet.settings import Settings
from freshet.stages.history_parity import Parity, asked_by_day, at_the_gateway, parity, probes
from freshet.stages.outcome import Outcome, judged
from freshet.store import Store
from freshet.tables.latest import fragments, gathered, own_events
from freshet.tables.reading import EPOCH, load_training_set


@dataclass(frozen=True)
class Made:
    """What was gathered, for the asset's page."""

    shoppers: int
    events: int
    parity: Parity


def make_latest(settings: Settings, store: Store, ref: TrainingSetRef, kept: int = WINDOW) -> Outcome[Made, LatestRef]:
    """Gather the latest histories, today's included, and publish them if the gate passes.

    kept: events per shopper. Raises LakeError where a snapshot of the training set is gone.
    """
    rows = fragments(settings, ref.snapshots["histories"])
    arrays = gathered(rows, kept)
    data = load_training_set(settings, ref)
    asked = probes(data)
    own = {
        day: at_the_gateway(own_events(settings, EPOCH + timedelta(days=day), [p.shopper for p in some]), some)
        for day, some in asked_by_day(asked)
    }
    found = parity(data, rows, own, kept)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        as_of = EPOCH + timedelta(days=int(arrays["days"].max(initial=0)))
        name = save_latest(arrays, as_of, folder)
        profile = _profile(arrays, open_latest(folder, name), found)
        judgement = judged("latest_histories", profile, settings)
        made = Made(len(arrays["shoppers"]), len(arrays["items"]), found)
        if judgement.bad():
            return Outcome(judgement, made, None)
        store.put_folder(folder, f"{FOLDER}/{name}", MANIFEST)
    return Outcome(judgement, made, LatestRef(id=name, as_of=as_of))


def _profile(arrays: Mapping[str, NDArray[Any]], back: LatestHistories, found: Parity) -> Mapping[str, object]:
    owner = np.repeat(np.arange(len(arrays["shoppers"])), np.diff(arrays["offsets"]))
    backwards = (np.diff(arrays["times"]) < 0) & (np.diff(owner) == 0)
    same = all(np.array_equal(getattr(back, name), values) for name, values in arrays.items())
    return {
        "shoppers": len(arrays["shoppers"]),
        "events": len(arrays["items"]),
        "unsorted": int((arrays["shoppers"][1:] <= arrays["shoppers"][:-1]).sum()),
        "unordered": int(backwards.sum()),
        "corrupt": int(not same),
        "probes": found.probes,
        "unlike": len(found.unlike),
        "unlike_who": "; ".join(found.unlike[:3]),
    }

"""The asset `edge_bundle`, without Dagster: the bundle made small, and kept only if it answers like the full one."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from freshet.cases import Cases, next_basket_cases
from freshet.errors import BundleError
from freshet.judge.parity import Mixed, Rung, climb, probes
from freshet.live.bundle import GOLDEN, MODEL_CARD, Bundle, model_card, open_bundle
from freshet.live.golden import check_golden, make_golden, whole_golden
from freshet.live.journal import bundle_path
from freshet.live.manifest import MANIFEST, seal
from freshet.live.ranker import open_ranker
from freshet.live.released import fetch_bundle
from freshet.live.scorer import rows
from freshet.references import BundleRef, EdgeRef
from freshet.settings import Settings
from freshet.stages.edge_files import write_edge
from freshet.stages.outcome import Outcome, judged
from freshet.store import Store
from freshet.tables.reading import load_training_set
from freshet.training_set import TrainingSet
from freshet.version import code_version

ROOM: Final = 5_000_000  # bytes for up to ROOM_ITEMS items, and as many more an item beyond
ROOM_ITEMS: Final = 10_000
PARITY_CASES: Final = 1000
GOLDENS: Final = 8
SEED: Final = 7


@dataclass(frozen=True)
class Edge:
    """An edge bundle with what its gate saw. files: name → bytes, the manifest included."""

    bundle: Bundle
    rung: Rung
    files: Mapping[str, int]
    room: int


def make_edge(settings: Settings, store: Store, ref: BundleRef) -> Outcome[Edge | None, EdgeRef]:
    """A small bundle out of the full one that `ref` names, stored beside it if the gate passes.

    Raises BundleError or LakeError where the full one cannot be read.
    """
    data = load_training_set(settings, ref.model.training_set)
    full = fetch_bundle(store, ref.id, settings.cache)
    with tempfile.TemporaryDirectory() as temporary:
        edge, why = shrunk(full, data, Path(temporary))
        judgement = judged("edge_bundle", profile(edge, why), settings)
        if edge is None or judgement.bad():
            return Outcome(judgement, edge, None)
        store.put_folder(Path(temporary), bundle_path(edge.bundle.id), MANIFEST)
    return Outcome(judgement, edge, EdgeRef(id=edge.bundle.id, bundle=ref))


def shrunk(full: Bundle, data: TrainingSet, folder: Path) -> tuple[Edge | None, str]:
    """The edge bundle in `folder`, held against the full one's fp32 answers; or None and why it is none."""
    length, items = full.manifest.length, len(full.vocabulary)
    made_up = probes(length, items, SEED)
    golden = next(p.batch for p in made_up if p.name.startswith("mixed padding, batch of 64"))
    write_edge(full, folder)
    (folder / MODEL_CARD).write_text(model_card(full) + "\nMade small for the edge: int8 throughout.\n", "utf-8")
    reference = open_ranker(full, "fp32").encode
    never = full.vocabulary.tombstones | (np.arange(items + 1) == 0)
    asked = rows(golden, 0, GOLDENS)
    try:
        make_golden(asked, reference(asked), folder / GOLDEN)
        answers = open_ranker(_sealed(full, folder))
        make_golden(asked, answers.encode(asked), folder / GOLDEN, whole_golden(answers, asked))
        ranker = open_ranker(_sealed(full, folder))
        rung = climb(
            "int8", reference, ranker.encode, full.item_vectors, never, made_up, _cases(data), length,
            ranker.bundle.item_vectors, _mixing(full), _mixing(ranker.bundle),
        )  # fmt: skip
        check_golden(ranker)
    except BundleError as error:
        return None, str(error)
    files = {path.name: path.stat().st_size for path in folder.iterdir()}
    return Edge(ranker.bundle, rung, files, ROOM * max(items, ROOM_ITEMS) // ROOM_ITEMS), ""


def profile(edge: Edge | None, why: str) -> Mapping[str, object]:
    """What the gate judges."""
    if edge is None:
        return {**dict.fromkeys(("overlap", "ndcg_loss", "share_of_room")), "corrupt": 1, "corrupt_why": why}
    size = sum(edge.files.values())
    return {
        "overlap": edge.rung.overlap,
        "worst": edge.rung.sentence,
        "ndcg_loss": edge.rung.ndcg_loss,
        "bytes": size,
        "room": edge.room,
        "share_of_room": size / edge.room,
        "largest": max(edge.files, key=lambda name: edge.files[name]),
        "corrupt": int(not np.isfinite(edge.rung.max_difference)),
        "corrupt_why": edge.rung.sentence,
    }


def _mixing(bundle: Bundle) -> Mixed:
    """What the bundle's ranker adds to the scores of its encoder."""
    return bundle.baselines.tables, bundle.manifest.blend


def _sealed(full: Bundle, folder: Path) -> Bundle:
    manifest = full.manifest
    name = seal(
        folder,
        created_by=code_version(),
        precision="int8",
        length=manifest.length,
        event_type=manifest.event_type,
        item_inputs=manifest.item_inputs,
        blend=manifest.blend,
        lineage={**manifest.lineage, "edge_of": full.id},
        parameters=manifest.parameters,
        metrics=manifest.metrics,
    )
    return open_bundle(folder, name)


def _cases(data: TrainingSet) -> Cases:
    cases = next_basket_cases(data.histories, data.cut, data.as_of)
    chosen = np.random.default_rng(SEED).permutation(len(cases))[:PARITY_CASES]
    return cases.take(np.sort(chosen))

"""Why a bundle waits for a person: it was taken back. A rollback is binding, for the same model sealed again, too."""

from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError

from freshet.errors import LakeError
from freshet.inference.bundle import BASELINES_FILE, VOCABULARY_FILE
from freshet.inference.manifest import MANIFEST, Manifest
from freshet.releases.journal import JournalEntry, bundle_path, rolled_back_bundles
from freshet.store import Store

DATA_FILES: Final = (
    VOCABULARY_FILE,
    BASELINES_FILE,
)  # files that say which data: they are made of it, whatever the training does


def rollback_reason(store: Store, entries: Sequence[JournalEntry], bundle_id: str) -> str:
    """Who took this bundle back, or the same model under another name, when and why; "" where nobody did.

    `it was taken back by ann on 2026-11-28 (release 3): conversion fell`, half a sentence as a verdict's reasons are.
    entries: the journal's, oldest first. A bundle whose manifest is gone or of another version is known by name only.
    """
    for other, rollback in rolled_back_bundles(entries).items():
        if other == bundle_id or _both_same_model(_read_manifest(store, bundle_id), _read_manifest(store, other)):
            what = "it was" if other == bundle_id else f"it is the same model as bundle {other[:12]}, which was"
            when = f"{rollback.at:%Y-%m-%d} ({rollback.title.partition(' (')[0]})"
            return f"{what} taken back by {rollback.by} on {when}: {rollback.why}"
    return ""


def is_same_model(first: Manifest, second: Manifest) -> bool:
    """Whether two bundles hold one model: the same weights, or the same data, parameters and code trained once more.

    Sealed by another version of Freshet the same weights are another bundle; on several threads or a GPU the same
    training gives other weights. Of a bundle whose lineage names no model nothing is known.
    """
    if not first.lineage.get("model") or not second.lineage.get("model"):
        return False
    return first.lineage["model"] == second.lineage["model"] or _training_inputs(first) == _training_inputs(second)


def _training_inputs(manifest: Manifest) -> tuple[object, ...]:
    # Snapshots are no help: a day that is run again with the same rows has another one.
    data = tuple(manifest.files[name].sha256 if name in manifest.files else "" for name in DATA_FILES)
    return manifest.created_by, manifest.parameters, data


def _both_same_model(first: Manifest | None, second: Manifest | None) -> bool:
    return first is not None and second is not None and is_same_model(first, second)


def _read_manifest(store: Store, bundle_id: str) -> Manifest | None:
    try:
        return Manifest.model_validate_json(store.get(f"{bundle_path(bundle_id)}/{MANIFEST}"))
    except (LakeError, ValidationError):
        return None

"""Rolled-back bundles: such a bundle, or the same model sealed again, is only released again by a person."""

from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError

from freshet.errors import LakeError
from freshet.inference.bundle import BASELINES_FILE, VOCABULARY_FILE
from freshet.inference.manifest import MANIFEST, Manifest
from freshet.releases.journal import JournalEntry, bundle_path, rolled_back_bundles
from freshet.store import Store

DATA_FILES: Final = (VOCABULARY_FILE, BASELINES_FILE)  # they depend on the training data, not on the training


def rollback_reason(store: Store, entries: Sequence[JournalEntry], bundle_id: str) -> str:
    """Return who rolled this bundle or the same model back, when and why; "" if it was not rolled back.

    `it was rolled back by ann on 2026-11-28 (release 3): conversion fell`, a clause like a verdict's reasons.
    entries: the journal's, oldest first. A bundle whose manifest is gone or of another version is compared by id only.
    """
    for other, rollback in rolled_back_bundles(entries).items():
        if other == bundle_id or _both_same_model(_read_manifest(store, bundle_id), _read_manifest(store, other)):
            subject = "it was" if other == bundle_id else f"it is the same model as bundle {other[:12]}, which was"
            when = f"{rollback.at:%Y-%m-%d} ({rollback.title.partition(' (')[0]})"
            return f"{subject} rolled back by {rollback.by} on {when}: {rollback.why}"
    return ""


def is_same_model(first: Manifest, second: Manifest) -> bool:
    """Whether two bundles hold the same model: equal weights, or equal data, parameters and code.

    The same weights sealed by another version of Freshet are another bundle, and on several threads or a GPU the same
    training gives other weights. False if a bundle's lineage names no model.
    """
    if not first.lineage.get("model") or not second.lineage.get("model"):
        return False
    return first.lineage["model"] == second.lineage["model"] or _training_inputs(first) == _training_inputs(second)


def _training_inputs(manifest: Manifest) -> tuple[object, ...]:
    # Not the snapshots: a day that is run again with the same rows has another one.
    data = tuple(manifest.files[name].sha256 if name in manifest.files else "" for name in DATA_FILES)
    return manifest.created_by, manifest.parameters, data


def _both_same_model(first: Manifest | None, second: Manifest | None) -> bool:
    return first is not None and second is not None and is_same_model(first, second)


def _read_manifest(store: Store, bundle_id: str) -> Manifest | None:
    try:
        return Manifest.model_validate_json(store.get(f"{bundle_path(bundle_id)}/{MANIFEST}"))
    except (LakeError, ValidationError):
        return None

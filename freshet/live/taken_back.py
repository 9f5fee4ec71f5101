"""Why a bundle waits for a person: it was taken back. A rollback is binding, for the same model sealed again, too."""

from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError

from freshet.errors import LakeError
from freshet.live.bundle import BASELINES, VOCABULARY
from freshet.live.journal import Entry, bundle_path, taken_back
from freshet.live.manifest import MANIFEST, Manifest
from freshet.store import Store

FROM_DATA: Final = (VOCABULARY, BASELINES)  # files that say which data: they are made of it, whatever the training does


def why_taken_back(store: Store, entries: Sequence[Entry], bundle: str) -> str:
    """Who took this bundle back, or the same model under another name, when and why; "" where nobody did.

    `it was taken back by ann on 2026-11-28 (release 3): conversion fell`, half a sentence as a verdict's reasons are.
    entries: the journal's, oldest first. A bundle whose manifest is gone or of another version is known by name only.
    """
    for other, rollback in taken_back(entries).items():
        if other == bundle or _are_same(_manifest(store, bundle), _manifest(store, other)):
            what = "it was" if other == bundle else f"it is the same model as bundle {other[:12]}, which was"
            when = f"{rollback.at:%Y-%m-%d} ({rollback.title.partition(' (')[0]})"
            return f"{what} taken back by {rollback.by} on {when}: {rollback.why}"
    return ""


def same_model(one: Manifest, other: Manifest) -> bool:
    """Whether two bundles hold one model: the same weights, or the same data, parameters and code trained once more.

    Sealed by another version of Freshet the same weights are another bundle; on several threads or a GPU the same
    training gives other weights. Of a bundle whose lineage names no model nothing is known.
    """
    if not one.lineage.get("model") or not other.lineage.get("model"):
        return False
    return one.lineage["model"] == other.lineage["model"] or _recipe(one) == _recipe(other)


def _recipe(manifest: Manifest) -> tuple[object, ...]:
    # Snapshots are no help: a day that is run again with the same rows has another one.
    data = tuple(manifest.files[name].sha256 if name in manifest.files else "" for name in FROM_DATA)
    return manifest.created_by, manifest.parameters, data


def _are_same(one: Manifest | None, other: Manifest | None) -> bool:
    return one is not None and other is not None and same_model(one, other)


def _manifest(store: Store, bundle: str) -> Manifest | None:
    try:
        return Manifest.model_validate_json(store.get(f"{bundle_path(bundle)}/{MANIFEST}"))
    except (LakeError, ValidationError):
        return None

"""Whether the bundle that serves still lies whole in the lake: a restart has nothing else to open."""

from freshet.errors import FreshetError
from freshet.inference.manifest import MANIFEST
from freshet.releases.journal import bundle_path, rollback_advice
from freshet.serving.http.errors import Problem
from freshet.serving.recommend.active_release import LoadedRelease
from freshet.store import Store


def bundle_files_problem(store: Store, release: LoadedRelease) -> Problem | None:
    """What is wrong with the bundle's files in the lake; None where all are there, as large as they were sealed."""
    bundle, path = release.bundle, bundle_path(release.bundle.id)
    try:
        stored_sizes = {stamp.path.rpartition("/")[2]: stamp.bytes for stamp in store.list_info(path)}
    except FreshetError:
        return None  # the lake cannot be reached: that is told already
    expected_sizes = {name: entry.bytes for name, entry in bundle.manifest.files.items()}
    mismatches = sorted(name for name, size in expected_sizes.items() if stored_sizes.get(name) != size)
    if MANIFEST not in stored_sizes:
        mismatches = [MANIFEST, *mismatches]
    if not mismatches:
        return None
    status = (
        "is gone from the lake" if not stored_sizes else f"is no longer whole in the lake ({', '.join(mismatches)})"
    )
    what = f"the bundle that serves {status}; it goes on answering, but would not come up again after a restart"
    return Problem(store.full_path(path), what, rollback_advice(store, release.number))

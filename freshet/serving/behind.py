"""Whether the bundle that serves still lies whole in the lake: a restart has nothing else to open."""

from freshet.errors import FreshetError
from freshet.live.journal import bundle_path, rollback_advice
from freshet.live.manifest import MANIFEST
from freshet.serving.problems import Problem
from freshet.serving.served import Serving
from freshet.store import Store


def missing_from_the_lake(store: Store, serving: Serving) -> Problem | None:
    """What is wrong with the bundle's files in the lake; None where all are there, as large as they were sealed."""
    bundle, path = serving.bundle, bundle_path(serving.bundle.id)
    try:
        there = {stamp.path.rpartition("/")[2]: stamp.bytes for stamp in store.stamps(path)}
    except FreshetError:
        return None  # the lake cannot be reached: that is told already
    wanted = {name: entry.bytes for name, entry in bundle.manifest.files.items()}
    wrong = sorted(name for name, size in wanted.items() if there.get(name) != size)
    if MANIFEST not in there:
        wrong = [MANIFEST, *wrong]
    if not wrong:
        return None
    gone = "is gone from the lake" if not there else f"is no longer whole in the lake ({', '.join(wrong)})"
    what = f"the bundle that serves {gone}; it goes on answering, but would not come up again after a restart"
    return Problem(store.where(path), what, rollback_advice(store, serving.number))

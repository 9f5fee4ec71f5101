"""The bundle check: run in a separate process before the gateway loads a bundle.

    python -m freshet.serving.releases.check_bundle LAKE CACHE BUNDLE SECONDS DEVICE < histories.json

Fetches and verifies the bundle, opens its encoders, compares its golden requests and ranks for recent histories. Prints
one JSON object: the report, or the problem. The kernel ends the process after SECONDS.
"""

import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freshet.data.history_events import HistoryEvent, to_histories
from freshet.errors import BundleError, FreshetError
from freshet.inference.golden_requests import check_golden_requests
from freshet.inference.manifest import REBUILD_FIX
from freshet.releases.current import fetch_bundle
from freshet.serving.recommend.fallback import warm_up
from freshet.serving.recommend.loaded_release import load_release
from freshet.store import open_store

if TYPE_CHECKING:
    from freshet.inference.ranker import Device


def main() -> None:
    """Run the check. Exit code 0: passed; 1: refused; anything else: incomplete."""
    lake, cache, bundle_id, seconds, device = sys.argv[1:6]
    signal.setitimer(signal.ITIMER_REAL, float(seconds))  # works inside native libraries, too
    histories = [[HistoryEvent(*event) for event in events] for events in json.load(sys.stdin)]
    try:
        report = check_bundle(lake, Path(cache), bundle_id, histories, "cuda" if device == "cuda" else "cpu")
    except FreshetError as error:
        sys.stdout.write(json.dumps({"where": error.where, "what": error.what, "fix": error.fix}))
        sys.exit(1)
    sys.stdout.write(json.dumps(report))


def check_bundle(
    lake: str, cache: Path, bundle_id: str, histories: Sequence[Sequence[HistoryEvent]], device: "Device" = "cpu"
) -> dict[str, Any]:
    """Return the check's report. Raises FreshetError if the bundle is gone, damaged or ranks differently."""
    bundle = fetch_bundle(open_store(lake), bundle_id, cache)
    release = load_release(0, bundle, device)
    difference = check_golden_requests(release.ranker)
    warm_up(release, histories)
    results = release.ranker.recommend(to_histories([*histories, []], bundle.vocabulary), 10)
    n_live_items = len(bundle.vocabulary) - int(bundle.vocabulary.delisted.sum())
    if n_live_items and not all(result.item_ids for result in results):
        raise BundleError(str(bundle.folder), "it returns an empty list for a shopper", REBUILD_FIX)
    return {"golden_difference": difference, "ranked_histories": len(results)}


if __name__ == "__main__":
    main()

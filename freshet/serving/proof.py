"""A bundle is proved in a process of its own before the gateway lets it in.

    python -m freshet.serving.proof LAKE CACHE BUNDLE SECONDS DEVICE < histories.json

Fetches and verifies the bundle, starts its encoders, asks its golden requests and answers recent histories. Prints one
JSON object: what was found, or the problem. Whatever it does, loop or crash, it is gone after SECONDS.
"""

import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freshet.errors import BundleError, FreshetError
from freshet.live.released import Event

if TYPE_CHECKING:
    from freshet.live.ranker import Device


def main() -> None:
    """Exit code 0: proved; 1: refused; anything else: it did not get that far."""
    lake, cache, bundle, seconds, device = sys.argv[1:6]
    signal.setitimer(signal.ITIMER_REAL, float(seconds))  # by the kernel, even inside a native library
    histories = [[tuple(event) for event in events] for events in json.load(sys.stdin)]
    try:
        answer = prove(lake, Path(cache), bundle, histories, "cuda" if device == "cuda" else "cpu")
    except FreshetError as error:
        sys.stdout.write(json.dumps({"where": error.where, "what": error.what, "fix": error.fix}))
        sys.exit(1)
    sys.stdout.write(json.dumps(answer))


def prove(
    lake: str, cache: Path, name: str, histories: Sequence[Sequence[Event]], device: "Device" = "cpu"
) -> dict[str, Any]:
    """Raises FreshetError when the bundle is gone, corrupt, or does not answer as it did at export."""
    from freshet.live.golden import check_golden
    from freshet.live.manifest import REBUILD
    from freshet.live.released import fetch_bundle, histories_of
    from freshet.serving.ladder import warm
    from freshet.serving.served import open_serving
    from freshet.store import open_store

    bundle = fetch_bundle(open_store(lake), name, cache)
    serving = open_serving(0, bundle, device)
    difference = check_golden(serving.ranker)
    warm(serving, histories)
    answers = serving.ranker.recommend(histories_of([*histories, []], bundle.vocabulary), 10)
    alive = len(bundle.vocabulary) - int(bundle.vocabulary.tombstones.sum())
    if alive and not all(answer.item_ids for answer in answers):
        raise BundleError(str(bundle.folder), "it answers a shopper with an empty list", REBUILD)
    return {"difference": difference, "answered": len(answers)}


if __name__ == "__main__":
    main()

"""What takes long to start, started at once: Spark, and the libraries that are needed later."""

import importlib
import threading
from typing import Final

from freshet.settings import Settings

# Slow to import: loaded while Spark works in a process of its own.
_NEEDED_LATER: Final = ("torch", "onnxscript", "onnxruntime", "evidently.presets", "matplotlib.figure")


def warm(settings: Settings) -> threading.Thread:
    """Start Spark beside everything else; the thread is to be joined before the first run."""

    def start() -> None:
        from resources.lake import Lake

        _ = Lake(settings).spark  # one session a process: every other Lake gets this one
        threading.Thread(target=_load, daemon=True).start()

    thread = threading.Thread(target=start, daemon=True)
    thread.start()
    return thread


def _load() -> None:
    for name in _NEEDED_LATER:
        importlib.import_module(name)

"""What takes long to start, started at once: Spark, and the libraries that are needed later."""

import importlib
import threading
from typing import Final

from freshet.settings import Settings

# Slow to import: loaded while Spark works in a process of its own. One after the other, and torch after all that brings
# scipy: scipy asks every module that is called torch, and fails on one that is only half loaded.
_NEEDED_LATER: Final = (
    "great_expectations", "evidently.presets", "matplotlib.figure", "torch", "onnxscript", "onnxruntime",
    "torch._dynamo",  # every optimizer asks for it
)  # fmt: skip


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

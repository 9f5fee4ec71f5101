"""What takes long to start, started at once: Spark, and the libraries that are needed later."""

import importlib
import threading
from typing import Final

from freshet.settings import Settings
from resources.lake import Lake

# Slow to import: loaded while Spark works in a process of its own. One after the other, and torch after all that brings
# scipy: scipy asks every module that is called torch, and fails on one that is only half loaded.
_PRELOADED_MODULES: Final = (
    "great_expectations", "evidently.presets", "matplotlib.figure", "torch", "onnxscript", "onnxruntime",
    "torch._dynamo",  # every optimizer asks for it
)  # fmt: skip


def preload(settings: Settings) -> threading.Thread:
    """Start Spark beside everything else; the thread is to be joined before the first run."""

    def start_spark() -> None:

        _ = Lake(settings).spark  # one session a process: every other Lake gets this one
        threading.Thread(target=_import_modules, daemon=True).start()

    thread = threading.Thread(target=start_spark, daemon=True)
    thread.start()
    return thread


def _import_modules() -> None:
    for name in _PRELOADED_MODULES:
        importlib.import_module(name)

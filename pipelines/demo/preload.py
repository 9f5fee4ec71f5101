"""Start Spark and import slow libraries in the background."""

import importlib
import threading
from typing import Final

from freshet.settings import Settings
from resources.lake import Lake

# Imported while Spark works in its own process. One after the other, and torch after everything that imports scipy:
# scipy inspects a loaded module called torch, and fails if it is only partly imported.
_PRELOADED_MODULES: Final = (
    "great_expectations", "evidently.presets", "matplotlib.figure", "torch", "onnxscript", "onnxruntime",
    "torch._dynamo",  # imported by every optimizer
)  # fmt: skip


def preload(settings: Settings) -> threading.Thread:
    """Start Spark in a thread and return the thread; join it before the first run."""

    def start_spark() -> None:
        _ = Lake(settings).spark  # one session per process: every other Lake gets this one
        threading.Thread(target=_import_modules, daemon=True).start()

    thread = threading.Thread(target=start_spark, daemon=True)
    thread.start()
    return thread


def _import_modules() -> None:
    for name in _PRELOADED_MODULES:
        importlib.import_module(name)

"""What is looked at on this machine: Python, Java, jars, class archive, and where models train and answer."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Final

from freshet import machine
from freshet.checkup.finding import ALL, Finding, Work
from freshet.errors import FreshetError
from freshet.settings import Settings

SPARK: Final[tuple[Work, ...]] = ("pipeline", "training")  # a training set is made by Spark
TORCH: Final[tuple[Work, ...]] = ("training",)


def python(_settings: Settings) -> Finding:
    """3.11 to 3.13: what the lock was made for."""
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding("Python", "ok", f"{version} at {sys.executable}")
    return Finding("Python", "wrong", version, "use Python 3.11, 3.12 or 3.13: `make clean setup`", ALL)


def java(settings: Settings) -> Finding:
    """A Java that Spark runs on."""
    return _or_error("Java", lambda: f"{machine.java(settings)}", SPARK)


def jars(settings: Settings) -> Finding:
    """All jars, whole."""
    return _or_error("jars", lambda: f"{len(machine.jars(settings))} in {settings.cache / 'jars'}", SPARK)


def class_archive(settings: Settings) -> Finding:
    """Only speed: without it a session starts a few seconds later."""
    try:
        path = machine.class_archive(settings)
    except FreshetError:
        path = None
    if path is None:
        return Finding("class archive", "missing", "none for this Java: sessions start slower", "run `freshet setup`")
    return Finding("class archive", "ok", f"{path.name}, {path.stat().st_size / 1e6:.0f} MB")


def torch_device(settings: Settings) -> Finding:
    """Where the model will train, told without importing torch."""
    if find_spec("torch") is None:
        return Finding("torch", "wrong", "not installed: nothing can be trained", "run `make setup`", TORCH)
    gpu = _nvidia_gpu()
    if settings.device == "cuda" and gpu is None:
        return Finding("torch", "wrong", "FRESHET_DEVICE=cuda, no NVIDIA GPU", "set FRESHET_DEVICE=auto", TORCH)
    on_cpu = settings.device == "cpu" or gpu is None
    return Finding("torch", "ok", f"trains on {'the CPU' if on_cpu else gpu} (FRESHET_DEVICE={settings.device})")


def _nvidia_gpu() -> str | None:
    """The name of the first GPU, as its driver says it; None without a driver or a GPU."""
    if shutil.which("nvidia-smi") is None:
        return None
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    names = answer.stdout.strip().splitlines() if answer.returncode == 0 else []
    return names[0] if names else None


def onnx_providers(_settings: Settings) -> Finding:
    """What can answer requests."""
    if find_spec("onnxruntime") is None:
        what = "not installed: nothing can be judged or served"
        return Finding("onnxruntime", "wrong", what, "run `make setup`", ("training", "gateway"))
    import onnxruntime

    return Finding(
        "onnxruntime", "ok", f"{onnxruntime.__version__}: {', '.join(onnxruntime.get_available_providers())}"
    )


def _or_error(part: str, look: Callable[[], str], touches: tuple[Work, ...]) -> Finding:
    """What was found, or the error that a run would end with."""
    try:
        return Finding(part, "ok", look())
    except FreshetError as error:
        return Finding(part, "wrong", f"{error.where}: {error.what}", error.fix, touches)

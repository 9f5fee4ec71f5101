"""What is looked at on this machine: Python, Java, jars, class archive, and where models train and answer."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Final

from freshet.doctor.result import CAPABILITIES, Capability, CheckResult
from freshet.errors import FreshetError
from freshet.settings import Settings
from freshet.setup import requirements

SPARK_CAPABILITIES: Final[tuple[Capability, ...]] = ("pipeline", "training")  # a training set is made by Spark
TORCH_CAPABILITIES: Final[tuple[Capability, ...]] = ("training",)


def check_python(_settings: Settings) -> CheckResult:
    """3.11 to 3.13: what the lock was made for."""
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return CheckResult("Python", "ok", f"{version} at {sys.executable}")
    return CheckResult("Python", "wrong", version, "use Python 3.11, 3.12 or 3.13: `make clean setup`", CAPABILITIES)


def check_java(settings: Settings) -> CheckResult:
    """A Java that Spark runs on."""
    return _run_check("Java", lambda: f"{requirements.find_java(settings)}", SPARK_CAPABILITIES)


def check_jars(settings: Settings) -> CheckResult:
    """All jars, whole."""
    return _run_check(
        "jars",
        lambda: f"{len(requirements.require_jars(settings))} in {settings.cache_dir / 'jars'}",
        SPARK_CAPABILITIES,
    )


def check_class_archive(settings: Settings) -> CheckResult:
    """Only speed: without it a session starts a few seconds later."""
    try:
        path = requirements.find_class_archive(settings)
    except FreshetError:
        path = None
    if path is None:
        return CheckResult(
            "class archive", "missing", "none for this Java: sessions start slower", "run `freshet setup`"
        )
    return CheckResult("class archive", "ok", f"{path.name}, {path.stat().st_size / 1e6:.0f} MB")


def check_torch_device(settings: Settings) -> CheckResult:
    """Where the model will train, told without importing torch."""
    if find_spec("torch") is None:
        return CheckResult(
            "torch", "wrong", "not installed: nothing can be trained", "run `make setup`", TORCH_CAPABILITIES
        )
    gpu = _first_gpu_name()
    if settings.training_device == "cuda" and gpu is None:
        return CheckResult(
            "torch",
            "wrong",
            "FRESHET_TRAINING_DEVICE=cuda, no NVIDIA GPU",
            "set FRESHET_TRAINING_DEVICE=auto",
            TORCH_CAPABILITIES,
        )
    uses_cpu = settings.training_device == "cpu" or gpu is None
    return CheckResult(
        "torch",
        "ok",
        f"trains on {'the CPU' if uses_cpu else gpu} (FRESHET_TRAINING_DEVICE={settings.training_device})",
    )


def _first_gpu_name() -> str | None:
    """The name of the first GPU, as its driver says it; None without a driver or a GPU."""
    if shutil.which("nvidia-smi") is None:
        return None
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    names = result.stdout.strip().splitlines() if result.returncode == 0 else []
    return names[0] if names else None


def check_onnx_providers(_settings: Settings) -> CheckResult:
    """What can answer requests."""
    if find_spec("onnxruntime") is None:
        what = "not installed: nothing can be judged or served"
        return CheckResult("onnxruntime", "wrong", what, "run `make setup`", ("training", "gateway"))
    import onnxruntime

    return CheckResult(
        "onnxruntime", "ok", f"{onnxruntime.__version__}: {', '.join(onnxruntime.get_available_providers())}"
    )


def _run_check(component: str, check: Callable[[], str], affects: tuple[Capability, ...]) -> CheckResult:
    """What was found, or the error that a run would end with."""
    try:
        return CheckResult(component, "ok", check())
    except FreshetError as error:
        return CheckResult(component, "wrong", f"{error.where}: {error.what}", error.fix, affects)

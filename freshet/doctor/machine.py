"""Checks of this machine: Python, Java, jars, class archive, torch and onnxruntime."""

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

SPARK_CAPABILITIES: Final[tuple[Capability, ...]] = ("pipeline", "training")  # Spark builds the training set
TORCH_CAPABILITIES: Final[tuple[Capability, ...]] = ("training",)


def check_python(_settings: Settings) -> CheckResult:
    """Check that Python is 3.11 to 3.13, the versions of requirements.lock."""
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return CheckResult("Python", "ok", f"{version} at {sys.executable}")
    return CheckResult("Python", "wrong", version, "use Python 3.11, 3.12 or 3.13: `make clean setup`", CAPABILITIES)


def check_java(settings: Settings) -> CheckResult:
    """Check for a Java that Spark runs on."""
    return _run_check("Java", lambda: f"{requirements.find_java(settings)}", SPARK_CAPABILITIES)


def check_jars(settings: Settings) -> CheckResult:
    """Check that all jars are present and undamaged."""
    return _run_check(
        "jars",
        lambda: f"{len(requirements.require_jars(settings))} in {settings.cache_dir / 'jars'}",
        SPARK_CAPABILITIES,
    )


def check_class_archive(settings: Settings) -> CheckResult:
    """Check the class archive; without it a Spark session starts a few seconds later."""
    try:
        path = requirements.find_class_archive(settings)
    except FreshetError:
        path = None
    if path is None:
        return CheckResult("class archive", "missing", "none for this Java: Spark starts slower", "run `freshet setup`")
    return CheckResult("class archive", "ok", f"{path.name}, {path.stat().st_size / 1e6:.0f} MB")


def check_torch_device(settings: Settings) -> CheckResult:
    """Check the device for training, without importing torch."""
    if find_spec("torch") is None:
        return CheckResult(
            "torch", "wrong", "not installed: no model can be trained", "run `make setup`", TORCH_CAPABILITIES
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
    """Return the name of the first NVIDIA GPU; None without a driver or a GPU."""
    if shutil.which("nvidia-smi") is None:
        return None
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    names = result.stdout.strip().splitlines() if result.returncode == 0 else []
    return names[0] if names else None


def check_onnx_providers(_settings: Settings) -> CheckResult:
    """Check onnxruntime and its execution providers."""
    if find_spec("onnxruntime") is None:
        what = "not installed: no model can be evaluated or served"
        return CheckResult("onnxruntime", "wrong", what, "run `make setup`", ("training", "gateway"))
    import onnxruntime

    return CheckResult(
        "onnxruntime", "ok", f"{onnxruntime.__version__}: {', '.join(onnxruntime.get_available_providers())}"
    )


def _run_check(component: str, check: Callable[[], str], affects: tuple[Capability, ...]) -> CheckResult:
    """Return the check's message, or the error that a run would raise."""
    try:
        return CheckResult(component, "ok", check())
    except FreshetError as error:
        return CheckResult.from_error(component, error, affects)

"""The process that runs Freshet: telemetry switches, thread settings, code version."""

import os
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

PACKAGE_FOLDER: Final = Path(__file__).parent

# Dagster has no variable: its switch is `telemetry: enabled: false` in dagster.yaml, which set-up writes.
TELEMETRY_SWITCHES: Final = {
    "DO_NOT_TRACK": "1",  # evidently, and every tool that follows the convention
    "ITERATIVE_DO_NOT_TRACK": "1",  # what evidently sends through
    "GX_ANALYTICS_ENABLED": "false",  # Great Expectations
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


def prepare_process() -> None:
    """Set the environment of this process and its children; every entry point calls this before torch is imported."""
    disable_telemetry()
    use_passive_waiting()


def disable_telemetry() -> None:
    """Switch off the telemetry of every library, except where its own switch is set already."""
    for name, value in TELEMETRY_SWITCHES.items():
        os.environ.setdefault(name, value)


def enabled_telemetry() -> list[str]:
    """Return the telemetry switches that the environment sets to another value."""
    return [name for name, value in TELEMETRY_SWITCHES.items() if os.environ.get(name, value) != value]


def use_passive_waiting() -> None:
    """Make OpenMP threads wait without spinning, unless the environment says otherwise.

    Must run before torch is imported. On a machine with other load, spinning threads delay the ones they wait for: an
    epoch took 38 s instead of over 100 s beside other work, and the same without.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def use_single_blas_thread() -> None:
    """Compute each matrix product in one thread, unless the environment says otherwise.

    Must run before numpy is imported. A gateway serves many small requests: 0.7 ms of processor time each instead of
    1.2, because two threads mostly wait for each other.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@cache
def code_version() -> str:
    """`0.1.0+1a2b3c4d5e6f`, with `.dirty` if the checkout has uncommitted changes; `0.1.0` outside a checkout."""
    try:
        package = version("freshet")
    except PackageNotFoundError:
        package = "0"
    commit = _git("rev-parse", "--short=12", "HEAD")
    if commit is None:
        return package
    is_dirty = _git("status", "--porcelain", "--untracked-files=no")
    return f"{package}+{commit}{'.dirty' if is_dirty else ''}"


def _git(*arguments: str) -> str | None:
    try:
        result = subprocess.run(
            ["git", *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()

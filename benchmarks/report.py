"""What every benchmark prints last: one JSON line with figures, versions and machine."""

import json
import os
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version

PACKAGES = ("dagster", "pyspark", "pyiceberg", "torch", "onnxruntime-gpu", "great-expectations")


def print_progress(text: str) -> None:
    """Progress, to stderr."""
    sys.stderr.write(f"{text}\n")


def print_result(name: str, figures: Mapping[str, object]) -> None:
    """The line that is kept."""
    line = {
        "benchmark": name,
        **figures,
        "versions": {package: version(package) for package in PACKAGES},
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    sys.stdout.write(json.dumps(line) + "\n")


def median(values: list[float]) -> float:
    """The middle value; the mean of the two middle ones."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2

"""The output of every benchmark: progress on stderr, and one JSON line with figures, versions and machine on stdout."""

import json
import os
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version

PACKAGES = ("dagster", "pyspark", "pyiceberg", "torch", "onnxruntime-gpu", "great-expectations")


def print_progress(text: str) -> None:
    """Write a line to stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def print_result(name: str, figures: Mapping[str, object]) -> None:
    """Write the JSON line of a benchmark to stdout."""
    line = {
        "benchmark": name,
        **figures,
        "versions": {package: version(package) for package in PACKAGES},
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    sys.stdout.write(json.dumps(line) + "\n")

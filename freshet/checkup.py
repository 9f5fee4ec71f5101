"""What `freshet doctor` looks at: each check says what it found and, where something is wrong, the fix."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from freshet import machine, telemetry
from freshet.errors import FreshetError
from freshet.settings import Settings, Surroundings

State = Literal["ok", "missing", "wrong"]
LEAST_FREE = 5_000_000_000  # bytes: a lake of a mid-sized shop and one training run


@dataclass(frozen=True)
class Finding:
    """One line of the table. `missing` slows down or limits; `wrong` stops something."""

    part: str
    state: State
    found: str
    fix: str = ""


def findings(settings: Settings) -> list[Finding]:
    """Every check, in the order in which a new user would meet them."""
    checks: tuple[Callable[[Settings], Finding], ...] = (
        python,
        java,
        jars,
        class_archive,
        torch_device,
        onnx_providers,
        dagster_home,
        lake,
        mapping,
        first_day,
        telemetry_switches,
    )
    return [check(settings) for check in checks]


def python(_settings: Settings) -> Finding:
    """3.11 to 3.13: what the lock was made for."""
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding("Python", "ok", f"{version} at {sys.executable}")
    return Finding("Python", "wrong", version, "use Python 3.11, 3.12 or 3.13: `make clean setup`")


def java(settings: Settings) -> Finding:
    """A Java that Spark runs on."""
    return _or_error("Java", lambda: f"{machine.java(settings)}")


def jars(settings: Settings) -> Finding:
    """All jars, whole."""
    return _or_error("jars", lambda: f"{len(machine.jars(settings))} in {settings.cache / 'jars'}")


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
        return Finding("torch", "wrong", "not installed: nothing can be trained", "run `make setup`")
    gpu = _nvidia_gpu()
    if settings.device == "cuda" and gpu is None:
        return Finding("torch", "wrong", "FRESHET_DEVICE=cuda, no NVIDIA GPU", "set FRESHET_DEVICE=auto")
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
        return Finding("onnxruntime", "wrong", "not installed: nothing can be served", "run `make setup`")
    import onnxruntime

    return Finding(
        "onnxruntime", "ok", f"{onnxruntime.__version__}: {', '.join(onnxruntime.get_available_providers())}"
    )


def dagster_home(_settings: Settings) -> Finding:
    """Where Dagster keeps runs and logs. It reads the variable before any `.env`, so a `.env` cannot set it."""
    home = Surroundings().dagster_home
    fix = "type `source .venv/bin/activate` in the repository, or set DAGSTER_HOME to the full path of .freshet/dagster"
    if home is None:
        return Finding("DAGSTER_HOME", "wrong", "not set: Dagster would forget every run (a .env cannot set it)", fix)
    if not home.is_absolute():
        return Finding("DAGSTER_HOME", "wrong", f"{home} is not a full path: Dagster refuses it", fix)
    if not home.is_dir():
        return Finding("DAGSTER_HOME", "wrong", f"{home} is no folder", f"`mkdir -p {home}`, or {fix}")
    if not os.access(home, os.W_OK):
        return Finding("DAGSTER_HOME", "wrong", f"{home} cannot be written", f"`chown` it, or {fix}")
    if not (home / "dagster.yaml").exists():
        return Finding("DAGSTER_HOME", "missing", f"{home} has no dagster.yaml", f"cp deploy/dagster.yaml {home}/")
    return Finding("DAGSTER_HOME", "ok", str(home))


def lake(settings: Settings) -> Finding:
    """A folder that can be written, on a disk with room. A lake on S3 is looked at when it is used."""
    if "://" in settings.lake:
        return Finding("lake", "ok", settings.lake)
    root = Path(settings.lake)
    nearest = next(folder for folder in (root, *root.parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        return Finding(
            "lake", "wrong", f"{nearest} cannot be written", "`chown` it or set FRESHET_LAKE to another folder"
        )
    free = shutil.disk_usage(nearest).free
    room = f"{free / 1e9:.0f} GB free"
    if free < LEAST_FREE:
        return Finding("lake", "wrong", f"{root}: {room}", "free 5 GB, or set FRESHET_LAKE to a folder on another disk")
    if not root.exists():
        return Finding("lake", "missing", f"{root}: no lake yet, {room}", "`freshet land FILE…` makes it")
    return Finding("lake", "ok", f"{root}: {room}")


def mapping(settings: Settings) -> Finding:
    """The file that says how a shop's own files become events. What is in it `freshet mapping check` judges."""
    path = settings.mapping
    if path is None:
        return Finding("mapping", "missing", "FRESHET_MAPPING is not set", "set it to a file like those in examples/")
    if not path.is_file() or not os.access(path, os.R_OK):
        return Finding("mapping", "wrong", f"{path} cannot be read", "correct FRESHET_MAPPING")
    return Finding("mapping", "ok", str(path))


def first_day(settings: Settings) -> Finding:
    """Days before it do not exist, so it must not lie in the future."""
    if settings.first_day > date.today():
        return Finding("first day", "wrong", f"{settings.first_day} has not come yet", "correct FRESHET_FIRST_DAY")
    return Finding("first day", "ok", str(settings.first_day))


def telemetry_switches(_settings: Settings) -> Finding:
    """Nothing under Freshet calls home."""
    home = Surroundings().dagster_home
    file = home / "dagster.yaml" if home is not None else None
    left = telemetry.left_on()
    if file is not None and file.is_file() and "telemetry:\n  enabled: false" not in file.read_text():
        left.append(f"telemetry in {file}")
    if left:
        return Finding(
            "telemetry", "missing", f"not off: {', '.join(left)}", "unset the variables; see deploy/dagster.yaml"
        )
    return Finding("telemetry", "ok", "off in every library")


def _or_error(part: str, look: Callable[[], str]) -> Finding:
    """What was found, or the error that every command would end with."""
    try:
        return Finding(part, "ok", look())
    except FreshetError as error:
        return Finding(part, "wrong", f"{error.where}: {error.what}", error.fix)

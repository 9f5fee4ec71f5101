"""Peers: RecTools and implicit on the same split, in their own virtual environment, because they pin other versions.

A peer's script reads the split as arrays and writes its lists; their metrics are computed here, like all others.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.quality.baselines import RankedLists
from benchmarks.quality.measures import LIST_LENGTH
from benchmarks.quality.splits import Split
from benchmarks.report import print_progress
from freshet.data.eval_cases import EvalCases
from freshet.data.history import Histories, is_target, select_events
from freshet.errors import SetupError
from freshet.settings import load

REQUIREMENTS_FILE = Path(__file__).parents[1] / "peers.txt"
ROOT = Path(__file__).parents[2]
# --peers' name → (method of the script, name in the table, whether a seed changes it)
METHODS = {
    "rectools": (("sasrec", "RecTools SASRec", True),),
    "implicit": (("cosine", "implicit item-item", False), ("als", "implicit ALS", True)),
}


@dataclass(frozen=True)
class PeerSettings:
    """The options of the peers; each peer ignores those that it does not have."""

    epochs: int
    patience: int
    settings: Mapping[str, object]  # arguments of RecTools' constructor, over its authors' values


def rank_all_peers(
    split: Split, names: Sequence[str], seeds: Sequence[int], settings: PeerSettings
) -> Iterator[tuple[str, RankedLists]]:
    """(name in the table, lists) of every method and seed; one seed if the method has no randomness.

    Raises SetupError if the peers cannot be installed or one of them fails.
    """
    python = prepare_environment(load().cache_dir / "peers")
    with tempfile.TemporaryDirectory() as folder:
        split_path = Path(folder) / "split.npz"
        write_split(split, split_path)
        for method, table_name, uses_seed in (row for name in names for row in METHODS[name]):
            for seed in seeds if uses_seed else seeds[:1]:
                start = time.perf_counter()
                run_peer(python, split_path, Path(folder) / "lists.npz", method, seed, settings)
                with np.load(Path(folder) / "lists.npz") as arrays:
                    yield table_name, RankedLists(arrays["lists"], time.perf_counter() - start)


def prepare_environment(folder: Path) -> Path:
    """The Python of the peers' virtual environment, created on first use. Raises SetupError when that fails."""
    env_folder = folder / hashlib.sha256(REQUIREMENTS_FILE.read_bytes()).hexdigest()[:12]
    python = env_folder / "bin" / "python"
    if (env_folder / "ready").exists():
        return python
    print_progress(f"peers: installing {REQUIREMENTS_FILE.name} into {env_folder}")
    shutil.rmtree(env_folder, ignore_errors=True)
    uv = shutil.which("uv")
    if uv:
        _install([uv, "venv", "--quiet", "--python", sys.executable, str(env_folder)])
        _install([uv, "pip", "install", "--quiet", "--python", str(python), "-r", str(REQUIREMENTS_FILE)])
    else:
        _install([sys.executable, "-m", "venv", str(env_folder)])
        _install([str(python), "-m", "pip", "install", "--quiet", "-r", str(REQUIREMENTS_FILE)])
    (env_folder / "ready").touch()
    return python


def run_peer(python: Path, split_path: Path, lists_path: Path, method: str, seed: int, settings: PeerSettings) -> None:
    """Run one peer on one split; its output goes to stderr. Raises SetupError when it fails."""
    options = {
        "epochs": settings.epochs,
        "patience": settings.patience,
        "settings": dict(settings.settings),
        "seed": seed,
    }
    command = [
        str(python),
        "-W",
        "ignore",
        "-m",
        "benchmarks.quality.peer_script",
        method,
        str(split_path),
        str(lists_path),
        json.dumps(options),
    ]
    code = subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=False).returncode
    if code:
        raise SetupError(f"peer {method}", f"ended with exit code {code}", "read its lines above, or leave it out")


def write_split(split: Split, path: Path) -> None:
    """Write the split as plain arrays: packed histories without returns."""
    arrays: dict[str, object] = {"items": len(split.vocabulary), "exclude_seen": split.exclude_seen}
    arrays |= {"list_length": LIST_LENGTH, **_history_arrays("train", split.train)}
    arrays |= {**_case_arrays("validation", split.validation), **_case_arrays("test", split.test)}
    if split.refit is not None:
        arrays |= _history_arrays("refit", split.refit)
    np.savez(path, **arrays)  # type: ignore[arg-type]


def _history_arrays(name: str, histories: Histories) -> dict[str, object]:
    targets = select_events(histories, is_target(histories.types) & (histories.items > 0))
    return {f"{name}_offsets": targets.offsets, f"{name}_items": targets.items, f"{name}_times": targets.times}


def _case_arrays(name: str, cases: EvalCases) -> dict[str, object]:
    history_arrays = _history_arrays(name, cases.input_histories(max(1, len(cases.histories.items))))
    return {**history_arrays, f"{name}_targets": cases.targets, f"{name}_target_offsets": cases.target_offsets}


def _install(command: Sequence[str]) -> None:
    completed_process = subprocess.run(command, capture_output=True, text=True, check=False)
    if completed_process.returncode:
        last_line = (completed_process.stderr.strip().splitlines() or ["no output"])[-1]
        fix = "look at the network, or leave --peers out"
        raise SetupError(
            "peers", f"{' '.join(command[:3])} ended with exit code {completed_process.returncode}: {last_line}", fix
        )

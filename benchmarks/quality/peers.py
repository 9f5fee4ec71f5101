"""Other people's recommenders on the same split, in a virtual environment of their own: they pin other versions.

A peer reads arrays and writes lists; what its lists are worth is computed here, as for everybody.
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

from benchmarks.quality.baselines import Answered
from benchmarks.quality.measures import DEEPEST
from benchmarks.quality.splits import Split
from benchmarks.report import say
from freshet.cases import Cases
from freshet.errors import SetupError
from freshet.history import Histories, is_target, select
from freshet.settings import load

REQUIREMENTS = Path(__file__).parents[1] / "peers.txt"
ROOT = Path(__file__).parents[2]
# --peers' name → (method of the script, name in the table, whether a seed changes it)
METHODS = {
    "rectools": (("sasrec", "RecTools SASRec", True),),
    "implicit": (("cosine", "implicit item-item", False), ("als", "implicit ALS", True)),
}


@dataclass(frozen=True)
class Told:
    """What a peer's script was told beside the split: the same words for all, each takes what it knows."""

    epochs: int
    patience: int
    settings: Mapping[str, object]  # of RecTools' constructor, over what its authors recommend


def answer_all(split: Split, names: Sequence[str], seeds: Sequence[int], told: Told) -> Iterator[tuple[str, Answered]]:
    """(name in the table, answers), one for every seed that matters.

    Raises SetupError where the peers cannot be installed or one of them fails.
    """
    python = environment(load().cache / "peers")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "split.npz"
        write(split, data)
        for method, shown, seeded in (row for name in names for row in METHODS[name]):
            for seed in seeds if seeded else seeds[:1]:
                begun = time.perf_counter()
                run(python, data, Path(folder) / "lists.npz", method, seed, told)
                with np.load(Path(folder) / "lists.npz") as found:
                    yield shown, Answered(found["lists"], time.perf_counter() - begun)


def environment(folder: Path) -> Path:
    """The Python of the peers' virtual environment, made on first use. Raises SetupError when that fails."""
    home = folder / hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    python = home / "bin" / "python"
    if (home / "ready").exists():
        return python
    say(f"peers: installing {REQUIREMENTS.name} into {home}")
    shutil.rmtree(home, ignore_errors=True)
    uv = shutil.which("uv")
    if uv:
        _install([uv, "venv", "--quiet", "--python", sys.executable, str(home)])
        _install([uv, "pip", "install", "--quiet", "--python", str(python), "-r", str(REQUIREMENTS)])
    else:
        _install([sys.executable, "-m", "venv", str(home)])
        _install([str(python), "-m", "pip", "install", "--quiet", "-r", str(REQUIREMENTS)])
    (home / "ready").touch()
    return python


def run(python: Path, data: Path, lists: Path, method: str, seed: int, told: Told) -> None:
    """One peer on one split; its lines go to stderr. Raises SetupError when it fails."""
    words = {"epochs": told.epochs, "patience": told.patience, "settings": dict(told.settings), "seed": seed}
    command = [
        str(python),
        "-W",
        "ignore",
        "-m",
        "benchmarks.quality.peer_script",
        method,
        str(data),
        str(lists),
        json.dumps(words),
    ]
    code = subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=False).returncode
    if code:
        raise SetupError(f"peer {method}", f"ended with exit code {code}", "read its lines above, or leave it out")


def write(split: Split, path: Path) -> None:
    """The split as plain arrays: histories packed, returns left out, for they are no interest."""
    arrays: dict[str, object] = {"items": len(split.vocabulary), "exclude_seen": split.exclude_seen}
    arrays |= {"deepest": DEEPEST, **_histories("train", split.train)}
    arrays |= {**_cases("validation", split.validation), **_cases("test", split.test)}
    if split.refit is not None:
        arrays |= _histories("refit", split.refit)
    np.savez(path, **arrays)  # type: ignore[arg-type]


def _histories(name: str, histories: Histories) -> dict[str, object]:
    kept = select(histories, is_target(histories.types) & (histories.items > 0))
    return {f"{name}_offsets": kept.offsets, f"{name}_items": kept.items, f"{name}_times": kept.times}


def _cases(name: str, cases: Cases) -> dict[str, object]:
    known = _histories(name, cases.known(max(1, len(cases.histories.items))))
    return {**known, f"{name}_targets": cases.targets, f"{name}_target_offsets": cases.target_offsets}


def _install(command: Sequence[str]) -> None:
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        last = (found.stderr.strip().splitlines() or ["no word"])[-1]
        fix = "look at the network, or leave --peers out"
        raise SetupError("peers", f"{' '.join(command[:3])} ended with exit code {found.returncode}: {last}", fix)

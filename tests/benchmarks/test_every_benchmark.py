"""Every benchmark runs once at a tiny size and ends with its JSON line.

    pytest tests/benchmarks/test_every_benchmark.py --slow     # also those that take minutes at any size

The figures are not tested: a tiny run on a busy machine has no meaningful ones.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared/data"
RETAIL_FILE = "uci_online_retail/online-retail-dataset.csv.gz"
NEEDS_JVM, TAKES_MINUTES = "starts a JVM and runs assets", "takes minutes at its smallest size"


class BenchmarkRun(NamedTuple):
    """Arguments of `python -m benchmarks.`. slow: why it only runs with --slow; data: a file that it reads."""

    command: str
    slow: str = ""
    data: str = ""


BENCHMARK_RUNS = [
    BenchmarkRun("gateway --items 60 --seconds 0.2 --starts 1 --clicks 2 --swaps 1"),
    BenchmarkRun("gateway_tails --items 60 --rates 40 --seconds 0.5 --rounds 1"),
    BenchmarkRun("gateway_pauses --items 60 --times 1"),
    BenchmarkRun("precisions --items 60 --histories 4 --rounds 1"),
    BenchmarkRun("simulation --events 2000 --data nowhere"),
    BenchmarkRun("quality --interactions INTERACTIONS --seeds 1 --set max_epochs=1 --validation-cases 20"),
    BenchmarkRun("training INTERACTIONS --epochs 1 --without-peer"),
    BenchmarkRun("training --large --items 300"),
    BenchmarkRun("verdicts --runs 2 --baskets 200 --nights 2"),
    BenchmarkRun("orchestration --range-days 2", slow=TAKES_MINUTES),
    BenchmarkRun("orchestration --runs 1", slow=NEEDS_JVM),
    BenchmarkRun("tables --events 2000 --days 2 --shoppers 50 --items 30 --skip-peer", slow=NEEDS_JVM),
    BenchmarkRun("batch_scoring --shoppers 50 --items 60", slow=NEEDS_JVM),
    BenchmarkRun("bad_days 301", slow=NEEDS_JVM),
    BenchmarkRun("cold_items --days 8 --holdout-days 2 --shoppers 60 --id-dropout 0.1", slow=TAKES_MINUTES),
    BenchmarkRun("warm_start --shoppers 60 --days 1", slow=TAKES_MINUTES),
    BenchmarkRun("drift_alarms 1", slow=TAKES_MINUTES),
    BenchmarkRun("simulation --quality --small --before-drift --seeds 1", slow=TAKES_MINUTES),
    BenchmarkRun("online_retail DATA", slow=TAKES_MINUTES, data=RETAIL_FILE),
]


def benchmark_modules():
    """Every module of `benchmarks` that is a command."""
    folder = ROOT / "benchmarks"
    modules = [path for path in folder.glob("*.py") if '__name__ == "__main__"' in path.read_text()]
    return {path.stem for path in modules} | {path.parent.name for path in folder.glob("*/__main__.py")}


def test_every_benchmark_is_run_here():
    assert {run.command.split()[0] for run in BENCHMARK_RUNS} == benchmark_modules()


@pytest.fixture
def interactions_file(tmp_path):
    """Sixty users with eight of forty items each, in an order: `user item` a line."""
    rng = np.random.default_rng(0)
    lines = [f"{user} {item}\n" for user in range(1, 61) for item in rng.permutation(40)[:8] + 1]
    path = tmp_path / "interactions.txt"
    path.write_text("".join(lines))
    return path


@pytest.mark.drill
@pytest.mark.parametrize("run", BENCHMARK_RUNS, ids=lambda run: run.command)
@pytest.mark.timeout(900)
def test_a_benchmark_runs_to_its_end(run, interactions_file, tmp_path, request):
    if run.slow and not request.config.getoption("--slow"):
        pytest.skip(f"{run.slow}: runs with --slow")
    if run.data and not (DATA / run.data).exists():
        pytest.skip(f"{DATA / run.data} is not here")
    paths = {"INTERACTIONS": str(interactions_file), "DATA": str(DATA / run.data)}
    name, *arguments = [paths.get(word, word) for word in run.command.split()]
    completed_process = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *arguments],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}, capture_output=True, text=True,
        timeout=840, check=False,
    )  # fmt: skip
    assert completed_process.returncode == 0, completed_process.stderr[-3000:]
    assert json.loads(completed_process.stdout.splitlines()[-1])["benchmark"].startswith(name)

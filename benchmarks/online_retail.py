"""A year of a real shop, from one file to a release: `freshet land`, then one range run of every asset.

    python -m benchmarks.online_retail online-retail-dataset.csv.gz

Prints seconds, the peak memory of all processes together, the totals of `freshet days`, and the metrics of the model
and of the baselines it was compared with.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.processes import tree_resident_bytes
from benchmarks.report import print_progress, print_result
from freshet.artifacts import EvaluationRef, published
from freshet.releases import journal
from freshet.steps.evaluation.records import read_evaluation
from freshet.store import Store, open_store
from freshet.tables import day_records

FIRST_DAY, LAST_DAY = "2010-12-01", "2011-12-09"
COUNT_NAMES = {
    "landed": "landed",
    "skipped": "skipped",
    "quarantined": "quarantined",
    "duplicate": "duplicate",
    "rows": "published",
}


@dataclass
class MemoryMonitor:
    """The peak memory of a process and its descendants together; shared pages count once for each process."""

    root: int
    peak_bytes: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Sample twice a second until `stop` is set."""
        while not self.stop.wait(0.5):
            self.peak_bytes = max(self.peak_bytes, tree_resident_bytes(self.root))


def main() -> None:
    """Land the file, run every asset, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    file = parser.parse_args().file.absolute()
    with tempfile.TemporaryDirectory() as temporary:
        settings = _settings(Path(temporary))
        land = _run_timed([sys.executable, "-m", "freshet.cli.main", "land", str(file)], settings)
        run = _run_timed(
            [str(Path(sys.executable).with_name("dagster")), "asset", "materialize", "-m", "pipelines.definitions",
             "--select", "*", "--partition-range", f"{FIRST_DAY}...{LAST_DAY}"],
            settings,
        )  # fmt: skip
        print_result(
            "online_retail",
            {
                "land_s": land[0],
                "run_s": run[0],
                "peak_mib": run[1],
                **_lake_summary(open_store(settings["FRESHET_LAKE"])),
            },
        )


def _settings(root: Path) -> dict[str, str]:
    home = root / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text(Path("deploy/dagster.yaml").read_text())
    return {
        "FRESHET_LAKE": str(root / "lake"),
        "FRESHET_MAPPING": str(Path("examples/online_retail.yaml").absolute()),
        "FRESHET_FIRST_DAY": FIRST_DAY,
        "DAGSTER_HOME": str(home),
    }


def _run_timed(command: list[str], settings: dict[str, str]) -> tuple[float, int]:
    """Run a command; (seconds, peak MiB). Its output goes to stderr."""
    print_progress(" ".join(command[1:]))
    start = time.perf_counter()
    with subprocess.Popen(command, env={**os.environ, **settings}, stdout=sys.stderr, stderr=sys.stderr) as process:
        memory = MemoryMonitor(process.pid)
        watcher = threading.Thread(target=memory.watch, daemon=True)
        watcher.start()
        code = process.wait()
        memory.stop.set()
        watcher.join()
    if code:
        sys.exit(code)
    return round(time.perf_counter() - start, 1), memory.peak_bytes // 2**20


def _lake_summary(store: Store) -> dict[str, object]:
    records = day_records.latest_records(store, "events").values()
    totals = {label: sum(r.counts.get(name, 0) for r in records) for name, label in COUNT_NAMES.items()}
    ref = published(store, "evaluation", EvaluationRef)
    assert ref is not None, "no evaluation was published"
    record = read_evaluation(store, ref.id)
    evaluation = record.evaluation
    return {
        "days": len(records),
        "rows": totals,
        "cases": evaluation.n_cases,
        "ndcg@10": {name: round(row["ndcg@10"], 4) for name, row in evaluation.table.items()},
        "recall@10": {name: round(row["recall@10"], 4) for name, row in evaluation.table.items()},
        "verdict": record.verdict.sentence,
        "released": journal.champion_entry(store) is not None,
    }


if __name__ == "__main__":
    main()

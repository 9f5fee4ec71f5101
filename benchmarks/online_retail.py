"""A year of a real shop from one file to a release: `freshet land`, then one range run of every asset.

    python -m benchmarks.online_retail online-retail-dataset.csv.gz

Prints seconds, the peak memory of all processes together, the conservation table's totals, and the model beside the
baselines that its release was decided on.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.report import print_progress, print_result
from freshet.releases import journal
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
    """Watches a process and all below it: the most they have held at once; pages they share count twice."""

    root: int
    peak_bytes: int = 0  # bytes
    stopped: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Look twice a second until `ended` is set."""
        while not self.stopped.wait(0.5):
            self.peak_bytes = max(self.peak_bytes, sum(_resident_bytes(pid) for pid in _process_tree(self.root)))


def main() -> None:
    """Land, run, report."""
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
    """(seconds, peak MiB). The command's own lines go to stderr."""
    print_progress(" ".join(command[1:]))
    start = time.perf_counter()
    with subprocess.Popen(command, env={**os.environ, **settings}, stdout=sys.stderr, stderr=sys.stderr) as process:
        memory = MemoryMonitor(process.pid)
        watcher = threading.Thread(target=memory.watch, daemon=True)
        watcher.start()
        code = process.wait()
        memory.stopped.set()
        watcher.join()
    if code:
        sys.exit(code)
    return round(time.perf_counter() - start, 1), memory.peak_bytes // 2**20


def _lake_summary(store: Store) -> dict[str, object]:
    records = day_records.latest_records(store, "events").values()
    totals = {label: sum(r.counts.get(name, 0) for r in records) for name, label in COUNT_NAMES.items()}
    evaluations = [json.loads(store.get(path)) for path in store.list("evaluations") if path.endswith(".json")]
    evaluation = evaluations[-1]
    current_release = journal.champion_entry(store)
    return {
        "days": len(records),
        "rows": totals,
        "cases": evaluation["evaluation"]["cases"],
        "ndcg@10": {name: round(row["ndcg@10"], 4) for name, row in evaluation["evaluation"]["table"].items()},
        "recall@10": {name: round(row["recall@10"], 4) for name, row in evaluation["evaluation"]["table"].items()},
        "verdict": evaluation["verdict"]["sentence"],
        "released": current_release is not None,
    }


def _process_tree(root: int) -> list[int]:
    """The process and everything it has started, from /proc."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended while we looked
        parents[int(stat.parent.name)] = int(fields[1])
    process_ids, has_grown = {root}, True
    while has_grown:
        children = {pid for pid, parent in parents.items() if parent in process_ids} - process_ids
        process_ids |= children
        has_grown = bool(children)
    return sorted(process_ids)


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


if __name__ == "__main__":
    main()

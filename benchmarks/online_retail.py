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

from benchmarks.report import finish, say
from freshet import days as day_records
from freshet.live import journal
from freshet.store import Store, open_store

FIRST, LAST = "2010-12-01", "2011-12-09"
COUNTS = {
    "landed": "landed",
    "skipped": "skipped",
    "quarantined": "quarantined",
    "duplicate": "duplicate",
    "rows": "published",
}


@dataclass
class Memory:
    """Watches a process and all below it: the most they have held at once; pages they share count twice."""

    root: int
    peak: int = 0  # bytes
    ended: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Look twice a second until `ended` is set."""
        while not self.ended.wait(0.5):
            self.peak = max(self.peak, sum(_resident(pid) for pid in _below(self.root)))


def main() -> None:
    """Land, run, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    file = parser.parse_args().file.absolute()
    with tempfile.TemporaryDirectory() as temporary:
        settings = _settings(Path(temporary))
        land = _timed([sys.executable, "-m", "freshet.cli.main", "land", str(file)], settings)
        run = _timed(
            [str(Path(sys.executable).with_name("dagster")), "asset", "materialize", "-m", "pipelines.definitions",
             "--select", "*", "--partition-range", f"{FIRST}...{LAST}"],
            settings,
        )  # fmt: skip
        finish(
            "online_retail",
            {"land_s": land[0], "run_s": run[0], "peak_mib": run[1], **_found(open_store(settings["FRESHET_LAKE"]))},
        )


def _settings(root: Path) -> dict[str, str]:
    home = root / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text(Path("deploy/dagster.yaml").read_text())
    return {
        "FRESHET_LAKE": str(root / "lake"),
        "FRESHET_MAPPING": str(Path("examples/online_retail.yaml").absolute()),
        "FRESHET_FIRST_DAY": FIRST,
        "DAGSTER_HOME": str(home),
    }


def _timed(command: list[str], settings: dict[str, str]) -> tuple[float, int]:
    """(seconds, peak MiB). The command's own lines go to stderr."""
    say(" ".join(command[1:]))
    begun = time.perf_counter()
    with subprocess.Popen(command, env={**os.environ, **settings}, stdout=sys.stderr, stderr=sys.stderr) as process:
        memory = Memory(process.pid)
        watcher = threading.Thread(target=memory.watch, daemon=True)
        watcher.start()
        code = process.wait()
        memory.ended.set()
        watcher.join()
    if code:
        sys.exit(code)
    return round(time.perf_counter() - begun, 1), memory.peak // 2**20


def _found(store: Store) -> dict[str, object]:
    records = day_records.read(store, "events").values()
    totals = {said: sum(r.counts.get(name, 0) for r in records) for name, said in COUNTS.items()}
    evaluations = [json.loads(store.get(path)) for path in store.list("evaluations") if path.endswith(".json")]
    judged = evaluations[-1]
    last = journal.current(store)
    return {
        "days": len(records),
        "rows": totals,
        "cases": judged["evaluation"]["cases"],
        "ndcg@10": {name: round(row["ndcg@10"], 4) for name, row in judged["evaluation"]["table"].items()},
        "recall@10": {name: round(row["recall@10"], 4) for name, row in judged["evaluation"]["table"].items()},
        "verdict": judged["verdict"]["sentence"],
        "released": last is not None,
    }


def _below(root: int) -> list[int]:
    """The process and everything it has started, from /proc."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended while we looked
        parents[int(stat.parent.name)] = int(fields[1])
    family, grown = {root}, True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in family} - family
        family |= more
        grown = bool(more)
    return sorted(family)


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


if __name__ == "__main__":
    main()

"""A gateway as its users run it: a process of its own, on a lake of its own, on any free port."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Running:
    """A gateway that has said where it listens."""

    process: "subprocess.Popen[str]"
    address: str
    begun: float  # perf_counter at its start

    def wait_until_ready(self) -> float:
        """Seconds from its start until /readyz says 200."""
        while True:
            try:
                with urllib.request.urlopen(f"{self.address}/readyz"):
                    return time.perf_counter() - self.begun
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.005)

    def processor_seconds(self) -> float:
        """Of all its threads, since its start."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident(self) -> float:
        """MiB of memory it holds now."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def gateway(lake: Path, state: Path, cores: set[int] | None = None) -> Iterator[Running]:
    """A gateway that runs inside the block and ends in order after it. cores: where it may run."""
    settings = {"FRESHET_LAKE": str(lake), "FRESHET_STATE": str(state), "FRESHET_JOURNAL_SECONDS": "0.2"}
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "freshet.cli.main", "serve", "--port", "0"],
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    if cores:
        os.sched_setaffinity(process.pid, cores)
    try:
        assert process.stdout is not None
        yield Running(process, process.stdout.readline().split()[-1], begun)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)

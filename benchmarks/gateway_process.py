"""A gateway as its users run it: a process of its own, on a lake of its own, on any free port; no wait without end."""

import os
import select
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

START = 60.0  # seconds until it says where it listens, and again until it is ready
END = 15.0  # seconds for an orderly end; then it is killed
LINES = 12  # of its log, where it fails


@dataclass(frozen=True)
class Running:
    """A gateway that has said where it listens."""

    process: "subprocess.Popen[str]"
    address: str
    begun: float  # perf_counter at its start
    log: Path

    def wait_until_ready(self, patience: float = START) -> float:
        """Seconds from its start until /readyz says 200. Ends the benchmark with its log where that takes too long."""
        until = time.perf_counter() + patience
        while time.perf_counter() < until and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.address}/readyz", timeout=5):
                    return time.perf_counter() - self.begun
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.005)
        raise SystemExit(f"the gateway was not ready within {patience:.0f} s; its log ends with:\n{_end_of(self.log)}")

    def processor_seconds(self) -> float:
        """Of all its threads, since its start."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident(self) -> float:
        """MiB of memory it holds now."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def gateway(lake: Path, state: Path, cores: set[int] | None = None, code: Path | None = None) -> Iterator[Running]:
    """A gateway that runs inside the block and ends in order after it. cores: where it may run. code: a checkout."""
    settings = {"FRESHET_LAKE": str(lake), "FRESHET_STATE": str(state), "FRESHET_JOURNAL_SECONDS": "0.2"}
    begun, log = time.perf_counter(), state.with_suffix(".log")
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "freshet.cli.main", "serve", "--port", "0"],
            env={**os.environ, **settings, **({"PYTHONPATH": str(code)} if code else {})},
            cwd=code,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    if cores:
        os.sched_setaffinity(process.pid, cores)
    try:
        yield Running(process, _address(process, log), begun, log)
    finally:
        _end(process)


def _address(process: "subprocess.Popen[str]", log: Path) -> str:
    assert process.stdout is not None
    said, _, _ = select.select([process.stdout], [], [], START)
    line = process.stdout.readline() if said else ""
    if not line:
        raise SystemExit(f"the gateway did not start within {START:.0f} s; its log ends with:\n{_end_of(log)}")
    return line.split()[-1]


def _end(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text().splitlines()[-LINES:])

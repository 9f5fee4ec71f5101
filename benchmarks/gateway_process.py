"""A gateway in its own process on a free port, as users run it; every wait has a limit."""

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

from benchmarks.processes import process_stat, resident_bytes

START_TIMEOUT_S = 60.0  # until it prints its address, and again until it is ready
STOP_TIMEOUT_S = 15.0  # until it is killed
LOG_TAIL_LINES = 12  # shown when it fails


@dataclass(frozen=True)
class GatewayProcess:
    """A running gateway that listens at `address`."""

    process: "subprocess.Popen[str]"
    address: str
    started_at: float  # perf_counter at its start
    log: Path

    def wait_until_ready(self, timeout_s: float = START_TIMEOUT_S) -> float:
        """Seconds from its start until /readyz answers 200. Raises SystemExit with the log when that takes too long."""
        deadline = time.perf_counter() + timeout_s
        while time.perf_counter() < deadline and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.address}/readyz", timeout=5):
                    return time.perf_counter() - self.started_at
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.005)
        raise SystemExit(
            f"the gateway was not ready within {timeout_s:.0f} s; its log ends with:\n{_log_tail(self.log)}"
        )

    def cpu_seconds(self) -> float:
        """Processor time of all its threads since its start."""
        stat = process_stat(self.process.pid)
        assert stat is not None, "the gateway has ended"
        return stat.cpu_s

    def resident_mib(self) -> float:
        """Resident memory in MiB."""
        return resident_bytes(self.process.pid) / 2**20


@contextmanager
def run_gateway(
    lake: Path, state: Path, cores: set[int] | None = None, checkout: Path | None = None
) -> Iterator[GatewayProcess]:
    """A gateway that runs inside the block. cores: where it may run; checkout: the code to run, None: this code."""
    # Both names of a renamed setting: an older checkout reads the former one.
    settings = {
        "FRESHET_LAKE": str(lake),
        "FRESHET_GATEWAY_STATE_DIR": str(state),
        "FRESHET_JOURNAL_POLL_S": "0.2",
        **({"FRESHET_STATE": str(state), "FRESHET_JOURNAL_SECONDS": "0.2"} if checkout else {}),
    }
    started_at, log = time.perf_counter(), state.with_suffix(".log")
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "freshet.cli.main", "serve", "--port", "0"],
            env={**os.environ, **settings, **({"PYTHONPATH": str(checkout)} if checkout else {})},
            cwd=checkout,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    if cores:
        os.sched_setaffinity(process.pid, cores)
    try:
        yield GatewayProcess(process, _read_address(process, log), started_at, log)
    finally:
        _stop(process)


def _read_address(process: "subprocess.Popen[str]", log: Path) -> str:
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], START_TIMEOUT_S)
    line = process.stdout.readline() if readable else ""
    if not line:
        raise SystemExit(
            f"the gateway did not start within {START_TIMEOUT_S:.0f} s; its log ends with:\n{_log_tail(log)}"
        )
    return line.split()[-1]


def _stop(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _log_tail(log: Path) -> str:
    return "\n".join(log.read_text().splitlines()[-LOG_TAIL_LINES:])

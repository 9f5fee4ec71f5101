"""`make dev` on a small shop: files land, sensors run, and a model is released and served automatically."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from freshet.artifacts import reference_path
from freshet.releases import journal
from freshet.store import Store, open_store
from pipelines.ports import find_free_port

pytestmark = [pytest.mark.drill, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[1]
HOST = "127.0.0.1"
RELEASE_TIMEOUT_S = 500  # seconds for a first release on a machine that does other things, too


@dataclass(frozen=True)
class DevProcess:
    """`make dev` in its own process group."""

    process: subprocess.Popen
    store: Store
    gateway: str
    log: Path

    def wait(self, description: str, is_done: Callable[[], bool]) -> None:
        start = time.monotonic()
        while not is_done():
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() - start < RELEASE_TIMEOUT_S, f"no {description}\n{self.log.read_text()[-3000:]}"
            time.sleep(0.5)


# A shop that is smaller than that of `make dev`, and has more sessions.
SMALL_SHOP_ARGUMENTS = (
    "--simulated",
    "--shoppers",
    "250",
    "--items",
    "60",
    "--day-seconds",
    "60",
    "--sessions-per-second",
    "10",
)


@pytest.fixture(scope="module")
def dev_process(tmp_path_factory) -> Iterator[DevProcess]:
    folder = tmp_path_factory.mktemp("loop")
    (folder / "dagster").mkdir()
    (folder / "dagster" / "dagster.yaml").write_text((ROOT / "deploy" / "dagster.yaml").read_text())
    ports = [find_free_port(HOST), find_free_port(HOST)]
    base_environment = {name: value for name, value in os.environ.items() if not name.startswith("FRESHET_")}
    environment = base_environment | {
        "DAGSTER_HOME": str(folder / "dagster"),
        "FRESHET_LAKE": str(folder / "lake"),
        "FRESHET_GATEWAY_STATE_DIR": str(folder / "state"),
        "FRESHET_MAPPING": str(ROOT / "examples" / "simulated_shop.yaml"),
        "FRESHET_FIRST_DAY": str(datetime.now(UTC).date() - timedelta(days=30)),
        "FRESHET_GATEWAY_PORT": str(ports[0]),
        "FRESHET_DAGSTER_PORT": str(ports[1]),
        "FRESHET_FLUSH_INTERVAL_S": "5",
        "FRESHET_ANOMALY_WINDOW_DAYS": "0",  # as the Makefile has it
        "FRESHET_SPARK_MEMORY": "2g",
        "FRESHET_TRAINING_DEVICE": "cpu",
    }
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.dev", *SMALL_SHOP_ARGUMENTS],
            cwd=ROOT, env=environment, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
    yield DevProcess(process, open_store(str(folder / "lake")), f"http://{HOST}:{ports[0]}", log)
    process.send_signal(signal.SIGINT)
    process.wait(120)


def test_a_first_model_is_released_and_served_without_help(dev_process):
    dev_process.wait("release", lambda: journal.entry_count(dev_process.store) > 0)
    assert journal.champion_entry(dev_process.store).verdict.startswith(
        "Released: the new model is better than popular items"
    )
    query = {"items": "i0001,i0002,i0003"}
    dev_process.wait(
        "answer", lambda: httpx.get(f"{dev_process.gateway}/v1/recommendations", params=query).status_code == 200
    )
    body = httpx.get(f"{dev_process.gateway}/v1/recommendations", params=query).json()
    assert (body["tier"], body["bundle"]) == ("sequence", journal.champion_entry(dev_process.store).bundle)


def test_events_and_impressions_land_today(dev_process):
    today = datetime.now(UTC).date()
    for landing in ("events", "impressions"):
        dev_process.wait(landing, lambda name=landing: bool(landed_gateway_files(dev_process.store, name)))
    assert all(f"dt={today}" in path or f"dt={today - timedelta(days=1)}" in path
               for name in ("events", "impressions") for path in landed_gateway_files(dev_process.store,
               name))  # fmt: skip


def test_the_gateway_starts_with_the_histories_of_the_lake(dev_process):
    dev_process.wait("histories", lambda: dev_process.store.exists(reference_path("latest_histories")))
    dev_process.wait("readiness", lambda: httpx.get(f"{dev_process.gateway}/readyz").status_code == 200)
    body = httpx.get(
        f"{dev_process.gateway}/v1/recommendations", params={"user_id": regular_shopper(dev_process.store)}
    ).json()
    assert body["tier"] == "sequence"


def test_one_interrupt_stops_all_programs(dev_process):
    dev_process.process.send_signal(signal.SIGINT)
    assert dev_process.process.wait(90) == 0
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{dev_process.gateway}/healthz")
    assert leftover_processes(dev_process.store.root) == []
    lines = dev_process.log.read_text().splitlines()
    assert lines[-1] == "All programs have stopped."
    assert [line for line in lines if "is killed" in line or "Traceback" in line] == []


def landed_gateway_files(store: Store, landing: str) -> list[str]:
    """Return the files that the gateway has landed."""
    paths = store.list(f"landing/{landing}")
    return [path for path in paths if landing == "impressions" or "/gateway/" in path]


def regular_shopper(store: Store) -> str:
    """Return a user id from the landed files."""
    file = next(path for path in store.list("landing/events") if path.endswith(".csv"))
    rows = [line.split(",") for line in store.get(file).decode().splitlines()[1:]]
    return next(row[1] for row in rows if row[1])


def leftover_processes(lake: str) -> list[str]:
    """Command lines of the processes that were started for this lake and still run."""
    command_lines = []
    for folder in Path("/proc").iterdir():
        try:
            if f"FRESHET_LAKE={lake}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                command_lines.append((folder / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # no process, another user's, or one that has ended
    return command_lines

"""The programs and ports of `make dev`, and its messages before anything runs."""

import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from freshet.errors import SettingsError
from freshet.settings import Settings
from pipelines import dagster_ui
from pipelines.dev import announce_when_up, interrupted_run_message, programs, resolve_ports

pytestmark = pytest.mark.dagster

ROOT = Path(__file__).parents[2]
UI_URL = "http://127.0.0.1:3001"


def settings(**overrides):
    return Settings(_env_file=None, **overrides)


@pytest.fixture
def used_port():
    """A port of 127.0.0.1 on which this process listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_both_ports_are_looked_at_before_anything_starts(used_port):
    with pytest.raises(
        SettingsError, match=f"port {used_port}: Dagster's UI needs it, and process .*FRESHET_DAGSTER_PORT"
    ):
        resolve_ports(settings(dagster_port=used_port, gateway_port=0))
    with pytest.raises(
        SettingsError, match=f"port {used_port}: the gateway needs it, and process .*FRESHET_GATEWAY_PORT"
    ):
        resolve_ports(settings(dagster_port=0, gateway_port=used_port))


def test_one_port_for_both_is_a_mistake():
    with pytest.raises(SettingsError, match="Dagster's UI and the gateway are both set to it"):
        resolve_ports(settings(dagster_port=8080, gateway_port=8080))


def test_port_0_is_replaced_by_a_free_port():
    chosen = resolve_ports(settings(dagster_port=0, gateway_port=0))
    assert min(chosen.dagster_port, chosen.gateway_port) > 0


def test_shoppers_end_first_then_the_gateway_then_dagster():
    shop_settings = settings(dagster_port=3001, gateway_port=8081)
    assert [program.name for program in programs(shop_settings, UI_URL, ("--items", 60))] == [
        "shop",
        "gateway",
        "dagster",
    ]
    gateway, dagster = programs(shop_settings, UI_URL, None)
    assert gateway.command[1:] == ["-m", "freshet.cli.main", "serve"]
    assert gateway.environment["FRESHET_GATEWAY_PORT"] == "8081"
    assert dagster.command[3:] == ["dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", "3001",
                                   "--log-level", "warning"]  # fmt: skip


def test_only_interrupted_runs_of_dagsters_shutdown_output_are_shown():
    line = (
        "2026-11-28 04:39:26 +0000 - dagster - ERROR - update_tables - 95f61772-4924-4ef7-8cab-118a7bf90415 - 17785 - "
        'RUN_FAILURE - Execution of run for "update_tables" failed. Execution was interrupted unexpectedly. No user'
    )
    assert interrupted_run_message(line) == "run 95f61772 (update_tables) was interrupted; its sensor requests it again"
    assert interrupted_run_message("dagster._core.errors.DagsterExecutionInterruptedError") is None


def test_alerts_link_to_the_ui_that_was_started_unless_another_address_is_set(monkeypatch):
    monkeypatch.delenv("FRESHET_DAGSTER_URL", raising=False)
    assert programs(settings(dagster_port=3001), UI_URL, None)[0].environment["FRESHET_DAGSTER_URL"] == UI_URL
    shop_settings = settings(dagster_url="https://dagster.example.org")
    assert "FRESHET_DAGSTER_URL" not in programs(shop_settings, UI_URL, None)[0].environment


def test_a_port_in_use_is_one_line_and_no_program_starts(tmp_path, used_port):
    environment = {
        "FRESHET_LAKE": str(tmp_path / "lake"), "DAGSTER_HOME": str(tmp_path), "PYTHONPATH": str(ROOT),
        "FRESHET_GATEWAY_PORT": str(used_port), "FRESHET_DAGSTER_PORT": "0",
    }  # fmt: skip
    completed_process = subprocess.run(
        [sys.executable, "-m", "pipelines.dev"], cwd=tmp_path, env=environment, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert (completed_process.returncode, completed_process.stdout) == (2, "")
    assert completed_process.stderr.startswith(f"error: port {used_port}: the gateway needs it, and process ")
    assert completed_process.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_ui_that_is_not_up_yet_is_polled(monkeypatch):
    requests, lines = [], []

    class NotReadyHandler(BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append(self.path)
            self.send_response(503 if len(requests) < 3 else 200)
            self.end_headers()

        def log_message(self, *_):
            pass

    monkeypatch.setattr(dagster_ui, "POLL_INTERVAL_S", 0.2)
    with HTTPServer(("127.0.0.1", 0), NotReadyHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ui = f"http://127.0.0.1:{server.server_port}"
        start = time.monotonic()
        announce_when_up(ui, lines.append)
        server.shutdown()
    assert (requests, lines) == (["/server_info"] * 3, [f"Dagster's UI is up: {ui}"])
    assert time.monotonic() - start > 0.4

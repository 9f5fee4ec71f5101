"""The gateway as a process: start, stop, kill, and its dependencies."""

import http.client
import json
import os
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from benchmarks.installed_size import RUNTIME_PACKAGE, base_dependencies, dependency_closure, package_bytes
from freshet.serving.errors import GatewayError
from freshet.serving.server import listen, server_url
from tests.tiny_gateway import gateway_process, landed_lines, release_tiny_bundle, wait_for


def extra_modules():
    """Return the installed modules that the base dependencies do not need: those of the extras."""
    needed = dependency_closure(base_dependencies(Path("pyproject.toml"))) | {"freshet"}
    distributions = {name: set(map(canonicalize_name, by)) for name, by in packages_distributions().items()}
    return {name for name, by in distributions.items() if not by & needed}


def http_call(url, body=None):
    """Return (status, body) of the response; (0, None) if there is none."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except (OSError, ValueError, http.client.HTTPException):  # HTTPException: killed while it responded
        return 0, None


def is_ready(url):
    return http_call(f"{url}/readyz")[0] == 200


def test_a_port_in_use_is_an_error_with_a_fix():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(GatewayError) as exc_info:
            listen("127.0.0.1", port)
    assert str(exc_info.value) == (
        f"gateway on 127.0.0.1: port {port} is in use; stop the process that uses it, or set FRESHET_GATEWAY_PORT"
    )


def test_an_address_of_another_machine_is_named():
    with pytest.raises(GatewayError, match=r"gateway on 192\.0\.2\.1: it cannot listen on port 0 \(Cannot assign"):
        listen("192.0.2.1", 0)


def test_the_url_contains_the_chosen_port():
    with listen("127.0.0.1", 0) as server_socket:
        assert server_url(server_socket) == f"http://127.0.0.1:{server_socket.getsockname()[1]}"


def test_sigterm_lands_waiting_lines_and_a_second_gateway_is_refused(tmp_path):
    release_tiny_bundle(str(tmp_path / "lake"), tmp_path)
    with gateway_process(tmp_path) as (gateway, url):
        wait_for(lambda: is_ready(url))
        with gateway_process(tmp_path) as (second_process, _):
            assert second_process.wait(60) == 2
            assert f"another gateway (process {gateway.pid}) holds it" in second_process.stderr.read()
        assert http_call(f"{url}/v1/events", {"user_id": "u", "item_id": "a", "event_type": "view"})[0] == 202
        assert landed_lines(str(tmp_path / "lake")) == []
        gateway.send_signal(signal.SIGTERM)
        assert gateway.wait(60) == 0
    assert [line["item_id"] for line in landed_lines(str(tmp_path / "lake"))] == ["a"]


def test_a_kill_loses_no_acknowledged_event_and_lands_none_twice(tmp_path):
    """The process is killed four times while clients post and files land."""
    lake, accepted_ids, n_posts = str(tmp_path / "lake"), set(), 0
    for round_ in range(4):
        with gateway_process(tmp_path, FRESHET_FLUSH_INTERVAL_S="0.05") as (gateway, url):
            killer = threading.Timer(0.05 + 0.05 * round_, lambda one=gateway: os.kill(one.pid, signal.SIGKILL))
            before, deadline = len(accepted_ids), time.monotonic() + 60
            while True:
                assert killer.ident is not None or time.monotonic() < deadline, "no event was acknowledged"
                if killer.ident is None and len(accepted_ids) - before > 10:  # not earlier: start-up time varies
                    killer.start()
                n_posts += 1
                ids = [f"{n_posts}-{number}" for number in range(3)]
                events = [{"session_id": "s", "item_id": "a", "event_type": "view", "event_id": i} for i in ids]
                status, _ = http_call(f"{url}/v1/events", events)
                if status == 0 and killer.ident is not None:
                    break
                assert gateway.poll() is None or killer.ident is not None
                accepted_ids |= set(ids) if status == 202 else set()
            killer.join()
    with gateway_process(tmp_path, FRESHET_FLUSH_INTERVAL_S="0.05") as (gateway, url):
        wait_for(lambda: http_call(f"{url}/readyz")[1]["waiting"] == 0)
        gateway.send_signal(signal.SIGTERM)
        assert gateway.wait(60) == 0
    landed_ids = [line["event_id"] for line in landed_lines(lake)]
    assert len(accepted_ids) > 30
    assert accepted_ids <= set(landed_ids)
    assert len(landed_ids) == len(set(landed_ids))


def kill_with_pending_event(root):
    """Kill a gateway before its one acknowledged event has landed."""
    with gateway_process(root, FRESHET_FLUSH_INTERVAL_S="3600") as (gateway, url):
        wait_for(lambda: http_call(f"{url}/healthz")[0] == 200)
        wait_for(
            lambda: http_call(f"{url}/v1/events", {"user_id": "u", "item_id": "a", "event_type": "view"})[0] == 202
        )
        gateway.send_signal(signal.SIGKILL)
        gateway.wait(60)


def write_prelude(folder, text):
    """Write a `sitecustomize` that gateway processes import; return its folder."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(text)
    return folder


def test_sigterm_right_after_listening_lands_waiting_lines(tmp_path):
    kill_with_pending_event(tmp_path)
    with gateway_process(tmp_path) as (gateway, _):
        gateway.send_signal(signal.SIGTERM)
        assert gateway.wait(60) == 0
    assert [line["item_id"] for line in landed_lines(str(tmp_path / "lake"))] == ["a"]


@pytest.mark.parametrize("module", ["uvicorn", "freshet.serving.http.app", "uvicorn.lifespan.on"])
def test_sigterm_while_the_server_is_imported_stops_the_gateway(tmp_path, module):
    prelude = write_prelude(
        tmp_path / "prelude",
        "import os, signal, sys\n"
        "class Signalled:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        "            os.kill(os.getpid(), signal.SIGTERM)\n"
        "sys.meta_path.insert(0, Signalled())\n",
    )
    with gateway_process(tmp_path, prelude=prelude) as (gateway, url):
        assert url.startswith("http://127.0.0.1:")
        assert gateway.wait(60) == 0


def test_the_gateway_works_with_only_its_own_dependencies_installed(tmp_path):
    """The gateway and its bundle check cannot import anything else."""
    release_tiny_bundle(str(tmp_path / "lake"), tmp_path)
    blocked = extra_modules()
    assert {"torch", "pyspark", "dagster", "pandas", "pyarrow", "pyiceberg", "evidently", "onnx", "scipy"} <= blocked
    prelude = write_prelude(
        tmp_path / "prelude",
        "import sys\n"
        "class NotInstalled:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] in {blocked!r}:\n"
        "            raise ModuleNotFoundError(f'{name} is not installed here')\n"
        "sys.meta_path.insert(0, NotInstalled())\n",
    )
    with gateway_process(tmp_path, prelude=prelude) as (gateway, url):
        wait_for(lambda: is_ready(url))
        event = {"session_id": "s", "item_id": "a", "event_type": "view"}
        assert http_call(f"{url}/v1/events", event)[0] == 202
        status, response = http_call(f"{url}/v1/recommendations?session_id=s&k=1")
        assert (status, response["tier"], response["items"][0]["item_id"]) == (200, "sequence", "e")
        gateway.send_signal(signal.SIGTERM)
        assert gateway.wait(60) == 0


def test_the_gateways_dependencies_take_at_most_250_mb_without_onnxruntime():
    needed = dependency_closure(base_dependencies(Path("pyproject.toml")))
    assert {"numpy", "litestar", "uvicorn", "obstore", RUNTIME_PACKAGE} <= needed
    assert not needed & {"torch", "pyspark", "dagster", "pandas", "pyarrow"}
    assert 50e6 < sum(package_bytes(name) for name in needed - {RUNTIME_PACKAGE}) <= 250e6

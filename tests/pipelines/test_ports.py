"""Checking ports, finding free ones, and naming the process that uses one."""

import os
import socket
import subprocess
import sys

import pytest

from freshet.errors import SettingsError
from pipelines.ports import base_url, describe_listener, find_free_port, require_free_port


@pytest.fixture
def used_port():
    """A port of 127.0.0.1 on which this process listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_in_use_is_an_error_with_the_process_and_the_setting(used_port):
    with pytest.raises(SettingsError) as exc_info:
        require_free_port("127.0.0.1", used_port, "the gateway", "FRESHET_GATEWAY_PORT")
    assert exc_info.value.where == f"port {used_port}"
    assert exc_info.value.what.startswith(f"the gateway needs it, and process {os.getpid()} (")
    assert exc_info.value.what.endswith(") uses it")
    assert exc_info.value.fix == "stop that, or set FRESHET_GATEWAY_PORT to a port that is free"


def test_the_listener_is_named_by_its_command():
    code = (
        "import socket, time; s = socket.create_server(('127.0.0.1', 0));"
        "print(s.getsockname()[1], flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        port = int(process.stdout.readline())
        assert describe_listener(port).startswith(f"process {process.pid} ({sys.executable} -c import socket")
        process.kill()
    assert describe_listener(port) == ""


def test_a_free_port_is_free_and_stays_so(used_port):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    require_free_port("127.0.0.1", port, "the gateway", "FRESHET_GATEWAY_PORT")
    require_free_port("127.0.0.1", port, "the gateway", "FRESHET_GATEWAY_PORT")


def test_a_preferred_port_that_is_free_is_returned():
    port = find_free_port("127.0.0.1")
    assert find_free_port("127.0.0.1", port) == port


def test_another_port_is_returned_where_the_preferred_one_is_in_use(used_port):
    assert find_free_port("127.0.0.1", used_port) != used_port


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(SettingsError, match="the gateway cannot listen there"):
        require_free_port("203.0.113.7", 8080, "the gateway", "FRESHET_GATEWAY_PORT")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("::1", "http://[::1]:80"),
        ("shop.local", "http://shop.local:80"),
    ],
)
def test_the_address_shown_is_one_that_a_browser_can_open(host, url):
    assert base_url(host, 80) == url

"""The demo's gateway finds a port."""

import socket

from pipelines.demo.gateway import free_port


def test_a_port_that_is_free_is_taken():
    port = free_port("127.0.0.1", 0)
    assert free_port("127.0.0.1", port) == port


def test_where_somebody_listens_another_port_is_found():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert free_port("127.0.0.1", port) != port

"""The demo's gateway finds a port."""

import socket

from pipelines.demo.gateway import free_port


def test_a_port_that_is_free_is_taken():
    wanted = free_port("127.0.0.1", 0)
    assert free_port("127.0.0.1", wanted) == wanted


def test_where_somebody_listens_another_port_is_found():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = taken.getsockname()[1]
        assert free_port("127.0.0.1", wanted) != wanted

"""Run a gateway until SIGTERM or Ctrl-C."""

import errno
import logging
import signal
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from freshet.data.pseudonym import load_pseudonym_key
from freshet.errors import LakeError
from freshet.lake_checks import check_lake, new_lake_message
from freshet.serving.clock import Clock
from freshet.serving.errors import GatewayError
from freshet.serving.garbage_collection import freeze_heap
from freshet.serving.gateway import Gateway
from freshet.serving.state_lock import acquire_state_lock, state_folder
from freshet.settings import Settings

if TYPE_CHECKING:
    from uvicorn import Server

LOG = logging.getLogger("freshet")
BACKLOG: Final = 2048
STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
KEEP_ALIVE_S: Final = 75  # of an idle connection: longer than load balancers keep theirs (60 s), so that they close it
SHUTDOWN_GRACE_S: Final = 1  # for running requests at shutdown


def serve(settings: Settings, clock: Clock, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C. on_ready: called with the gateway's URL as soon as it listens.

    Raises GatewayError if the port is in use, or if another gateway holds the state folder.
    """
    _check_lake(settings.lake)
    server_socket = listen(settings.gateway_host, settings.gateway_port)
    state_lock = acquire_state_lock(state_folder(settings))
    try:
        gateway = Gateway(settings, load_pseudonym_key(settings), state_lock.folder, clock, freeze_heap)
        stop_event = _stop_on_signal()
        gateway.start()
        on_ready(server_url(server_socket))
        _run_server(gateway, server_socket, stop_event)
    finally:
        server_socket.close()
        state_lock.release()


def _check_lake(lake: str) -> None:
    """Log warnings about the lake. Raises MissingLakeError if a new one cannot be created.

    Bundles are files outside the tables: a missing catalogue stops the pipeline, but not the gateway.
    """
    if message := new_lake_message(lake):
        LOG.warning("%s", message)
    try:
        check_lake(lake)
    except LakeError as error:
        LOG.warning("no pipeline runs on this lake: %s", error)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises GatewayError if the address cannot be used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server_socket = socket.socket(family, socket.SOCK_STREAM)
    try:
        server_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server_socket.bind((host, port))
        server_socket.listen(BACKLOG)
    except OSError as error:
        server_socket.close()
        where = f"gateway on {host}"
        if error.errno == errno.EADDRINUSE:
            fix = "stop the process that uses it, or set FRESHET_GATEWAY_PORT"
            raise GatewayError(where, f"port {port} is in use", fix) from None
        what = f"it cannot listen on port {port} ({error.strerror})"
        raise GatewayError(where, what, "set FRESHET_GATEWAY_HOST and FRESHET_GATEWAY_PORT") from None
    return server_socket


def server_url(server_socket: socket.socket) -> str:
    """Return `http://127.0.0.1:8080`."""
    host, port = server_socket.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _stop_on_signal() -> threading.Event:
    """Return an event that SIGTERM and Ctrl-C set until uvicorn handles them."""
    stop_event = threading.Event()
    for signum in STOP_SIGNALS:
        signal.signal(signum, lambda *_: stop_event.set())
    return stop_event


def _run_server(gateway: Gateway, server_socket: socket.socket, stop_event: threading.Event) -> None:
    """Run uvicorn until SIGTERM or Ctrl-C; the application's shutdown stops the gateway.

    The signals set `should_exit` instead of uvicorn's own handlers, which would raise the signal again at the end.
    """
    server = _new_server(gateway)
    for signum in STOP_SIGNALS:
        signal.signal(signum, lambda *_: setattr(server, "should_exit", True))
    freeze_heap()  # the objects loaded so far, in case no release is swapped in
    if stop_event.is_set():
        server.should_exit = True
    server.run(sockets=[server_socket])


def _new_server(gateway: Gateway) -> "Server":
    # These imports take half a second, during which the first release is checked.
    import uvicorn

    from freshet.serving.http.app import create_app
    from freshet.serving.http.protocol import bounded_protocol

    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    config = uvicorn.Config(
        create_app(gateway),
        http=bounded_protocol(gateway.rejected_requests.add),
        ws="none",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
        timeout_keep_alive=KEEP_ALIVE_S,
        backlog=BACKLOG,
        server_header=False,
    )
    return uvicorn.Server(config)

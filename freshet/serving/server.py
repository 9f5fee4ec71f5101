"""Runs a gateway until it is told to stop."""

import errno
import logging
import signal
import socket
import threading
from collections.abc import Callable
from typing import Final

from freshet.data.pseudonym import load_pseudonym_key
from freshet.errors import LakeError
from freshet.lake_checks import check_lake, new_lake_message
from freshet.serving.clock import Clock
from freshet.serving.garbage_collection import freeze_heap
from freshet.serving.gateway import Gateway
from freshet.serving.http.errors import GatewayError
from freshet.serving.http.protocol import bounded_protocol
from freshet.serving.state_lock import acquire_state_lock, state_folder
from freshet.settings import Settings

LOG = logging.getLogger("freshet")
BACKLOG: Final = 2048
STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
KEEP_ALIVE_S: Final = (
    75  # seconds that an idle connection stays: longer than balancers keep theirs (60), so that they end it
)
SHUTDOWN_GRACE_S: Final = 1  # seconds for requests under way at the end


def serve(settings: Settings, clock: Clock, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C. ready: called with the address as soon as the gateway listens.

    Raises GatewayError: the port is in use, or another gateway holds the state folder.
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
    """Say what is to be known of the lake. Raises MissingLakeError where none can be begun.

    What serves are files beside the tables: a catalogue that is missing stops the pipeline, not the gateway.
    """
    if message := new_lake_message(lake):
        LOG.warning("%s", message)
    try:
        check_lake(lake)
    except LakeError as error:
        LOG.warning("no pipeline runs on this lake: %s", error)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises GatewayError when that is not possible there."""
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
            fix = "stop what listens there or set FRESHET_GATEWAY_PORT"
            raise GatewayError(where, f"port {port} is in use", fix) from None
        what = f"it cannot listen on port {port} ({error.strerror})"
        raise GatewayError(where, what, "set FRESHET_GATEWAY_HOST and FRESHET_GATEWAY_PORT") from None
    return server_socket


def server_url(server_socket: socket.socket) -> str:
    """`http://127.0.0.1:8080`."""
    host, port = server_socket.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _stop_on_signal() -> threading.Event:
    """Set by SIGTERM and Ctrl-C from here on: until uvicorn listens to them itself nobody else would remember."""
    stop_event = threading.Event()
    for signum in STOP_SIGNALS:
        signal.signal(signum, lambda *_: stop_event.set())
    return stop_event


def _run_server(gateway: Gateway, server_socket: socket.socket, stop_event: threading.Event) -> None:
    """Until SIGTERM or Ctrl-C, then the application's end: what waits is landed.

    uvicorn raises the signal again when it has ended: an orderly end is no death.
    """
    import uvicorn  # half a second, in which the first release is being proved

    from freshet.serving.http.app import create_app

    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    config = uvicorn.Config(
        create_app(gateway),
        http=bounded_protocol(gateway.refusal_log.add),
        ws="none",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
        timeout_keep_alive=KEEP_ALIVE_S,
        backlog=BACKLOG,
        server_header=False,
    )
    server = uvicorn.Server(config)
    for signum in STOP_SIGNALS:
        signal.signal(signum, lambda *_: setattr(server, "should_exit", True))
    freeze_heap()  # what was loaded by now, where no release comes
    if stop_event.is_set():
        server.should_exit = True
    server.run(sockets=[server_socket])

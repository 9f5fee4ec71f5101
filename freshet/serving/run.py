"""Runs a gateway until it is told to stop."""

import errno
import logging
import signal
import socket
import threading
from collections.abc import Callable
from typing import Final

from freshet.errors import LakeError
from freshet.lake_state import check_lake, new_lake
from freshet.pseudonym import lake_key
from freshet.serving.clock import Clock
from freshet.serving.garbage import settle
from freshet.serving.gateway import Gateway
from freshet.serving.problems import GatewayError
from freshet.serving.state import hold, state_folder
from freshet.settings import Settings

LOG = logging.getLogger("freshet")
BACKLOG: Final = 2048
ENDS: Final = (signal.SIGTERM, signal.SIGINT)
KEEP_ALIVE: Final = (
    75  # seconds that an idle connection stays: longer than balancers keep theirs (60), so that they end it
)
GRACE: Final = 1  # seconds for requests under way at the end


def serve(settings: Settings, clock: Clock, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C. ready: called with the address as soon as the gateway listens.

    Raises GatewayError: the port is in use, or another gateway holds the state folder.
    """
    _look_at(settings.lake)
    listening = listen(settings.gateway_host, settings.gateway_port)
    held = hold(state_folder(settings))
    try:
        gateway = Gateway(settings, lake_key(settings), held.folder, clock, settle)
        asked = _asked_to_stop()
        gateway.start()
        ready(address(listening))
        _run(gateway, listening, asked)
    finally:
        listening.close()
        held.release()


def _look_at(lake: str) -> None:
    """Say what is to be known of the lake. Raises MissingLakeError where none can be begun.

    What serves are files beside the tables: a catalogue that is missing stops the pipeline, not the gateway.
    """
    if new := new_lake(lake):
        LOG.warning("%s", new)
    try:
        check_lake(lake)
    except LakeError as error:
        LOG.warning("no pipeline runs on this lake: %s", error)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises GatewayError when that is not possible there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
        opened.listen(BACKLOG)
    except OSError as error:
        opened.close()
        where = f"gateway on {host}"
        if error.errno == errno.EADDRINUSE:
            fix = "stop what listens there or set FRESHET_GATEWAY_PORT"
            raise GatewayError(where, f"port {port} is in use", fix) from None
        what = f"it cannot listen on port {port} ({error.strerror})"
        raise GatewayError(where, what, "set FRESHET_GATEWAY_HOST and FRESHET_GATEWAY_PORT") from None
    return opened


def address(listening: socket.socket) -> str:
    """`http://127.0.0.1:8080`."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _asked_to_stop() -> threading.Event:
    """Set by SIGTERM and Ctrl-C from here on: until uvicorn listens to them itself nobody else would remember."""
    asked = threading.Event()
    for number in ENDS:
        signal.signal(number, lambda *_: asked.set())
    return asked


def _run(gateway: Gateway, listening: socket.socket, asked: threading.Event) -> None:
    """Until SIGTERM or Ctrl-C, then the application's end: what waits is landed.

    uvicorn raises the signal again when it has ended: an orderly end is no death.
    """
    import uvicorn  # half a second, in which the first release is being proved

    from freshet.serving.app import application
    from freshet.serving.protocol import bounded

    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    config = uvicorn.Config(
        application(gateway),
        http=bounded(gateway.refusals.add),
        ws="none",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=KEEP_ALIVE,
        backlog=BACKLOG,
        server_header=False,
    )
    server = uvicorn.Server(config)
    for number in ENDS:
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    settle()  # what was loaded by now, where no release comes
    if asked.is_set():
        server.should_exit = True
    server.run(sockets=[listening])

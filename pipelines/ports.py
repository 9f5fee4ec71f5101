"""Ports of this machine: whether one is free, and which process listens there."""

import errno
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from freshet.errors import SettingsError

PROCESSES: Final = Path("/proc")  # Linux only
LISTENS: Final = "0A"  # the state in /proc/net/tcp
EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # what listens on all addresses is reached on this one


def require_free(host: str, port: int, what: str, variable: str) -> None:
    """Raises SettingsError where `what` could not listen there, naming the process that does."""
    try:
        _listen(host, port)
    except OSError as error:
        fix = f"set {variable} to a port that is free"
        if error.errno != errno.EADDRINUSE:
            raise SettingsError(f"port {port}", f"{what} cannot listen there ({error.strerror})", fix) from None
        process = listener(port) or "another process"
        raise SettingsError(f"port {port}", f"{what} needs it, and {process} uses it", f"stop that, or {fix}") from None


def free_port(host: str, wanted: int, what: str, variable: str) -> int:
    """The wanted port, or any free one for 0. Raises SettingsError as `require_free` does."""
    require_free(host, wanted, what, variable)
    return wanted or _listen(host, 0)


def _listen(host: str, port: int) -> int:
    """The port, once it has been listened on for a moment. Raises OSError where that is not possible."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tried.bind((host, port))
        tried.listen(1)
        return int(tried.getsockname()[1])


def address(host: str, port: int) -> str:
    """`http://127.0.0.1:8080`: what a browser on this machine opens."""
    host = EVERYWHERE.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def listener(port: int) -> str:
    """`process 1234 (python -m http.server 3000)`; empty where the system does not say."""
    sockets = {f"socket:[{inode}]" for inode in _listening(port)}
    for folder in sorted(PROCESSES.glob("[0-9]*")) if sockets else ():
        try:
            if any(str(link.readlink()) in sockets for link in (folder / "fd").iterdir()):
                command = (folder / "cmdline").read_text().replace("\0", " ").strip()
                return f"process {folder.name} ({command[:80]})"
        except OSError:
            continue  # of another user, or it has ended meanwhile
    return ""


def _listening(port: int) -> Iterator[str]:
    """The inodes of the sockets that listen on the port."""
    for table in ("tcp", "tcp6"):
        path = PROCESSES / "net" / table
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            fields = line.split()
            if fields[3] == LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]

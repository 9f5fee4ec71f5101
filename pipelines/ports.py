"""Ports of this machine: whether one is free, and which process listens there."""

import errno
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from freshet.errors import SettingsError

PROC_FOLDER: Final = Path("/proc")  # Linux only
TCP_LISTEN_STATE: Final = "0A"  # the state in /proc/net/tcp
LOOPBACK_ADDRESSES: Final = {
    "0.0.0.0": "127.0.0.1",
    "::": "::1",
}  # what listens on all addresses is reached on this one


def require_free_port(host: str, port: int, program: str, variable: str) -> None:
    """Raises SettingsError where `what` could not listen there, naming the process that does."""
    try:
        _try_listen(host, port)
    except OSError as error:
        fix = f"set {variable} to a port that is free"
        if error.errno != errno.EADDRINUSE:
            raise SettingsError(f"port {port}", f"{program} cannot listen there ({error.strerror})", fix) from None
        process = describe_listener(port) or "another process"
        raise SettingsError(
            f"port {port}", f"{program} needs it, and {process} uses it", f"stop that, or {fix}"
        ) from None


def free_port(host: str, preferred_port: int, program: str, variable: str) -> int:
    """The wanted port, or any free one for 0. Raises SettingsError as `require_free` does."""
    require_free_port(host, preferred_port, program, variable)
    return preferred_port or _try_listen(host, 0)


def _try_listen(host: str, port: int) -> int:
    """The port, once it has been listened on for a moment. Raises OSError where that is not possible."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        probe.listen(1)
        return int(probe.getsockname()[1])


def base_url(host: str, port: int) -> str:
    """`http://127.0.0.1:8080`: what a browser on this machine opens."""
    host = LOOPBACK_ADDRESSES.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def describe_listener(port: int) -> str:
    """`process 1234 (python -m http.server 3000)`; empty where the system does not say."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for folder in sorted(PROC_FOLDER.glob("[0-9]*")) if sockets else ():
        try:
            if any(str(link.readlink()) in sockets for link in (folder / "fd").iterdir()):
                command = (folder / "cmdline").read_text().replace("\0", " ").strip()
                return f"process {folder.name} ({command[:80]})"
        except OSError:
            continue  # of another user, or it has ended meanwhile
    return ""


def _listening_inodes(port: int) -> Iterator[str]:
    """The inodes of the sockets that listen on the port."""
    for table in ("tcp", "tcp6"):
        path = PROC_FOLDER / "net" / table
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            fields = line.split()
            if fields[3] == TCP_LISTEN_STATE and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]

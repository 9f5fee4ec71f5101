"""TCP ports of this machine: find a free one, check one, name the process that listens on one."""

import contextlib
import errno
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from freshet.errors import FreshetError, SettingsError

PROC_FOLDER: Final = Path("/proc")  # Linux only
TCP_LISTEN_STATE: Final = "0A"  # the state in /proc/net/tcp
LOOPBACK_ADDRESSES: Final = {
    "0.0.0.0": "127.0.0.1",
    "::": "::1",
}  # address that listens on all interfaces → address to connect to


def require_free_port(host: str, port: int, program: str, variable: str) -> None:
    """Raise SettingsError if `program` cannot listen on the port; the message names the process that does."""
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


def require_port(host: str, preferred_port: int, program: str, variable: str) -> int:
    """Return the port, or any free one for 0. Raises SettingsError as `require_free_port` does."""
    require_free_port(host, preferred_port, program, variable)
    return preferred_port or _try_listen(host, 0)


def find_free_port(host: str, preferred_port: int = 0) -> int:
    """Return the preferred port if it is free, else any free one. Raises FreshetError if there is none."""
    for port in (preferred_port, 0):
        with contextlib.suppress(OSError):
            return _try_listen(host, port)
    raise FreshetError(host, "no port is free", "set FRESHET_GATEWAY_HOST to an address of this machine")


def _try_listen(host: str, port: int) -> int:
    """Listen on the port for a moment and return it. Raises OSError if that is not possible."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        probe.listen(1)
        return int(probe.getsockname()[1])


def base_url(host: str, port: int) -> str:
    """Return the URL to open on this machine, such as `http://127.0.0.1:8080`."""
    host = LOOPBACK_ADDRESSES.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def describe_listener(port: int) -> str:
    """Return `process 1234 (python -m http.server 3000)`; empty if the system does not tell."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for folder in sorted(PROC_FOLDER.glob("[0-9]*")) if sockets else ():
        try:
            if any(str(link.readlink()) in sockets for link in (folder / "fd").iterdir()):
                command = (folder / "cmdline").read_text().replace("\0", " ").strip()
                return f"process {folder.name} ({command[:80]})"
        except OSError:
            continue  # another user's process, or it has ended
    return ""


def _listening_inodes(port: int) -> Iterator[str]:
    """Yield the inodes of the sockets that listen on the port."""
    for table in ("tcp", "tcp6"):
        path = PROC_FOLDER / "net" / table
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            fields = line.split()
            if fields[3] == TCP_LISTEN_STATE and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]

"""What a gateway keeps on this machine: one folder per lake, held by one gateway at a time."""

import fcntl
import hashlib
import os
from pathlib import Path
from typing import IO, Final

from freshet.serving.problems import GatewayError
from freshet.settings import Settings

LOCK: Final = "lock"


def state_folder(settings: Settings) -> Path:
    """The folder of this lake's gateway: `<state>/<hash of the lake>`."""
    return settings.state / hashlib.sha256(settings.lake.encode()).hexdigest()[:16]


class Held:
    """A state folder while one gateway holds it; the lock goes with the process, however that ends."""

    def __init__(self, folder: Path, lock: IO[str]) -> None:
        self.folder, self._lock = folder, lock

    def release(self) -> None:
        """Let another gateway have it."""
        self._lock.close()


def hold(folder: Path) -> Held:
    """Make the folder if need be and hold it. Raises GatewayError when another does, or it cannot be written."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / LOCK).open("a+")
    except OSError as error:
        fix = "make it writable, or set FRESHET_STATE to a folder that is"
        raise GatewayError(str(folder), f"cannot be written ({error.strerror})", fix) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        fix = "stop that one, or give this one a folder of its own with FRESHET_STATE"
        raise GatewayError(str(folder), f"another gateway (process {holder}) holds it", fix) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    sync_folders(folder)
    return Held(folder, lock)


def sync_folders(folder: Path) -> None:
    """The names in the folder, and its own name above it, survive a power cut."""
    for path in (folder, folder.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

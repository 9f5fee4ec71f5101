"""What a gateway keeps on this machine: one folder per lake, held by one gateway at a time."""

import fcntl
import hashlib
import os
from pathlib import Path
from typing import IO, Final

from freshet.serving.http.errors import GatewayError
from freshet.settings import Settings

LOCK_FILE: Final = "lock"


def state_folder(settings: Settings) -> Path:
    """The folder of this lake's gateway: `<state>/<hash of the lake>`."""
    return settings.gateway_state_dir / hashlib.sha256(settings.lake.encode()).hexdigest()[:16]


class StateLock:
    """A state folder while one gateway holds it; the lock goes with the process, however that ends."""

    def __init__(self, folder: Path, lock_file: IO[str]) -> None:
        self.folder, self._lock_file = folder, lock_file

    def release(self) -> None:
        """Let another gateway have it."""
        self._lock_file.close()


def acquire_state_lock(folder: Path) -> StateLock:
    """Make the folder if need be and hold it. Raises GatewayError when another does, or it cannot be written."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock_file = (folder / LOCK_FILE).open("a+")
    except OSError as error:
        fix = "make it writable, or set FRESHET_GATEWAY_STATE_DIR to a folder that is"
        raise GatewayError(str(folder), f"cannot be written ({error.strerror})", fix) from error
    try:
        fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock_file.seek(0)
        holder = lock_file.read().strip() or "unknown"
        lock_file.close()
        fix = "stop that one, or give this one a folder of its own with FRESHET_GATEWAY_STATE_DIR"
        raise GatewayError(str(folder), f"another gateway (process {holder}) holds it", fix) from None
    lock_file.truncate(0)
    lock_file.write(f"{os.getpid()}\n")
    lock_file.flush()
    sync_folders(folder)
    return StateLock(folder, lock_file)


def sync_folders(folder: Path) -> None:
    """The names in the folder, and its own name above it, survive a power cut."""
    for path in (folder, folder.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

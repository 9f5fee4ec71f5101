"""The gateway's state folder: one per lake, locked by one gateway at a time."""

import fcntl
import hashlib
import os
from pathlib import Path
from typing import IO, Final

from freshet.serving.errors import GatewayError
from freshet.settings import Settings

LOCK_FILE: Final = "lock"


def state_folder(settings: Settings) -> Path:
    """Return the state folder of this lake's gateway: `<FRESHET_GATEWAY_STATE_DIR>/<hash of the lake>`."""
    return settings.gateway_state_dir / hashlib.sha256(settings.lake.encode()).hexdigest()[:16]


class StateLock:
    """A locked state folder. The operating system releases the lock when the process ends."""

    def __init__(self, folder: Path, lock_file: IO[str]) -> None:
        self.folder, self._lock_file = folder, lock_file

    def release(self) -> None:
        """Release the lock."""
        self._lock_file.close()


def acquire_state_lock(folder: Path) -> StateLock:
    """Create and lock the folder. Raises GatewayError if another gateway holds it, or if it cannot be written."""
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
        fix = "stop that one, or set FRESHET_GATEWAY_STATE_DIR to another folder"
        raise GatewayError(str(folder), f"another gateway (process {holder}) holds it", fix) from None
    lock_file.truncate(0)
    lock_file.write(f"{os.getpid()}\n")
    lock_file.flush()
    sync_folders(folder)
    return StateLock(folder, lock_file)


def sync_folders(folder: Path) -> None:
    """Sync the folder and its parent, so that new files and the folder survive a power cut."""
    for path in (folder, folder.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

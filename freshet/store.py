"""The store of files that are not tables (bundles, journal, keys), in a local folder or on S3."""

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import obstore
import obstore.exceptions
from obstore.store import LocalStore, from_url

from freshet.errors import LakeError
from freshet.lake_checks import new_lake_message

DISK_FULL_TEXT = "os error 28"  # ENOSPC in obstore's messages
PARTIAL_NAME = re.compile(r".*#\d+", re.DOTALL)  # a file that obstore is writing


@dataclass(frozen=True)
class FileInfo:
    """A file in a listing."""

    path: str
    bytes: int
    modified: datetime  # UTC


@dataclass(frozen=True)
class Store:
    """The files below the lake's root. Paths are relative to it, separated by `/`; every error is a LakeError."""

    root: str

    @property
    def is_local(self) -> bool:
        """Whether the lake is a local folder."""
        return "://" not in self.root

    def local_path(self, path: str) -> Path:
        """Return the local path of `path`. Raises LakeError for a remote lake."""
        if not self.is_local:
            raise LakeError(self.full_path(path), "not on this machine", "fetch it first (Store.fetch_folder)")
        return Path(self.root) / path

    def full_path(self, path: str) -> str:
        """Return the full name of `path`, for messages."""
        return f"{self.root}/{path}"

    def put(self, path: str, content: bytes | Path) -> None:
        """Write or replace `path` atomically: a reader sees the old content or the new, never a mixture."""
        self._put(path, content, "overwrite")

    def put_if_absent(self, path: str, content: bytes) -> bool:
        """Write `path` unless it exists; return whether it was written. Of concurrent writers one gets True."""
        return self._put(path, content, "create")

    def sync(self, path: str) -> None:
        """Make sure that a file survives a power failure; a remote store ensures that when the file is put.

        Raises LakeError if there is no such file or the disk fails.
        """
        if self.is_local:
            with _lake_errors(self.full_path(path), "cannot be synced"):
                _fsync(self.local_path(path), Path(self.root))

    def get(self, path: str) -> bytes:
        """Return the content of `path`. Raises LakeError if there is no such file."""
        if not self._root_exists:
            _raise_missing(self.full_path(path))
        with _lake_errors(self.full_path(path), "cannot be read"):
            return bytes(obstore.get(self._client, path).bytes())

    def remove(self, path: str) -> None:
        """Remove the file at `path`, if there is one. Only for files that can be created again."""
        if self._root_exists:
            with _lake_errors(self.full_path(path), "cannot be removed"), contextlib.suppress(FileNotFoundError):
                obstore.delete(self._client, path)

    def exists(self, path: str) -> bool:
        """Whether there is a file at `path`."""
        with _lake_errors(self.full_path(path), "cannot be read"), contextlib.suppress(FileNotFoundError):
            return self._root_exists and obstore.head(self._client, path) is not None
        return False

    def list(self, prefix: str) -> tuple[str, ...]:
        """Return all files below `prefix`, sorted. Path parts are matched whole: `a/bc` is not below `a/b`."""
        return tuple(info.path for info in self.list_info(prefix))

    def list_info(self, prefix: str) -> tuple[FileInfo, ...]:
        """Return the same as `list`, with size and time of each file."""
        if not self._root_exists:
            return ()
        with _lake_errors(self.full_path(prefix), "cannot be listed"):
            try:
                entries = [entry for batch in obstore.list(self._client, prefix or None) for entry in batch]
            except obstore.exceptions.InvalidPathError:
                return self._list_local_info(prefix)  # a name that object stores do not allow, e.g. with a tab in it
        infos = (FileInfo(str(entry["path"]), int(entry["size"]), entry["last_modified"]) for entry in entries)
        return tuple(sorted(infos, key=lambda info: info.path))

    def _list_local_info(self, prefix: str) -> tuple[FileInfo, ...]:
        root = Path(self.root)
        files = sorted(path for path in (root / prefix).rglob("*") if path.is_file())
        stats = [(path.relative_to(root).as_posix(), path.stat()) for path in files]
        return tuple(FileInfo(name, s.st_size, datetime.fromtimestamp(s.st_mtime, UTC)) for name, s in stats)

    def list_folders(self, prefix: str) -> tuple[str, ...]:
        """Return the names of the direct subfolders of `prefix`, sorted, without listing their files."""
        if not self._root_exists:
            return ()
        with _lake_errors(self.full_path(prefix), "cannot be listed"):
            prefixes = obstore.list_with_delimiter(self._client, prefix)["common_prefixes"]
        return tuple(sorted(path.rstrip("/").rpartition("/")[2] for path in prefixes))

    def list_names(self, prefix: str) -> tuple[str, ...]:
        """Return the names of files and folders directly below `prefix`, sorted; a folder's name ends with `/`."""
        if self.is_local:
            return _list_local_names(Path(self.root) / prefix)
        with _lake_errors(self.full_path(prefix), "cannot be listed"):
            listing = obstore.list_with_delimiter(self._client, prefix)
        paths = [str(entry["path"]) for entry in listing["objects"]]
        files = (
            path.rpartition("/")[2] for path in paths if path != prefix
        )  # S3 consoles create an object with the folder's name
        folders = (path.rstrip("/").rpartition("/")[2] + "/" for path in listing["common_prefixes"])
        return tuple(sorted((*files, *folders)))

    def put_folder(self, folder: Path, prefix: str, last: str) -> None:
        """Copy the files of `folder` to `prefix`; `last`, whose presence marks a complete folder, is copied last.

        For content-addressed prefixes: a second copy writes the same bytes and repairs damaged files.
        """
        names = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name != last)
        for name in (*names, last):
            self.put(f"{prefix}/{name}", folder / name)

    def fetch_folder(self, prefix: str, cache_dir: Path) -> Path:
        """Return a local folder with the files of `prefix`: the lake's own if it is local, else a copy in `cache_dir`.

        The prefix must be immutable: an existing copy is used without a check.
        """
        names = self.list(prefix)
        if not names:
            _raise_missing(self.full_path(prefix))
        if self.is_local:
            return self.local_path(prefix)
        target = cache_dir / prefix
        if not target.exists():
            self._download(names, target)
        return target

    def _download(self, names: tuple[str, ...], target: Path) -> None:
        """Download all files or none: into a temporary folder, which is renamed when it is complete."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
            part = Path(temporary) / "part"
            part.mkdir()
            for name in names:
                path = part / name.rpartition("/")[2]
                path.write_bytes(self.get(name))
                _fsync(path, part)  # the copy is not checked later: it must survive a power failure
            with contextlib.suppress(OSError):  # another process was faster
                part.rename(target)
        if not target.exists():
            _raise_lake_error(str(target), "cannot be written", OSError("the folder is not there after the copy"))

    def _put(self, path: str, content: bytes | Path, mode: str) -> bool:
        new_lake_message(self.root)  # raises if the lake's parent folder is missing, too
        with _lake_errors(self.full_path(path), "nothing was published", is_missing=False):
            try:
                obstore.put(self._client, path, content, mode=mode)
            except obstore.exceptions.AlreadyExistsError:
                return False
            if self.is_local:
                _fsync(self.local_path(path), Path(self.root))
        return True

    @property
    def _root_exists(self) -> bool:
        return not self.is_local or Path(self.root).is_dir()

    @cached_property
    def _client(self) -> Any:
        return LocalStore(self.root, mkdir=True) if self.is_local else from_url(self.root)


def open_store(root: str) -> Store:
    """Return the store at `root` (`settings.lake`), a folder or an s3:// URL. Opens nothing yet."""
    return Store(root.rstrip("/") if "://" in root else str(Path(root).expanduser().absolute()))


def _fsync(file: Path, root: Path) -> None:
    """Flush the file and every folder from it up to the root to disk."""
    for path in (file, *file.parents):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if path == root:
            return


def _list_local_names(folder: Path) -> tuple[str, ...]:
    """As `Store.list_names`, without the files `name#1` that obstore is still writing."""
    children: list[tuple[str, bool]] = []
    with (
        _lake_errors(str(folder), "cannot be listed"),
        contextlib.suppress(FileNotFoundError),
        os.scandir(folder) as entries,
    ):
        children = [(entry.name, entry.is_dir()) for entry in entries if not PARTIAL_NAME.fullmatch(entry.name)]
    return tuple(sorted(f"{name}/" if is_folder else name for name, is_folder in children))


@contextmanager
def _lake_errors(where: str, consequence: str, *, is_missing: bool = True) -> Iterator[None]:
    """Raise LakeError for errors of the object store and the file system.

    consequence: what did not work, for the message. is_missing: a FileNotFoundError says that `where` does not exist.
    """
    try:
        yield
    except (obstore.exceptions.BaseError, OSError) as error:
        if is_missing and isinstance(error, FileNotFoundError):
            _raise_missing(where)
        _raise_lake_error(where, consequence, error)


def _raise_missing(where: str) -> NoReturn:
    raise LakeError(where, "does not exist", "check FRESHET_LAKE (`freshet settings`), or create it again") from None


def _raise_lake_error(where: str, consequence: str, error: Exception) -> NoReturn:
    """Raise LakeError with the first line of the object store's message, which may have twenty."""
    message = str(error).splitlines()[0]
    if DISK_FULL_TEXT in message or getattr(error, "errno", None) == 28:
        raise LakeError(where, f"the disk is full, {consequence}", "free some space and run again") from error
    raise LakeError(
        where, f"{consequence} ({message})", "check that the lake can be reached and written, then run again"
    ) from error

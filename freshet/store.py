"""Files of the lake that are not tables (bundles, journal, keys): one way for local folders and S3 alike."""

import contextlib
import os
import re
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from freshet.errors import LakeError
from freshet.lake_checks import new_lake_message

DISK_FULL_TEXT = "os error 28"  # ENOSPC, as obstore words it
PARTIAL_NAME = re.compile(r".*#\d+", re.DOTALL)


@dataclass(frozen=True)
class FileInfo:
    """What a listing says of a file without opening it."""

    path: str
    bytes: int
    modified: datetime  # UTC


@dataclass(frozen=True)
class Store:
    """The lake's root. Paths are relative to it, with `/` between the parts; every error is a LakeError."""

    root: str

    @property
    def is_local(self) -> bool:
        """Whether the lake is a folder of this machine."""
        return "://" not in self.root

    def local_path(self, path: str) -> Path:
        """Where `path` lies on this machine; a local lake only."""
        if not self.is_local:
            raise LakeError(self.full_path(path), "not on this machine", "fetch it first (Store.fetch_folder)")
        return Path(self.root) / path

    def full_path(self, path: str) -> str:
        """The full name of `path`, for people."""
        return f"{self.root}/{path}"

    def put(self, path: str, content: bytes | Path) -> None:
        """Write or replace `path` whole: a reader sees the old content or the new, never a mixture."""
        self._put(path, content, "overwrite")

    def put_if_absent(self, path: str, content: bytes) -> bool:
        """Write `path` unless it exists; False if it does. Of two at once exactly one gets True."""
        return self._put(path, content, "create")

    def sync(self, path: str) -> None:
        """From here on a file that somebody wrote survives a power cut; a remote store promised that when it was put.

        Raises LakeError when there is none, or the disk refuses.
        """
        if not self.is_local:
            return
        try:
            _fsync(self.local_path(path), Path(self.root))
        except FileNotFoundError:
            _raise_missing(self.full_path(path))
        except OSError as error:
            _raise_lake_error(self.full_path(path), "cannot be synced", error)

    def get(self, path: str) -> bytes:
        """The content of `path`. Raises LakeError when there is none."""
        import obstore

        if not self._root_exists:
            _raise_missing(self.full_path(path))
        try:
            return bytes(obstore.get(self._client, path).bytes())
        except FileNotFoundError:
            _raise_missing(self.full_path(path))
        except (obstore.exceptions.BaseError, OSError) as error:
            _raise_lake_error(self.full_path(path), "cannot be read", error)

    def remove(self, path: str) -> None:
        """Take the file at `path` away; nothing happens when there is none. For what may be made again only."""
        import obstore

        try:
            if self._root_exists:
                obstore.delete(self._client, path)
        except FileNotFoundError:
            return
        except (obstore.exceptions.BaseError, OSError) as error:
            _raise_lake_error(self.full_path(path), "cannot be removed", error)

    def exists(self, path: str) -> bool:
        """Whether a file stands at `path`."""
        import obstore

        try:
            return self._root_exists and obstore.head(self._client, path) is not None
        except FileNotFoundError:
            return False
        except (obstore.exceptions.BaseError, OSError) as error:
            _raise_lake_error(self.full_path(path), "cannot be read", error)

    def list(self, prefix: str) -> tuple[str, ...]:
        """All files below `prefix` (whole parts: `a/b` is not below `a/bc`), sorted; none when nothing is there."""
        return tuple(stamp.path for stamp in self.list_info(prefix))

    def list_info(self, prefix: str) -> tuple[FileInfo, ...]:
        """As `list`, with size and time of each file."""
        import obstore

        if not self._root_exists:
            return ()
        try:
            entries = [entry for batch in obstore.list(self._client, prefix or None) for entry in batch]
        except obstore.exceptions.InvalidPathError:
            return self._list_local_info(prefix)  # a name that no object store takes, e.g. with a tab in it
        except (obstore.exceptions.BaseError, OSError) as error:
            _raise_lake_error(self.full_path(prefix), "cannot be listed", error)
        infos = (FileInfo(str(entry["path"]), int(entry["size"]), entry["last_modified"]) for entry in entries)
        return tuple(sorted(infos, key=lambda stamp: stamp.path))

    def _list_local_info(self, prefix: str) -> tuple[FileInfo, ...]:
        root = Path(self.root)
        files = sorted(path for path in (root / prefix).rglob("*") if path.is_file())
        stats = [(path.relative_to(root).as_posix(), path.stat()) for path in files]
        return tuple(FileInfo(name, s.st_size, datetime.fromtimestamp(s.st_mtime, UTC)) for name, s in stats)

    def list_folders(self, prefix: str) -> tuple[str, ...]:
        """The names of the folders right below `prefix`, sorted: one look, however many files they hold."""
        import obstore

        if not self._root_exists:
            return ()
        try:
            prefixes = obstore.list_with_delimiter(self._client, prefix)["common_prefixes"]
        except (obstore.exceptions.BaseError, OSError) as error:
            _raise_lake_error(self.full_path(prefix), "cannot be listed", error)
        return tuple(sorted(path.rstrip("/").rpartition("/")[2] for path in prefixes))

    def list_names(self, prefix: str) -> tuple[str, ...]:
        """The names of what lies right below `prefix`, sorted; a folder's ends with `/`, and is not looked into."""
        import obstore

        if self.is_local:
            return _list_local_names(Path(self.root) / prefix)
        try:
            listing = obstore.list_with_delimiter(self._client, prefix)
        except (obstore.exceptions.BaseError, OSError) as error:
            _raise_lake_error(self.full_path(prefix), "cannot be listed", error)
        paths = [str(entry["path"]) for entry in listing["objects"]]
        files = (path.rpartition("/")[2] for path in paths if path != prefix)  # a console marks a folder by its name
        folders = (path.rstrip("/").rpartition("/")[2] + "/" for path in listing["common_prefixes"])
        return tuple(sorted((*files, *folders)))

    def put_folder(self, folder: Path, prefix: str, last: str) -> None:
        """Copy the files of `folder` to `prefix`; `last`, the file readers look for, goes when all others are there.

        For content-addressed prefixes: a second time writes the same bytes again, and mends what was damaged.
        """
        names = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name != last)
        for name in (*names, last):
            self.put(f"{prefix}/{name}", folder / name)

    def fetch_folder(self, prefix: str, cache_dir: Path) -> Path:
        """A local folder with the files of `prefix`: the lake's own where it is local, else a copy below `cache`.

        The prefix must never change once written: a copy made before is used as it is.
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
        """All or nothing: into a folder of another name first, renamed when it is whole."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
            part = Path(temporary) / "part"
            part.mkdir()
            for name in names:
                path = part / name.rpartition("/")[2]
                path.write_bytes(self.get(name))
                _fsync(path, part)  # a copy is used as it is from now on: it must be whole after a power cut, too
            with contextlib.suppress(OSError):  # somebody else was faster
                part.rename(target)
        if not target.exists():
            _raise_lake_error(str(target), "cannot be written", OSError("the folder is not there after the copy"))

    def _put(self, path: str, content: bytes | Path, mode: str) -> bool:
        import obstore

        new_lake_message(self.root)  # refuses where not even the folder above is there
        try:
            obstore.put(self._client, path, content, mode=mode)
            if self.is_local:
                _fsync(self.local_path(path), Path(self.root))
        except obstore.exceptions.AlreadyExistsError:
            return False
        except (obstore.exceptions.BaseError, OSError) as error:
            _raise_lake_error(self.full_path(path), "nothing was published", error)
        return True

    @property
    def _root_exists(self) -> bool:
        return not self.is_local or Path(self.root).is_dir()

    @cached_property
    def _client(self) -> Any:
        from obstore.store import LocalStore, from_url

        return LocalStore(self.root, mkdir=True) if self.is_local else from_url(self.root)


def open_store(root: str) -> Store:
    """The store at `root` (`settings.lake`): a folder or an s3:// URL. Nothing is touched before the first call."""
    return Store(root.rstrip("/") if "://" in root else str(Path(root).expanduser().absolute()))


def _fsync(file: Path, root: Path) -> None:
    """What has been written survives a power cut: the file, and every folder up to the root that names it."""
    for path in (file, *file.parents):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if path == root:
            return


def _list_local_names(folder: Path) -> tuple[str, ...]:
    """As `Store.names`. What obstore is still writing lies beside its place as `name#1`: it is not there yet."""
    try:
        with os.scandir(folder) as entries:
            children = [(entry.name, entry.is_dir()) for entry in entries if not PARTIAL_NAME.fullmatch(entry.name)]
    except FileNotFoundError:
        return ()
    except OSError as error:
        _raise_lake_error(str(folder), "cannot be listed", error)
    return tuple(sorted(f"{name}/" if is_folder else name for name, is_folder in children))


def _raise_missing(where: str) -> NoReturn:
    raise LakeError(where, "does not exist", "check FRESHET_LAKE (`freshet settings`), or make it again") from None


def _raise_lake_error(where: str, consequence: str, error: Exception) -> NoReturn:
    """Say in one line what the object store said in twenty."""
    message = str(error).splitlines()[0]
    if DISK_FULL_TEXT in message or getattr(error, "errno", None) == 28:
        raise LakeError(where, f"the disk is full, {consequence}", "free some space and run again") from error
    raise LakeError(
        where, f"{consequence} ({message})", "see that the lake can be reached and written, then run again"
    ) from error

"""The lake that make.sh wrote, unpacked for one test."""

import fcntl
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ARCHIVE = Path(__file__).with_name("lake.tar.xz")
ROOT = Path("/tmp/freshet-lake-before-renames")  # the archive's Iceberg metadata names this folder


@contextmanager
def locked_folder() -> Iterator[None]:
    """Keep other test processes from unpacking meanwhile: the folder is the same for all."""
    with ROOT.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
        shutil.rmtree(ROOT, ignore_errors=True)


def unpack() -> Path:
    """Unpack the archive and return its folder, with `lake/`, `state/`, `mapping.yaml` and `.env`."""
    shutil.rmtree(ROOT, ignore_errors=True)
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(ROOT.parent, filter="data")
    return ROOT

"""What is looked at of this shop: its lake, its mapping, its first day."""

import os
import shutil
from datetime import date
from pathlib import Path

from freshet.checkup.finding import Finding
from freshet.commands import LAND
from freshet.settings import Settings

LEAST_FREE = 5_000_000_000  # bytes: a lake of a mid-sized shop and one training run


def lake(settings: Settings) -> Finding:
    """A folder that can be written, on a disk with room. A lake on S3 is looked at when it is used."""
    if "://" in settings.lake:
        return Finding("lake", "ok", settings.lake)
    root = Path(settings.lake)
    nearest = next(folder for folder in (root, *root.parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        return Finding(
            "lake", "wrong", f"{nearest} cannot be written", "`chown` it or set FRESHET_LAKE to another folder"
        )
    free = shutil.disk_usage(nearest).free
    room = f"{free / 1e9:.0f} GB free"
    if free < LEAST_FREE:
        return Finding("lake", "wrong", f"{root}: {room}", "free 5 GB, or set FRESHET_LAKE to a folder on another disk")
    if not root.exists():
        return Finding("lake", "missing", f"{root}: no lake yet, {room}", f"`{LAND}` makes it")
    return Finding("lake", "ok", f"{root}: {room}")


def mapping(settings: Settings) -> Finding:
    """The file that says how a shop's own files become events. What is in it `freshet mapping check` judges."""
    path = settings.mapping
    if path is None:
        return Finding(
            "mapping",
            "missing",
            "FRESHET_MAPPING is not set: what producers drop cannot be read",
            "set it to a file like those in examples/; a shop that only posts events needs none",
        )
    if not path.is_file() or not os.access(path, os.R_OK):
        return Finding("mapping", "wrong", f"{path} cannot be read", "correct FRESHET_MAPPING")
    return Finding("mapping", "ok", str(path))


def first_day(settings: Settings) -> Finding:
    """Days before it do not exist, so it must not lie in the future."""
    if settings.first_day > date.today():
        return Finding("first day", "wrong", f"{settings.first_day} has not come yet", "correct FRESHET_FIRST_DAY")
    return Finding("first day", "ok", str(settings.first_day))

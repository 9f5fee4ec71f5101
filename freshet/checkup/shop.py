"""What is looked at of this shop: its lake, its mapping, its first day, and the state of its gateway."""

import os
import shutil
from datetime import date
from pathlib import Path
from typing import Final

from freshet.checkup.finding import ALL, Finding, Work
from freshet.commands import LAND
from freshet.errors import FreshetError, JournalError, LakeError, MissingLakeError
from freshet.lake_state import check_lake, new_lake, require_lake
from freshet.landing import landed_files, landing_days
from freshet.live import journal
from freshet.live.holds import held, hold_sentence
from freshet.live.journal_files import listing, stray_warning
from freshet.settings import Settings
from freshet.stages.waiting import waiting_bundles
from freshet.store import open_store
from freshet.tables.collected import is_collected
from freshet.tables.mapping import read

LEAST_FREE: Final = 5_000_000_000  # bytes: a lake of a mid-sized shop and one training run
TABLES: Final[tuple[Work, ...]] = ("pipeline", "training")
PIPELINE: Final[tuple[Work, ...]] = ("pipeline",)


def lake(settings: Settings) -> Finding:
    """A folder that can be written, on a disk with room, with the catalogue of its own tables."""
    if "://" in settings.lake:
        what = f"{settings.lake}: tables need a folder, so no pipeline runs there and no model is trained"
        return Finding("lake", "wrong", what, "set FRESHET_LAKE to a folder", TABLES)
    try:
        new_lake(settings.lake)
    except LakeError as error:
        return Finding("lake", "wrong", f"{error.where}: {error.what}", error.fix, ALL)
    return _folder(Path(settings.lake))


def _folder(root: Path) -> Finding:
    nearest = root if root.exists() else root.parent
    if not os.access(nearest, os.W_OK):
        fix = "`chown` it or set FRESHET_LAKE to another folder"
        return Finding("lake", "wrong", f"{nearest} cannot be written", fix, ALL)
    free = shutil.disk_usage(nearest).free
    room = f"{free / 1e9:.0f} GB free"
    if free < LEAST_FREE:
        fix = "free 5 GB, or set FRESHET_LAKE to a folder on another disk"
        return Finding("lake", "wrong", f"{root}: {room}", fix, ALL)
    if not root.exists():
        return Finding("lake", "missing", f"{root}: no lake yet, {room}", f"`{LAND}` makes it", ALL)
    try:
        check_lake(str(root))
    except LakeError as error:
        return Finding("lake", "wrong", f"{error.where}: {error.what}", error.fix, TABLES)
    return Finding("lake", "ok", f"{root}: {room}")


def mapping(settings: Settings) -> Finding:
    """The file that says how a shop's own files become events; `freshet mapping check` judges its expressions."""
    if settings.mapping is None:
        return _unmapped(settings)
    try:
        read(settings.mapping)
    except FreshetError as error:
        return Finding("mapping", "wrong", f"{error.where}: {error.what}", error.fix, PIPELINE)
    return Finding("mapping", "ok", str(settings.mapping))


def _unmapped(settings: Settings) -> Finding:
    """Needed as soon as the shop landed a file of its own."""
    fix = "set it to a file like those in examples/ (docs/mapping.md)"
    try:
        files = [file for file in landed_files(open_store(settings.lake)) if not is_collected(file)]
    except LakeError:
        files = []
    if files:
        others = f" and {len(files) - 1} other landed file{'s' * (len(files) > 2)}" if len(files) > 1 else ""
        what = f"FRESHET_MAPPING is not set: {files[0].name}{others} cannot be read"
        return Finding("mapping", "wrong", what, fix, PIPELINE)
    what = "FRESHET_MAPPING is not set: only what is posted to the gateway can be read"
    return Finding("mapping", "missing", what, fix, PIPELINE)


def first_day(settings: Settings) -> Finding:
    """Days before it do not exist, so it must lie neither in the future nor behind what landed."""
    if settings.first_day > date.today():
        what = f"{settings.first_day} has not come yet"
        return Finding("first day", "wrong", what, "correct FRESHET_FIRST_DAY", PIPELINE)
    try:
        landed = landing_days(open_store(settings.lake))
    except LakeError:
        landed = []
    before = [day for day in landed if day < settings.first_day]
    if 2 * len(before) > len(landed):  # a few are rows with a wrong clock: they are no reason to begin so early
        what = f"{settings.first_day}, and {len(before)} of {len(landed)} landed days lie before it: they are not run"
        fix = f"set FRESHET_FIRST_DAY to the first day of the shop; the first that landed is {before[0]}"
        return Finding("first day", "wrong", what, fix, PIPELINE)
    return Finding("first day", "ok", str(settings.first_day))


def releases(settings: Settings) -> Finding:
    """The journal that says what serves; what else lies in its folder is ignored and named."""
    try:
        require_lake(settings.lake)
        store = open_store(settings.lake)
        entries, strays = journal.readable(store), listing(store).strays
        serves, waiting = journal.current(store), waiting_bundles(store, entries)
    except MissingLakeError:
        return Finding("releases", "ok", "none yet")
    except (JournalError, LakeError) as error:
        return Finding("releases", "wrong", f"{error.where}: {error.what}", error.fix, ("gateway",))
    hold, warning = held(entries), stray_warning(store, strays) if strays else None
    facts = ["none yet" if serves is None else f"{serves.title} serves"]
    facts += [hold_sentence(hold)] if hold is not None else []
    facts += [one.sentence for one in waiting]
    facts += [f"{warning.where}: {warning.what}"] if warning is not None else []
    return Finding("releases", "ok", "; ".join(facts), warning.fix if warning is not None else "")


def gateway_state(settings: Settings) -> Finding:
    """The folder in which a gateway keeps events until they land."""
    nearest = next(folder for folder in (settings.state, *settings.state.parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        fix = "make it writable, or set FRESHET_STATE to a folder that is"
        return Finding("gateway state", "wrong", f"{nearest} cannot be written", fix, ("gateway",))
    return Finding("gateway state", "ok", str(settings.state))

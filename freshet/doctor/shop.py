"""Checks of this shop: lake, mapping, first day, releases, and the gateway's state."""

import os
import shutil
from datetime import date
from pathlib import Path
from typing import Final

from freshet.commands import LAND_COMMAND
from freshet.doctor.result import CAPABILITIES, Capability, CheckResult
from freshet.errors import FreshetError, JournalError, LakeError, MissingLakeError
from freshet.ingest.files.gateway_files import is_gateway_file
from freshet.ingest.mapping.source_mapping import read_mapping
from freshet.lake_checks import check_lake, new_lake_message, require_lake
from freshet.landing import landed_files, landing_days
from freshet.releases import journal
from freshet.releases.holds import hold_in_force, hold_sentence
from freshet.releases.journal_files import list_journal, stray_warning
from freshet.settings import Settings
from freshet.steps.release.waiting_bundles import waiting_bundles
from freshet.store import open_store

MIN_FREE_BYTES: Final = 5_000_000_000  # a lake of a mid-sized shop and one training run
TABLE_CAPABILITIES: Final[tuple[Capability, ...]] = ("pipeline", "training")
PIPELINE_CAPABILITIES: Final[tuple[Capability, ...]] = ("pipeline",)


def check_lake_folder(settings: Settings) -> CheckResult:
    """Check that the lake is a writable folder with free disk space, and that its catalogue is complete."""
    if "://" in settings.lake:
        what = f"{settings.lake}: tables need a local folder, so the pipeline and training do not work"
        return CheckResult("lake", "wrong", what, "set FRESHET_LAKE to a folder", TABLE_CAPABILITIES)
    try:
        new_lake_message(settings.lake)
    except LakeError as error:
        return CheckResult.from_error("lake", error, CAPABILITIES)
    return _check_folder(Path(settings.lake))


def _check_folder(root: Path) -> CheckResult:
    existing_folder = root if root.exists() else root.parent
    if not os.access(existing_folder, os.W_OK):
        fix = "`chown` it or set FRESHET_LAKE to another folder"
        return CheckResult("lake", "wrong", f"{existing_folder} is not writable", fix, CAPABILITIES)
    free = shutil.disk_usage(existing_folder).free
    free_space = f"{free / 1e9:.0f} GB free"
    if free < MIN_FREE_BYTES:
        fix = "free 5 GB, or set FRESHET_LAKE to a folder on another disk"
        return CheckResult("lake", "wrong", f"{root}: {free_space}", fix, CAPABILITIES)
    if not root.exists():
        return CheckResult(
            "lake", "missing", f"{root}: no lake yet, {free_space}", f"`{LAND_COMMAND}` creates it", CAPABILITIES
        )
    try:
        check_lake(str(root))
    except LakeError as error:
        return CheckResult.from_error("lake", error, TABLE_CAPABILITIES)
    return CheckResult("lake", "ok", f"{root}: {free_space}")


def check_mapping(settings: Settings) -> CheckResult:
    """Check that the source mapping is readable; `freshet mapping check` also checks its expressions."""
    if settings.mapping is None:
        return _check_missing_mapping(settings)
    try:
        read_mapping(settings.mapping)
    except FreshetError as error:
        return CheckResult.from_error("mapping", error, PIPELINE_CAPABILITIES)
    return CheckResult("mapping", "ok", str(settings.mapping))


def _check_missing_mapping(settings: Settings) -> CheckResult:
    """Without a mapping only events from the gateway can be read: wrong if the shop has landed files."""
    fix = "set it to a file like those in examples/ (docs/mapping.md)"
    try:
        files = [file for file in landed_files(open_store(settings.lake)) if not is_gateway_file(file)]
    except LakeError:
        files = []
    if files:
        others = f" and {len(files) - 1} other landed file{'s' * (len(files) > 2)}" if len(files) > 1 else ""
        what = f"FRESHET_MAPPING is not set: {files[0].name}{others} cannot be read"
        return CheckResult("mapping", "wrong", what, fix, PIPELINE_CAPABILITIES)
    what = "FRESHET_MAPPING is not set: only events posted to the gateway can be read"
    return CheckResult("mapping", "missing", what, fix, PIPELINE_CAPABILITIES)


def check_first_day(settings: Settings) -> CheckResult:
    """Check the first day: not in the future, and not after most landed days, because earlier days are not run."""
    if settings.first_day > date.today():
        what = f"{settings.first_day} is in the future"
        return CheckResult("first day", "wrong", what, "correct FRESHET_FIRST_DAY", PIPELINE_CAPABILITIES)
    try:
        days_with_files = landing_days(open_store(settings.lake))
    except LakeError:
        days_with_files = []
    earlier_days = [day for day in days_with_files if day < settings.first_day]
    # A few earlier days are rows with a wrong clock.
    if 2 * len(earlier_days) > len(days_with_files):
        counts = f"{len(earlier_days)} of {len(days_with_files)} landed days"
        what = f"{settings.first_day}, and {counts} are before it: they are not run"
        fix = f"set FRESHET_FIRST_DAY to the first day of the shop; the first that landed is {earlier_days[0]}"
        return CheckResult("first day", "wrong", what, fix, PIPELINE_CAPABILITIES)
    return CheckResult("first day", "ok", str(settings.first_day))


def check_releases(settings: Settings) -> CheckResult:
    """Check the journal of releases; other files in its folder are named and ignored."""
    try:
        require_lake(settings.lake)
        store = open_store(settings.lake)
        entries, strays = journal.readable_entries(store), list_journal(store).strays
        current_entry, pending = journal.champion_entry(store), waiting_bundles(store, entries)
    except MissingLakeError:
        return CheckResult("releases", "ok", "none yet")
    except (JournalError, LakeError) as error:
        return CheckResult.from_error("releases", error, ("gateway",))
    hold, warning = hold_in_force(entries), stray_warning(store, strays) if strays else None
    messages = ["none yet" if current_entry is None else f"{current_entry.title} serves"]
    messages += [hold_sentence(hold)] if hold is not None else []
    messages += [bundle.sentence for bundle in pending]
    messages += [f"{warning.where}: {warning.what}"] if warning is not None else []
    return CheckResult("releases", "ok", "; ".join(messages), warning.fix if warning is not None else "")


def check_gateway_state(settings: Settings) -> CheckResult:
    """Check the folder in which the gateway stores events until they land."""
    existing_folder = next(
        folder for folder in (settings.gateway_state_dir, *settings.gateway_state_dir.parents) if folder.exists()
    )
    if not existing_folder.is_dir() or not os.access(existing_folder, os.W_OK):
        fix = "make it writable, or set FRESHET_GATEWAY_STATE_DIR to a folder that is"
        return CheckResult("gateway state", "wrong", f"{existing_folder} is not writable", fix, ("gateway",))
    return CheckResult("gateway state", "ok", str(settings.gateway_state_dir))

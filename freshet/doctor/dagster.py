"""Checks of Dagster, without importing it: its home and its telemetry."""

import os
from pathlib import Path
from typing import Final

from freshet import runtime
from freshet.doctor.result import Capability, CheckResult
from freshet.settings import ForeignEnvironment, Settings

DAGSTER_HOME_FIX = (
    "type `source .venv/bin/activate` in the repository, or set DAGSTER_HOME to the full path of .freshet/dagster"
)

RUN_CAPABILITIES: Final[tuple[Capability, ...]] = ("pipeline", "training")


def check_dagster_home(_settings: Settings) -> CheckResult:
    """Check the folder in which Dagster stores runs and logs. Dagster reads DAGSTER_HOME before any `.env`."""
    home = ForeignEnvironment().dagster_home
    problem = _home_problem(home)
    if problem is not None:
        message, fix = problem
        return CheckResult("DAGSTER_HOME", "wrong", message, fix, RUN_CAPABILITIES)
    if home is not None and not (home / "dagster.yaml").exists():
        fix = f"cp deploy/dagster.yaml {home}/"
        return CheckResult("DAGSTER_HOME", "missing", f"{home} has no dagster.yaml", fix, RUN_CAPABILITIES)
    return CheckResult("DAGSTER_HOME", "ok", str(home))


def _home_problem(home: Path | None) -> tuple[str, str] | None:
    """Return (message, fix) if Dagster cannot store its runs there."""
    if home is None:
        return "not set: Dagster would forget every run (a .env cannot set it)", DAGSTER_HOME_FIX
    if not home.is_absolute():
        return f"{home} is not a full path: Dagster refuses it", DAGSTER_HOME_FIX
    if not home.is_dir():
        return f"{home} is not a folder", f"`mkdir -p {home}`, or {DAGSTER_HOME_FIX}"
    if not os.access(home, os.W_OK):
        return f"{home} is not writable", f"`chown` it, or {DAGSTER_HOME_FIX}"
    return None


def check_telemetry(_settings: Settings) -> CheckResult:
    """Check that no library reports usage data."""
    home = ForeignEnvironment().dagster_home
    file = home / "dagster.yaml" if home is not None else None
    enabled_switches = runtime.enabled_telemetry()
    if file is not None and file.is_file() and "telemetry:\n  enabled: false" not in file.read_text():
        enabled_switches.append(f"telemetry in {file}")
    if enabled_switches:
        message, fix = f"not off: {', '.join(enabled_switches)}", "unset the variables; see deploy/dagster.yaml"
        return CheckResult("telemetry", "missing", message, fix)
    return CheckResult("telemetry", "ok", "off in every library")

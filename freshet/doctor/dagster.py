"""What is looked at of Dagster, without importing it: its home and its telemetry."""

import os
from typing import Final

from freshet import runtime
from freshet.doctor.result import Capability, CheckResult
from freshet.settings import ForeignEnvironment, Settings

DAGSTER_HOME_FIX = (
    "type `source .venv/bin/activate` in the repository, or set DAGSTER_HOME to the full path of .freshet/dagster"
)

RUN_CAPABILITIES: Final[tuple[Capability, ...]] = ("pipeline", "training")


def check_dagster_home(_settings: Settings) -> CheckResult:
    """Where Dagster keeps runs and logs. It reads the variable before any `.env`, so a `.env` cannot set it."""
    home = ForeignEnvironment().dagster_home
    if home is None:
        return CheckResult(
            "DAGSTER_HOME",
            "wrong",
            "not set: Dagster would forget every run (a .env cannot set it)",
            DAGSTER_HOME_FIX,
            RUN_CAPABILITIES,
        )
    if not home.is_absolute():
        return CheckResult(
            "DAGSTER_HOME",
            "wrong",
            f"{home} is not a full path: Dagster refuses it",
            DAGSTER_HOME_FIX,
            RUN_CAPABILITIES,
        )
    if not home.is_dir():
        return CheckResult(
            "DAGSTER_HOME",
            "wrong",
            f"{home} is no folder",
            f"`mkdir -p {home}`, or {DAGSTER_HOME_FIX}",
            RUN_CAPABILITIES,
        )
    if not os.access(home, os.W_OK):
        return CheckResult(
            "DAGSTER_HOME", "wrong", f"{home} cannot be written", f"`chown` it, or {DAGSTER_HOME_FIX}", RUN_CAPABILITIES
        )
    if not (home / "dagster.yaml").exists():
        return CheckResult(
            "DAGSTER_HOME",
            "missing",
            f"{home} has no dagster.yaml",
            f"cp deploy/dagster.yaml {home}/",
            RUN_CAPABILITIES,
        )
    return CheckResult("DAGSTER_HOME", "ok", str(home))


def check_telemetry(_settings: Settings) -> CheckResult:
    """Nothing under Freshet calls home."""
    home = ForeignEnvironment().dagster_home
    file = home / "dagster.yaml" if home is not None else None
    enabled_switches = runtime.enabled_telemetry()
    if file is not None and file.is_file() and "telemetry:\n  enabled: false" not in file.read_text():
        enabled_switches.append(f"telemetry in {file}")
    if enabled_switches:
        return CheckResult(
            "telemetry",
            "missing",
            f"not off: {', '.join(enabled_switches)}",
            "unset the variables; see deploy/dagster.yaml",
        )
    return CheckResult("telemetry", "ok", "off in every library")

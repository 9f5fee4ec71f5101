"""What is looked at of Dagster, without importing it: its home and its telemetry."""

import os
from typing import Final

from freshet import telemetry
from freshet.checkup.finding import Finding, Work
from freshet.settings import Settings, Surroundings

ACTIVATE = (
    "type `source .venv/bin/activate` in the repository, or set DAGSTER_HOME to the full path of .freshet/dagster"
)

RUNS: Final[tuple[Work, ...]] = ("pipeline", "training")


def dagster_home(_settings: Settings) -> Finding:
    """Where Dagster keeps runs and logs. It reads the variable before any `.env`, so a `.env` cannot set it."""
    home = Surroundings().dagster_home
    if home is None:
        return Finding(
            "DAGSTER_HOME", "wrong", "not set: Dagster would forget every run (a .env cannot set it)", ACTIVATE, RUNS
        )
    if not home.is_absolute():
        return Finding("DAGSTER_HOME", "wrong", f"{home} is not a full path: Dagster refuses it", ACTIVATE, RUNS)
    if not home.is_dir():
        return Finding("DAGSTER_HOME", "wrong", f"{home} is no folder", f"`mkdir -p {home}`, or {ACTIVATE}", RUNS)
    if not os.access(home, os.W_OK):
        return Finding("DAGSTER_HOME", "wrong", f"{home} cannot be written", f"`chown` it, or {ACTIVATE}", RUNS)
    if not (home / "dagster.yaml").exists():
        return Finding(
            "DAGSTER_HOME", "missing", f"{home} has no dagster.yaml", f"cp deploy/dagster.yaml {home}/", RUNS
        )
    return Finding("DAGSTER_HOME", "ok", str(home))


def telemetry_switches(_settings: Settings) -> Finding:
    """Nothing under Freshet calls home."""
    home = Surroundings().dagster_home
    file = home / "dagster.yaml" if home is not None else None
    left = telemetry.left_on()
    if file is not None and file.is_file() and "telemetry:\n  enabled: false" not in file.read_text():
        left.append(f"telemetry in {file}")
    if left:
        return Finding(
            "telemetry", "missing", f"not off: {', '.join(left)}", "unset the variables; see deploy/dagster.yaml"
        )
    return Finding("telemetry", "ok", "off in every library")

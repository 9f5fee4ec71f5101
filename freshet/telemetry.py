"""No library under Freshet calls home unless its own switch is set on purpose. The one place that says so."""

import os

# Dagster has no variable: its switch is `telemetry: enabled: false` in dagster.yaml, which set-up writes.
TELEMETRY_SWITCHES = {
    "DO_NOT_TRACK": "1",  # evidently, and every tool that follows the convention
    "ITERATIVE_DO_NOT_TRACK": "1",  # what evidently sends through
    "GX_ANALYTICS_ENABLED": "false",  # Great Expectations
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


def disable_telemetry() -> None:
    """Switch off what is not set already. Called by `settings.load`, which every entry point passes."""
    for name, value in TELEMETRY_SWITCHES.items():
        os.environ.setdefault(name, value)


def enabled_telemetry() -> list[str]:
    """The switches that somebody has set to something else."""
    return [name for name, value in TELEMETRY_SWITCHES.items() if os.environ.get(name, value) != value]

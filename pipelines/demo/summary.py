"""The demo's summary: click rates, events and releases, and the commands to look further."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from freshet.artifacts import DriftRef, published
from freshet.releases import journal
from freshet.steps.drift_report import html_path
from pipelines.demo.context import SESSIONS_PER_STEP, DemoContext
from pipelines.demo.shoppers import ClickThrough

RETRAINED_NOTE: Final = (
    "Release 2 does not reach the rate before the drift: half of its training days still have the old habits."
)
NOT_RELEASED_NOTE: Final = "The retrained model did not pass its gate, so the old lists are shown again."


def print_summary(context: DemoContext, click_throughs: Sequence[ClickThrough], seconds: float) -> None:
    """Write the click rates of the three measured steps, the counts, and the commands that show more."""
    context.output.section("Summary")
    last_release = _last_release(context)
    rows = _click_rate_rows(click_throughs, last_release)
    context.output.table(["when", "release", "lists with a click", "change"], rows)
    context.output.write(
        f"{SESSIONS_PER_STEP:,} sessions each; ± is half the 95 % interval, clustered by shopper. "
        f"{RETRAINED_NOTE if last_release > 1 else NOT_RELEASED_NOTE}",
        "dim",
    )
    context.output.write(
        f"{context.n_posted:,} events were posted and acknowledged; they land when the gateway stops. "
        f"{context.n_runs} runs, {_release_count(context)} releases."
    )
    context.output.section("Next")
    context.output.table(["", ""], _next_commands(context))
    context.output.write(f"The drift report as a page for the browser: {_drift_report_path(context)}")
    context.output.write(f"Done in {seconds:.0f} s.", "bold")


def _last_release(context: DemoContext) -> int:
    """Return the number of the last entry that released a new bundle."""
    return max(entry.number for entry in journal.read_entries(context.lake.store) if entry.kind == "release")


def _click_rate_rows(click_throughs: Sequence[ClickThrough], last_release: int) -> list[tuple[str, str, str, str]]:
    before, after, retrained = click_throughs
    change = retrained.difference_to(after).points_text
    return [
        ("before the drift", "release 1", str(before.rate), ""),
        ("after the drift", "release 1", str(after.rate), after.difference_to(before).points_text),
        ("the same sessions", f"release {last_release}", str(retrained.rate), change),
    ]


def _release_count(context: DemoContext) -> int:
    return journal.entry_count(context.lake.store)


def _next_commands(context: DemoContext) -> list[tuple[str, str]]:
    lake = _display_path(context.settings.lake)
    return [
        ("make dev", "these runs, gates, lineage and plots in the Dagster UI; shoppers keep coming"),
        (f"FRESHET_LAKE={lake} .venv/bin/freshet releases", "every release and its NDCG@10"),
        (f"FRESHET_LAKE={lake} .venv/bin/freshet days", "the counts of the landed rows, day by day"),
        ("make demo KEEP=1", "the demo again; the gateway stays up"),
    ]


def _drift_report_path(context: DemoContext) -> str:
    report = published(context.lake.store, "drift_report", DriftRef)
    return "" if report is None else f"{_display_path(context.settings.lake)}/{html_path(report.id)}"


def _display_path(lake: str) -> str:
    """Return the lake relative to the current folder, if it is inside."""
    cwd = Path.cwd()
    return str(Path(lake).relative_to(cwd)) if Path(lake).is_relative_to(cwd) else lake

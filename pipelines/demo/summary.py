"""The demo's summary: click rates, events and releases, and the commands to look further."""

from collections.abc import Sequence
from pathlib import Path

from freshet.artifacts import DriftRef, published
from freshet.releases import journal
from freshet.steps.drift_report import html_path
from pipelines.demo.context import SESSIONS_PER_STEP, DemoContext
from pipelines.demo.shoppers import ClickThrough


def print_summary(context: DemoContext, click_throughs: Sequence[ClickThrough], seconds: float) -> None:
    """Write the click rates of the three measured steps, the counts, and the commands that show more."""
    context.output.section("Summary")
    context.output.table(["when", "release", "lists with a click", "change"], _click_rate_rows(click_throughs))
    context.output.write(
        f"{SESSIONS_PER_STEP:,} sessions each; ± is half the 95 % interval, clustered by shopper. "
        "Release 2 does not reach the "
        "rate before the drift: half of its training days still have the old habits.",
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


def _click_rate_rows(click_throughs: Sequence[ClickThrough]) -> list[tuple[str, str, str, str]]:
    before, after, retrained = click_throughs
    return [
        ("before the drift", "release 1", str(before.rate), ""),
        ("after the drift", "release 1", str(after.rate), after.difference_to(before).points_text),
        ("the same sessions", "release 2", str(retrained.rate), retrained.difference_to(after).points_text),
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

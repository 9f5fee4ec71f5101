"""The last screen: what happened, and where to look."""

from collections.abc import Sequence
from pathlib import Path

from freshet.artifacts import DriftRef, published
from freshet.releases import journal
from freshet.steps.drift_report import html_path
from pipelines.demo.context import SESSIONS_PER_ACT, DemoContext
from pipelines.demo.shoppers import ClickThrough


def print_summary(context: DemoContext, click_throughs: Sequence[ClickThrough], seconds: float) -> None:
    """The acts side by side, the journal, and the commands that show more."""
    before_drift, after_drift, after_retraining = click_throughs
    context.output.section("What happened")
    rows = [
        ("before the drift", "release 1", str(before_drift.rate), ""),
        ("after the drift", "release 1", str(after_drift.rate), after_drift.difference_to(before_drift).points_text),
        (
            "the same visits",
            "release 2",
            str(after_retraining.rate),
            after_retraining.difference_to(after_drift).points_text,
        ),
    ]
    context.output.table(["when", "what served", "lists with a click", "change"], rows)
    context.output.write(
        f"{SESSIONS_PER_ACT:,} visits each; ± is half the 95 % interval, counted in shoppers. Release 2 has not won everything "
        "back: half of the days that it learned from still have the old habits.",
        "dim",
    )
    context.output.write(
        f"{context.n_posted:,} events were posted and acknowledged; all of them land when the gateway stops. "
        f"{context.n_runs} runs, {_release_count(context)} releases."
    )
    context.output.section("Where to look")
    context.output.table(["", ""], _next_commands(context))
    context.output.write(f"The drift report, for a browser: {_drift_report_path(context)}")
    context.output.write(f"Done in {seconds:.0f} s.", "bold")


def _release_count(context: DemoContext) -> int:
    return journal.entry_count(context.lake.store)


def _next_commands(context: DemoContext) -> list[tuple[str, str]]:
    lake = _display_path(context.settings.lake)
    return [
        ("make dev", "these runs, gates, lineage and pictures in the Dagster UI; shoppers come and go"),
        (f"FRESHET_LAKE={lake} .venv/bin/freshet releases", "every release, and what it was worth"),
        (f"FRESHET_LAKE={lake} .venv/bin/freshet days", "what became of every landed row"),
        ("make demo KEEP=1", "the same, and the gateway stays up"),
    ]


def _drift_report_path(context: DemoContext) -> str:
    report = published(context.lake.store, "drift_report", DriftRef)
    return "" if report is None else f"{_display_path(context.settings.lake)}/{html_path(report.id)}"


def _display_path(lake: str) -> str:
    """The lake as one would type it here."""
    cwd = Path.cwd()
    return str(Path(lake).relative_to(cwd)) if Path(lake).is_relative_to(cwd) else lake

"""The last screen: what happened, and where to look."""

from collections.abc import Sequence
from pathlib import Path

from freshet.live import journal
from freshet.references import DriftRef
from freshet.stages.drift import page_path
from pipelines.demo.play import VISITS, Play
from pipelines.demo.shoppers import ClickThrough
from resources.lake_io import published


def tell(play: Play, served: Sequence[ClickThrough], seconds: float) -> None:
    """The acts side by side, the journal, and the commands that show more."""
    calm, drifted, recovered = served
    play.screen.scene("What happened")
    rows = [
        ("before the drift", "release 1", str(calm.share), ""),
        ("after the drift", "release 1", str(drifted.share), drifted.against(calm).points),
        ("the same visits", "release 2", str(recovered.share), recovered.against(drifted).points),
    ]
    play.screen.columns(["when", "what served", "lists with a click", "change"], rows)
    play.screen.say(
        f"{VISITS:,} visits each; ± is half the 95 % interval, counted in shoppers. Release 2 has not won everything "
        "back: half of the days that it learned from still have the old habits.",
        "dim",
    )
    play.screen.say(
        f"{play.posted:,} events were posted and acknowledged; all of them land when the gateway stops. "
        f"{play.runs} runs, {_entries(play)} releases."
    )
    play.screen.scene("Where to look")
    play.screen.columns(["", ""], _places(play))
    play.screen.say(f"The drift report, for a browser: {_drift_page(play)}")
    play.screen.say(f"Done in {seconds:.0f} s.", "bold")


def _entries(play: Play) -> int:
    return journal.length(play.lake.store)


def _places(play: Play) -> list[tuple[str, str]]:
    lake = _shown(play.settings.lake)
    return [
        ("make dev", "these runs, gates, lineage and pictures in the Dagster UI; shoppers come and go"),
        (f"FRESHET_LAKE={lake} .venv/bin/freshet releases", "every release, and what it was worth"),
        (f"FRESHET_LAKE={lake} .venv/bin/freshet days", "what became of every landed row"),
        ("make demo KEEP=1", "the same, and the gateway stays up"),
    ]


def _drift_page(play: Play) -> str:
    report = published(play.lake.store, "drift_report", DriftRef)
    return "" if report is None else f"{_shown(play.settings.lake)}/{page_path(report.id)}"


def _shown(lake: str) -> str:
    """The lake as one would type it here."""
    here = Path.cwd()
    return str(Path(lake).relative_to(here)) if Path(lake).is_relative_to(here) else lake

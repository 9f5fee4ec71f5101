"""The picture of a drift report: what moved, by how much, and whether the champion still answers well."""

from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from assets.pictures import BEST, INK, OTHER, figure_of, picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from freshet.stages.drift import Drifting
    from freshet.watch.quality import Quality
    from freshet.watch.verdict import ColumnDrift, DriftVerdict

WORST: Final = 3  # columns in the picture
VALUES: Final = 6  # and values of each


def of_drift(made: "Drifting") -> dict[str, Any]:
    """The verdict, reference against fresh where they differ most, the quality, and where Evidently's page lies."""
    verdict = made.verdict
    if verdict is None:
        return {}
    told: dict[str, Any] = {
        "verdict": verdict.sentence,
        "drifted": verdict.drifted,
        "release": verdict.release,
        "reference days": "…".join(map(str, verdict.reference)),
        "fresh days": "…".join(map(str, verdict.fresh)),
        "fresh events": verdict.fresh_events,
    }
    if verdict.columns or verdict.quality:
        told["picture"] = picture(drift_figure(verdict))
    if verdict.columns:
        told["columns"] = dg.MetadataValue.md(_table(verdict.columns))
    if made.page is not None:
        told["evidently"] = dg.MetadataValue.path(made.page)
    return told


def _table(columns: "tuple[ColumnDrift, ...]") -> str:
    lines = [f"| {c.name} | {c.score:.3f} | {c.limit:.3f} | {'yes' if c.drifted else ''} |" for c in columns]
    return "\n".join(["| column | PSI | limit | drifted |", "|---|---:|---:|---|", *lines])


def drift_figure(verdict: "DriftVerdict") -> "Figure":
    """The columns nearest to their limits, the largest values of each, and the quality before and now."""
    worst = verdict.columns[:WORST]
    figure, axes = figure_of(len(worst) + (verdict.quality is not None))
    for axis, column in zip(axes, worst, strict=False):
        _shares(axis, column)
    if verdict.quality is not None:
        _quality(axes[-1], verdict.quality)
    figure.tight_layout()
    return figure


def _shares(axis: Any, column: "ColumnDrift") -> None:
    """Two bars a value: its share on the reference days and on the fresh ones."""
    both = {
        value: (column.reference.get(value, 0.0), column.fresh.get(value, 0.0))
        for value in {*column.reference, *column.fresh}
    }
    values = sorted(both, key=lambda value: (-abs(both[value][0] - both[value][1]), value))[:VALUES][::-1]
    rows = range(len(values))
    axis.barh([row + 0.2 for row in rows], [both[v][0] for v in values], 0.4, color=OTHER, label="reference")
    axis.barh(
        [row - 0.2 for row in rows],
        [both[v][1] for v in values],
        0.4,
        color=BEST if column.drifted else INK,
        label="fresh",
    )
    axis.set_yticks(list(rows), values)
    axis.set_title(
        f"{column.name}: PSI {column.score:.2f}, limit {column.limit:.2f}", loc="left", color=INK, fontsize=9
    )
    axis.xaxis.set_major_formatter("{x:.0%}")
    axis.locator_params(axis="x", nbins=5)
    axis.legend(frameon=False, fontsize=8)


def _quality(axis: Any, quality: "Quality") -> None:
    bars = axis.bar(
        ["when released", "fresh days"], [quality.before, quality.fresh], color=[OTHER, BEST if quality.fell else INK]
    )
    axis.bar_label(bars, fmt="%.4f", color=INK)
    axis.margins(y=0.15)
    axis.set_title(f"NDCG@10 of the champion: {-quality.fall:+.0%}", loc="left", color=INK, fontsize=9)

"""The plot and metadata of a drift report: every criterion against its limit, and the largest changes in detail."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from assets.plot_style import (
    ALERT_COLOR,
    MAX_WIDTH_IN,
    NEUTRAL_COLOR,
    PRIMARY_COLOR,
    TEXT_COLOR,
    create_figure,
    figure_metadata,
    hide_spines,
    set_title,
    short_label,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from freshet.monitoring.params import DriftParams
    from freshet.monitoring.quality import QualityDrift
    from freshet.monitoring.verdict import ColumnDrift, DriftVerdict
    from freshet.steps.drift_report import DriftReport

QUALITY_LABEL: Final = "NDCG@10 of the champion"
MAX_DETAILS: Final = 4  # panels below the overview
MAX_VALUES: Final = 6  # values of a column in a panel
MAX_LIMIT_SHARE: Final = 4.0  # bars are cut at this many times the limit; the figures are printed beside them
ROW_HEIGHT_IN: Final = 0.27  # of the overview
LETTER_WIDTH: Final = 0.0112  # as a share of the overview's width


@dataclass(frozen=True)
class Criterion:
    """A criterion of the verdict: its value as a share of its limit, and its figures as text."""

    name: str
    limit_share: float  # of the limit; above 1: over it
    drifted: bool
    figures: str


def drift_metadata(report: "DriftReport", params: "DriftParams") -> dict[str, Any]:
    """Return the verdict, the criteria with their limits, the plot, and the path of Evidently's page."""
    verdict = report.verdict
    if verdict is None:
        return {}
    metadata: dict[str, Any] = {
        "verdict": verdict.sentence,
        "drifted": verdict.drifted,
        "release": verdict.release,
        "reference days": "…".join(map(str, verdict.reference)),
        "current days": "…".join(map(str, verdict.current)),
        "current events": verdict.current_events,
    }
    if verdict.slow_reasons:
        metadata["slow drift"] = "; ".join(verdict.slow_reasons)
    if verdict.rise_reasons:
        metadata["implausible rise"] = "; ".join(verdict.rise_reasons)
    rows = criteria(verdict, params)
    if rows:
        metadata["plot"] = figure_metadata(drift_figure(verdict, params))
        metadata["criteria"] = dg.MetadataValue.md(_criteria_table(rows))
    if report.html_location is not None:
        metadata["evidently"] = dg.MetadataValue.path(report.html_location)
    return metadata


def criteria(verdict: "DriftVerdict", params: "DriftParams") -> tuple[Criterion, ...]:
    """Return all criteria: drifted ones first, then by share of the limit."""
    rows = [_column_criterion(column) for column in verdict.columns]
    if verdict.quality is not None:
        rows.append(_quality_criterion(verdict.quality, params))
    if verdict.unknown_share is not None:
        is_over = verdict.unknown_share > params.max_unknown_share
        figures = f"{verdict.unknown_share:.1%} of the events, limit {params.max_unknown_share:.0%}"
        rows.append(Criterion("unknown items", verdict.unknown_share / params.max_unknown_share, is_over, figures))
    return tuple(sorted(rows, key=lambda row: (not row.drifted, -row.limit_share, row.name)))


def _column_criterion(column: "ColumnDrift") -> Criterion:
    figures = f"PSI {column.psi:.2f}, limit {column.limit:.2f}"
    if column.drifted:
        before, current = (
            column.reference.get(column.most_changed_value, 0.0),
            column.current.get(column.most_changed_value, 0.0),
        )
        figures += f"; {short_label(column.most_changed_value)} {before:.0%} → {current:.0%}"
    return Criterion(column.name, column.psi / column.limit, column.drifted, figures)


def _quality_criterion(quality: "QualityDrift", params: "DriftParams") -> Criterion:
    """Compare the drop with its limit; it counts as drift only if it is also statistically significant."""
    change = f"{'fell' if quality.relative_drop > 0 else 'rose'} by {abs(quality.relative_drop):.0%}"
    certainty = f", lower bound {quality.drop_lower_bound:.0%}" if quality.drop_lower_bound > 0 else ", not significant"
    figures = f"{change}{certainty if quality.relative_drop > 0 else ''}; limit {params.max_quality_drop:.0%}"
    limit_share = max(0.0, quality.relative_drop) / max(
        params.max_quality_drop, 1e-9
    )  # a margin of 0: any fall is over it
    return Criterion(QUALITY_LABEL, limit_share, quality.degraded, figures)


def _criteria_table(rows: Sequence[Criterion]) -> str:
    lines = [f"| {row.name} | {row.figures.replace('|', '/')} | {'yes' if row.drifted else ''} |" for row in rows]
    return "\n".join(["| criterion | figures | drifted |", "|---|---|---|", *lines])


def drift_figure(verdict: "DriftVerdict", params: "DriftParams") -> "Figure":
    """Return the figure. Above: all criteria against their limits. Below: details of the criteria that drifted."""
    rows = criteria(verdict, params)
    details = _detail_items(verdict, rows)
    n_detail_rows = -(-len(details) // 2)  # two panels per row
    heights = [0.9 + ROW_HEIGHT_IN * len(rows), *[2.3] * n_detail_rows]
    figure = create_figure(MAX_WIDTH_IN, sum(heights))
    grid = figure.add_gridspec(1 + n_detail_rows, 2, height_ratios=heights)
    _draw_overview(figure.add_subplot(grid[0, :]), rows)
    for number, detail in enumerate(details):
        axis = figure.add_subplot(grid[1 + number // 2, number % 2])
        hide_spines(axis)
        if verdict.quality is not None and detail is verdict.quality:
            _draw_quality(axis, verdict.quality)
        else:
            _draw_shares(axis, detail)
    figure.set_layout_engine("tight", h_pad=1.5, w_pad=2)
    return figure


def _detail_items(verdict: "DriftVerdict", rows: Sequence[Criterion]) -> list[Any]:
    """Return the criteria to show in detail: all that drifted, at least two if there are as many."""
    details: dict[str, Any] = {column.name: column for column in verdict.columns}
    if verdict.quality is not None:
        details[QUALITY_LABEL] = verdict.quality
    candidates = [row for row in rows if row.name in details]
    count = max(2, sum(row.drifted for row in candidates))
    return [details[row.name] for row in candidates[: min(count, MAX_DETAILS)]]


def _draw_overview(axis: Any, rows: Sequence[Criterion]) -> None:
    for number, row in enumerate(rows):
        color, weight = (ALERT_COLOR, "bold") if row.drifted else (NEUTRAL_COLOR, "normal")
        length = min(row.limit_share, MAX_LIMIT_SHARE)
        axis.barh([number], [length], 0.62, color=color)
        axis.annotate(_bar_text(row), (max(length, 1.0), number), xytext=(6, 0),
                      textcoords="offset points", va="center", color=TEXT_COLOR, fontsize=8, fontweight=weight,
                      parse_math=False).set_in_layout(False)  # fmt: skip
    axis.axvline(1.0, color=TEXT_COLOR, linestyle="--", linewidth=1.2)
    extents = [
        (max(1.0, min(row.limit_share, MAX_LIMIT_SHARE)), min(0.75, LETTER_WIDTH * (2 + len(_bar_text(row)))))
        for row in rows
    ]
    axis.set_xlim(0, max(end / (1 - text_width) for end, text_width in extents))  # room for the text right of each bar
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.set_yticks(range(len(rows)), [row.name for row in rows])
    axis.set_xticks([0, 1], ["0", "limit"])
    axis.spines[["top", "right", "bottom"]].set_visible(False)
    axis.tick_params(length=0)
    count = sum(row.drifted for row in rows)
    set_title(axis, f"{count} of {len(rows)} drifted: over the limit" if count else f"none of {len(rows)} drifted")


def _bar_text(row: Criterion) -> str:
    return f"DRIFTED: {row.figures}" if row.drifted else row.figures


def _draw_shares(axis: Any, column: "ColumnDrift") -> None:
    """Draw two bars per value: its share on the reference days and on the current days."""
    names = {*column.reference, *column.current}
    shares = {name: (column.reference.get(name, 0.0), column.current.get(name, 0.0)) for name in names}
    values = sorted(shares, key=lambda name: (-abs(shares[name][0] - shares[name][1]), name))[:MAX_VALUES]
    color = ALERT_COLOR if column.drifted else PRIMARY_COLOR
    for shift, side, shade, name in ((-0.2, 0, NEUTRAL_COLOR, "reference days"), (0.2, 1, color, "current days")):
        axis.barh([row + shift for row in range(len(values))], [shares[v][side] for v in values], 0.4, color=shade,
                  label=name)  # fmt: skip
    axis.set_yticks(range(len(values)), [short_label(value) for value in values], parse_math=False)
    axis.invert_yaxis()
    axis.tick_params(axis="y", length=0, labelsize=8)
    axis.xaxis.set_major_formatter("{x:.0%}")
    axis.locator_params(axis="x", nbins=4)
    axis.margins(x=0.75)  # room for the legend beside the bars
    axis.legend(frameon=False, fontsize=7, loc="lower right")
    set_title(axis, f"{column.name}: {'drifted' if column.drifted else 'not drifted'}")


def _draw_quality(axis: Any, quality: "QualityDrift") -> None:
    """Draw the champion's NDCG@10 at its release and on the current days."""
    names = [f"at release\n{quality.reference_cases:,} baskets", f"current days\n{quality.current_cases:,} baskets"]
    bars = axis.barh(
        names,
        [quality.reference, quality.current],
        0.55,
        color=[NEUTRAL_COLOR, ALERT_COLOR if quality.degraded else PRIMARY_COLOR],
    )
    axis.bar_label(bars, fmt=" %.4f", color=TEXT_COLOR, fontsize=8)
    axis.invert_yaxis()
    axis.margins(x=0.2)
    axis.tick_params(axis="y", length=0, labelsize=8)
    axis.locator_params(axis="x", nbins=4)
    set_title(axis, f"{QUALITY_LABEL}: {'drifted' if quality.degraded else 'not drifted'}")

"""The picture of a drift report: what decided, how near everything else is to its limit, and what moved."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from assets.drawing import ALARM, INK, MAIN, OTHER, WIDTH, bare, blank, label, picture, titled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from freshet.stages.drift import Drifting
    from freshet.watch.params import DriftParams
    from freshet.watch.quality import Quality
    from freshet.watch.verdict import ColumnDrift, DriftVerdict

QUALITY: Final = "NDCG@10 of the champion"
DETAILS: Final = 4  # panels below the overview, at most
VALUES: Final = 6  # of a column
FARTHEST: Final = 4.0  # times the limit: longer bars are cut, their figures stand beside them
ROW: Final = 0.27  # inches of a row of the overview
LETTER: Final = 0.0112  # of the overview's width


@dataclass(frozen=True)
class Criterion:
    """One thing that can decide: how often it fills its limit, and its figures in words."""

    name: str
    share: float  # of the limit; above 1: over it
    drifted: bool
    words: str


def of_drift(made: "Drifting", params: "DriftParams") -> dict[str, Any]:
    """The verdict, what decided it against its limits, what moved, and where Evidently's page lies."""
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
    if verdict.slowly:
        told["over many releases"] = "; ".join(verdict.slowly)
    if verdict.too_good:
        told["too good to be true"] = "; ".join(verdict.too_good)
    rows = criteria(verdict, params)
    if rows:
        told["picture"] = picture(drift_figure(verdict, params))
        told["criteria"] = dg.MetadataValue.md(_table(rows))
    if made.page is not None:
        told["evidently"] = dg.MetadataValue.path(made.page)
    return told


def criteria(verdict: "DriftVerdict", params: "DriftParams") -> tuple[Criterion, ...]:
    """Everything that could decide: what drifted first, then what is nearest to its limit."""
    rows = [_of_column(column) for column in verdict.columns]
    if verdict.quality is not None:
        rows.append(_of_quality(verdict.quality, params))
    if verdict.unknown is not None:
        over = verdict.unknown > params.unknown_limit
        words = f"{verdict.unknown:.1%} of the events, limit {params.unknown_limit:.0%}"
        rows.append(Criterion("unknown items", verdict.unknown / params.unknown_limit, over, words))
    return tuple(sorted(rows, key=lambda row: (not row.drifted, -row.share, row.name)))


def _of_column(column: "ColumnDrift") -> Criterion:
    words = f"PSI {column.score:.2f}, limit {column.limit:.2f}"
    if column.drifted:
        was, now = column.reference.get(column.most, 0.0), column.fresh.get(column.most, 0.0)
        words += f"; {label(column.most)} {was:.0%} → {now:.0%}"
    return Criterion(column.name, column.score / column.limit, column.drifted, words)


def _of_quality(quality: "Quality", params: "DriftParams") -> Criterion:
    """The fall is held against its margin; it counts only where it is sure, too."""
    moved = f"{'fell' if quality.fall > 0 else 'rose'} by {abs(quality.fall):.0%}"
    sure = f", surely by more than {quality.surely:.0%}" if quality.surely > 0 else ", which may be chance"
    words = f"{moved}{sure if quality.fall > 0 else ''}; limit {params.quality_margin:.0%}"
    share = max(0.0, quality.fall) / max(params.quality_margin, 1e-9)  # a margin of 0: any fall is over it
    return Criterion(QUALITY, share, quality.fell, words)


def _table(rows: Sequence[Criterion]) -> str:
    lines = [f"| {row.name} | {row.words.replace('|', '/')} | {'yes' if row.drifted else ''} |" for row in rows]
    return "\n".join(["| what could decide | figures | drifted |", "|---|---|---|", *lines])


def drift_figure(verdict: "DriftVerdict", params: "DriftParams") -> "Figure":
    """Above: everything that could decide beside its limit. Below: what drifted, or else what moved most, in detail."""
    rows = criteria(verdict, params)
    details = _details(verdict, rows)
    below = -(-len(details) // 2)  # two side by side
    heights = [0.9 + ROW * len(rows), *[2.3] * below]
    figure = blank(WIDTH, sum(heights))
    grid = figure.add_gridspec(1 + below, 2, height_ratios=heights)
    _overview(figure.add_subplot(grid[0, :]), rows)
    for number, detail in enumerate(details):
        axis = figure.add_subplot(grid[1 + number // 2, number % 2])
        bare(axis)
        if verdict.quality is not None and detail is verdict.quality:
            _quality(axis, verdict.quality)
        else:
            _shares(axis, detail)
    figure.set_layout_engine("tight", h_pad=1.5, w_pad=2)
    return figure


def _details(verdict: "DriftVerdict", rows: Sequence[Criterion]) -> list[Any]:
    """The quality and the columns to show, what decided first; at least two where there are as many."""
    known: dict[str, Any] = {column.name: column for column in verdict.columns}
    if verdict.quality is not None:
        known[QUALITY] = verdict.quality
    shown = [row for row in rows if row.name in known]
    count = max(2, sum(row.drifted for row in shown))
    return [known[row.name] for row in shown[: min(count, DETAILS)]]


def _overview(axis: Any, rows: Sequence[Criterion]) -> None:
    for number, row in enumerate(rows):
        colour, weight = (ALARM, "bold") if row.drifted else (OTHER, "normal")
        length = min(row.share, FARTHEST)
        axis.barh([number], [length], 0.62, color=colour)
        axis.annotate(_beside(row), (max(length, 1.0), number), xytext=(6, 0),
                      textcoords="offset points", va="center", color=INK, fontsize=8, fontweight=weight,
                      parse_math=False).set_in_layout(False)  # fmt: skip
    axis.axvline(1.0, color=INK, linestyle="--", linewidth=1.2)
    ends = [(max(1.0, min(row.share, FARTHEST)), min(0.75, LETTER * (2 + len(_beside(row))))) for row in rows]
    axis.set_xlim(0, max(end / (1 - words) for end, words in ends))  # room for the words right of each bar
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.set_yticks(range(len(rows)), [row.name for row in rows])
    axis.set_xticks([0, 1], ["0", "limit"])
    axis.spines[["top", "right", "bottom"]].set_visible(False)
    axis.tick_params(length=0)
    count = sum(row.drifted for row in rows)
    titled(axis, f"{count} of {len(rows)} drifted: over the limit" if count else f"none of {len(rows)} drifted")


def _beside(row: Criterion) -> str:
    return f"DRIFTED: {row.words}" if row.drifted else row.words


def _shares(axis: Any, column: "ColumnDrift") -> None:
    """Two bars a value: its share on the reference days and on the fresh ones."""
    names = {*column.reference, *column.fresh}
    both = {name: (column.reference.get(name, 0.0), column.fresh.get(name, 0.0)) for name in names}
    values = sorted(both, key=lambda name: (-abs(both[name][0] - both[name][1]), name))[:VALUES]
    colour = ALARM if column.drifted else MAIN
    for shift, side, shade, name in ((-0.2, 0, OTHER, "reference days"), (0.2, 1, colour, "fresh days")):
        axis.barh([row + shift for row in range(len(values))], [both[v][side] for v in values], 0.4, color=shade,
                  label=name)  # fmt: skip
    axis.set_yticks(range(len(values)), [label(value) for value in values], parse_math=False)
    axis.invert_yaxis()
    axis.tick_params(axis="y", length=0, labelsize=8)
    axis.xaxis.set_major_formatter("{x:.0%}")
    axis.locator_params(axis="x", nbins=4)
    axis.margins(x=0.75)  # room for the legend beside the bars
    axis.legend(frameon=False, fontsize=7, loc="lower right")
    titled(axis, f"{column.name}: {'drifted' if column.drifted else 'not drifted'}")


def _quality(axis: Any, quality: "Quality") -> None:
    """The champion's NDCG@10 before and now, and the bound that its fall surely passes."""
    names = [f"when released\n{quality.cases_before:,} baskets", f"fresh days\n{quality.cases_fresh:,} baskets"]
    bars = axis.barh(names, [quality.before, quality.fresh], 0.55, color=[OTHER, ALARM if quality.fell else MAIN])
    axis.bar_label(bars, fmt=" %.4f", color=INK, fontsize=8)
    axis.invert_yaxis()
    axis.margins(x=0.2)
    axis.tick_params(axis="y", length=0, labelsize=8)
    axis.locator_params(axis="x", nbins=4)
    titled(axis, f"{QUALITY}: {'drifted' if quality.fell else 'not drifted'}")

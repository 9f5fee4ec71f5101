"""The picture of an evaluation: how good each model is, how surely, and the difference that decided."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from assets.drawing import ALARM, INK, MAIN, OTHER, SECOND, WIDTH, bare, blank, label, titled
from freshet.judge.comparison import CHALLENGER, CHAMPION

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from freshet.judge.margins import Interval, Margin
    from freshet.judge.params import JudgeParams
    from freshet.judge.verdict import Verdict

COLOURS: Final = {CHALLENGER: MAIN, CHAMPION: SECOND}  # all others, the baselines, are grey


def evaluation_figure(models: "Mapping[str, Interval]", verdict: "Verdict", params: "JudgeParams") -> "Figure":
    """Left: a row per model with its mean and interval. Right: the differences that the verdict was read from.

    models: in the order of the rows. Without differences (too few baskets) there is no right panel.
    """
    figure = blank(WIDTH, 1.3 + 0.36 * max(len(models), 2))
    if verdict.margins:
        left, right = figure.subplots(1, 2, width_ratios=(1.3, 1))
        _margins(right, verdict.margins)
    else:
        left = figure.subplots()
    _means(left, models)
    titled(left, f"NDCG@{params.ndcg_k}, with {params.confidence:.0%} intervals over {_sample(verdict)}")
    figure.set_layout_engine("tight", w_pad=2.5)
    return figure


def _sample(verdict: "Verdict") -> str:
    """2,023 baskets of 611 shoppers."""
    return f"{verdict.cases:,} baskets of {verdict.shoppers:,} shoppers"


def _means(axis: Any, models: "Mapping[str, Interval]") -> None:
    """A dot per model at its mean, its interval as a line through it, the figure beside it."""
    _rows(axis, [label(name) for name in models])
    for row, (name, model) in enumerate(models.items()):
        colour = COLOURS.get(name, OTHER)
        axis.plot([model.low, model.high], [row, row], color=colour, linewidth=2.5, solid_capstyle="butt", alpha=0.6)
        axis.plot([model.mean], [row], "o", color=colour, markersize=7)
        axis.annotate(_figure(model.mean), (model.high, row), xytext=(8, 0), textcoords="offset points", va="center",
                      color=INK, fontsize=9)  # fmt: skip
    axis.set_xlim(left=0, right=max(1e-6, *(model.high for model in models.values())) * 1.22)


def _margins(axis: Any, margins: "tuple[Margin, ...]") -> None:
    """The challenger minus each other: the difference, its lower bound, and where the bound must lie."""
    _rows(axis, [f"challenger −\n{label(margin.against)}" for margin in margins])
    for row, margin in enumerate(margins):
        colour = MAIN if margin.passed else ALARM
        axis.plot([margin.lower, margin.difference], [row, row], color=colour, linewidth=2.5, solid_capstyle="butt")
        axis.plot([margin.lower], [row], "|", color=colour, markersize=12, markeredgewidth=2)
        axis.plot([margin.difference], [row], "o", color=colour, markersize=7)
        axis.plot([margin.needed] * 2, [row - 0.35, row + 0.35], color=INK, linestyle="--", linewidth=1.2)
        words = f"{_figure(margin.difference, '+')}, surely ≥ {_figure(margin.lower, '+')}"
        axis.annotate(words if margin.passed else f"{words}: not enough", (margin.lower, row),
                      xytext=(0, 11), textcoords="offset points", color=INK, fontsize=8)  # fmt: skip
    ends = [value for m in margins for value in (m.lower, m.difference, m.needed)]
    room = max(max(ends) - min(ends), 1e-6)
    axis.set_xlim(min(ends) - 0.08 * room, max(ends) + 0.5 * room)
    titled(axis, "difference ●, its lower bound |, needed ┆")


def _figure(value: float, sign: str = "") -> str:
    """Four digits, or two where those would all be 0."""
    return f"{value:{sign}.4f}" if abs(value) >= 0.001 or not value else f"{value:{sign}.1e}"


def _rows(axis: Any, names: list[str]) -> None:
    """A row per name, from the top down."""
    axis.set_yticks(range(len(names)), names, parse_math=False)
    axis.set_ylim(len(names) - 0.4, -0.7)
    axis.tick_params(axis="y", length=0)
    axis.locator_params(axis="x", nbins=5)
    bare(axis)

"""The plot of an evaluation: each model's mean with its confidence interval, and the margin tests of the verdict."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from assets.plot_style import (
    ALERT_COLOR,
    MAX_WIDTH_IN,
    NEUTRAL_COLOR,
    PRIMARY_COLOR,
    SECONDARY_COLOR,
    TEXT_COLOR,
    create_figure,
    hide_spines,
    set_title,
    short_label,
)
from freshet.evaluation.comparison import CHALLENGER, CHAMPION

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from freshet.evaluation.margins import ConfidenceInterval, MarginTest
    from freshet.evaluation.params import EvaluationParams
    from freshet.evaluation.verdict import Verdict

COLORS: Final = {CHALLENGER: PRIMARY_COLOR, CHAMPION: SECONDARY_COLOR}  # baselines are grey


def evaluation_figure(
    models: "Mapping[str, ConfidenceInterval]", verdict: "Verdict", params: "EvaluationParams"
) -> "Figure":
    """Return the figure. Left: a row per model with its mean and interval. Right: the margin tests.

    models: in the order of the rows. Without margin tests (too few baskets) there is no right panel.
    """
    figure = create_figure(MAX_WIDTH_IN, 1.3 + 0.36 * max(len(models), 2))
    if verdict.margin_tests:
        left, right = figure.subplots(1, 2, width_ratios=(1.3, 1))
        _draw_margins(right, verdict.margin_tests)
    else:
        left = figure.subplots()
    _draw_means(left, models)
    set_title(left, f"NDCG@{params.ndcg_k}, with {params.confidence:.0%} intervals over {_sample_size(verdict)}")
    figure.set_layout_engine("tight", w_pad=2.5)
    return figure


def _sample_size(verdict: "Verdict") -> str:
    """Return `2,023 baskets of 611 shoppers`."""
    return f"{verdict.n_cases:,} baskets of {verdict.n_shoppers:,} shoppers"


def _draw_means(axis: Any, models: "Mapping[str, ConfidenceInterval]") -> None:
    """Draw a dot per model at its mean, a line for its interval, and the number beside it."""
    _label_rows(axis, [short_label(name) for name in models])
    for row, (name, model) in enumerate(models.items()):
        color = COLORS.get(name, NEUTRAL_COLOR)
        axis.plot([model.low, model.high], [row, row], color=color, linewidth=2.5, solid_capstyle="butt", alpha=0.6)
        axis.plot([model.mean], [row], "o", color=color, markersize=7)
        axis.annotate(
            _format_number(model.mean),
            (model.high, row),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=TEXT_COLOR,
            fontsize=9,
        )
    axis.set_xlim(left=0, right=max(1e-6, *(model.high for model in models.values())) * 1.22)


def _draw_margins(axis: Any, margins: "tuple[MarginTest, ...]") -> None:
    """Draw the difference challenger − reference of each test, its lower bound and the threshold."""
    _label_rows(axis, [f"challenger −\n{short_label(margin.reference)}" for margin in margins])
    for row, margin in enumerate(margins):
        color = PRIMARY_COLOR if margin.passed else ALERT_COLOR
        axis.plot(
            [margin.lower_bound, margin.difference], [row, row], color=color, linewidth=2.5, solid_capstyle="butt"
        )
        axis.plot([margin.lower_bound], [row], "|", color=color, markersize=12, markeredgewidth=2)
        axis.plot([margin.difference], [row], "o", color=color, markersize=7)
        axis.plot([margin.threshold] * 2, [row - 0.35, row + 0.35], color=TEXT_COLOR, linestyle="--", linewidth=1.2)
        text = f"{_format_number(margin.difference, '+')}, lower bound {_format_number(margin.lower_bound, '+')}"
        axis.annotate(text if margin.passed else f"{text}: failed", (margin.lower_bound, row),
                      xytext=(0, 11), textcoords="offset points", color=TEXT_COLOR, fontsize=8)  # fmt: skip
    ends = [value for m in margins for value in (m.lower_bound, m.difference, m.threshold)]
    span = max(max(ends) - min(ends), 1e-6)
    axis.set_xlim(min(ends) - 0.08 * span, max(ends) + 0.5 * span)
    set_title(axis, "difference ●, lower bound |, threshold ┆")


def _format_number(value: float, sign: str = "") -> str:
    """Format with four digits, or in scientific notation if those would all be 0."""
    return f"{value:{sign}.4f}" if abs(value) >= 0.001 or not value else f"{value:{sign}.1e}"


def _label_rows(axis: Any, names: list[str]) -> None:
    """Label one row per name, from the top down."""
    axis.set_yticks(range(len(names)), names, parse_math=False)
    axis.set_ylim(len(names) - 0.4, -0.7)
    axis.tick_params(axis="y", length=0)
    axis.locator_params(axis="x", nbins=5)
    hide_spines(axis)

"""The plot of an evaluation."""

import pytest

from assets.evaluation_plot import evaluation_figure
from assets.plot_style import ALERT_COLOR, NEUTRAL_COLOR, PRIMARY_COLOR, SECONDARY_COLOR, figure_metadata
from freshet.evaluation.margins import ConfidenceInterval, MarginTest
from freshet.evaluation.params import EvaluationParams
from freshet.evaluation.verdict import Verdict

pytestmark = pytest.mark.dagster

PARAMS = EvaluationParams()
MODEL_INTERVALS = {
    "challenger": ConfidenceInterval(0.43, 0.41, 0.45),
    "champion": ConfidenceInterval(0.42, 0.40, 0.44),
    "item-to-item": ConfidenceInterval(0.29, 0.27, 0.31),
    "popular": ConfidenceInterval(0.07, 0.06, 0.08),
}


def verdict(*margins: MarginTest) -> Verdict:
    return Verdict(
        released=True, rule="fresher", sentence="", reasons=(), margin_tests=margins, n_cases=2000, n_shoppers=611
    )


def margin(lower: float, needed: float) -> MarginTest:
    return MarginTest(
        reference="champion",
        challenger_ndcg=0.43,
        reference_ndcg=0.42,
        difference=0.01,
        lower_bound=lower,
        threshold=needed,
        passed=lower > needed,
    )


def axis_labels(axis):
    return [text.get_text() for text in axis.get_yticklabels()]


def test_each_model_has_a_row_in_its_order_with_its_mean_and_interval():
    means, _ = evaluation_figure(MODEL_INTERVALS, verdict(margin(-0.001, -0.008)), PARAMS).axes
    assert axis_labels(means) == ["challenger", "champion", "item-to-item", "popular"]
    assert means.get_ylim()[0] > means.get_ylim()[1]  # the first row is on top
    intervals, dots = means.lines[::2], means.lines[1::2]
    assert [tuple(line.get_xdata()) for line in intervals] == [(m.low, m.high) for m in MODEL_INTERVALS.values()]
    assert [dot.get_xdata()[0] for dot in dots] == [0.43, 0.42, 0.29, 0.07]
    assert [dot.get_color() for dot in dots] == [PRIMARY_COLOR, SECONDARY_COLOR, NEUTRAL_COLOR, NEUTRAL_COLOR]
    assert [text.get_text() for text in means.texts] == ["0.4300", "0.4200", "0.2900", "0.0700"]
    assert means.get_title(loc="left") == "NDCG@10, with 95% intervals over 2,000 baskets of 611 shoppers"


def test_the_plot_shows_the_difference_its_lower_bound_and_the_required_value():
    _, margin_axes = evaluation_figure(MODEL_INTERVALS, verdict(margin(-0.001, -0.008)), PARAMS).axes
    bar, bound, difference, needed = margin_axes.lines
    assert tuple(bar.get_xdata()) == (-0.001, 0.01)
    assert (bound.get_xdata()[0], difference.get_xdata()[0], needed.get_xdata()[0]) == (-0.001, 0.01, -0.008)
    assert (axis_labels(margin_axes), bar.get_color()) == (["challenger −\nchampion"], PRIMARY_COLOR)
    assert margin_axes.texts[0].get_text() == "+0.0100, lower bound -0.0010"


def test_a_bound_that_is_not_enough_is_an_alarm_in_colour_and_words():
    _, failed = evaluation_figure(MODEL_INTERVALS, verdict(margin(-0.02, -0.008)), PARAMS).axes
    assert failed.lines[0].get_color() == ALERT_COLOR
    assert failed.texts[0].get_text() == "+0.0100, lower bound -0.0200: failed"


def test_a_single_model_and_values_near_zero_are_drawn():
    (means,) = evaluation_figure({"challenger": ConfidenceInterval(0.00002, 0.0, 0.00003)}, verdict(), PARAMS).axes
    assert means.texts[0].get_text() == "2.0e-05"
    (axes,) = (figure := evaluation_figure({"challenger": ConfidenceInterval(0.0, 0.0, 0.0)}, verdict(), PARAMS)).axes
    assert axes.texts[0].get_text() == "0.0000"
    assert figure_metadata(figure).md_str.startswith("![plot](data:image/png;base64,")

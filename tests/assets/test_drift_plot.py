"""The metadata and the plot of the drift report."""

from datetime import date

import pytest
from matplotlib.colors import to_rgba

from assets.drift_plot import criteria, drift_figure, drift_metadata
from assets.plot_style import ALERT_COLOR, MAX_LABEL_CHARS, NEUTRAL_COLOR, figure_metadata
from freshet.monitoring.params import DriftParams
from freshet.monitoring.quality import QualityDrift
from freshet.monitoring.verdict import DriftMeasurements, DriftVerdict, column_drifts, decide_drift
from freshet.steps.drift_report import DriftReport

pytestmark = pytest.mark.dagster

WORSE_QUALITY = QualityDrift(
    reference=0.5,
    current=0.4,
    relative_drop=0.2,
    drop_lower_bound=0.15,
    reference_cases=900,
    current_cases=400,
    degraded=True,
)
CATEGORY_SHARES = {
    "category": ({"shoes": 0.1, "books": 0.9}, {"shoes": 0.3, "books": 0.7}),
    "hour": ({"am": 1.0}, {"am": 1.0}),
}


PARAMS = DriftParams()


def axis_labels(axis):
    return [text.get_text() for text in axis.get_yticklabels()]


def drift_verdict(**overrides: object) -> DriftVerdict:
    fields = {
        "bundle": "b" * 64, "release": 3, "reference": (date(2024, 2, 1), date(2024, 2, 20)),
        "current": (date(2024, 3, 1), date(2024, 3, 2)), "current_events": 900, "unknown_share": 0.01,
        "quality": WORSE_QUALITY,
        "columns": column_drifts({"hour": 0.01, "category": 0.31}, {"category": 0.1, "hour": 0.15}, CATEGORY_SHARES),
    }  # fmt: skip
    return decide_drift(DriftMeasurements(**(fields | overrides)), PARAMS)


def test_the_page_has_the_verdict_the_table_and_where_evidentlys_page_lies():
    page = drift_metadata(DriftReport(drift_verdict(), "/lake/drift/r.html"), PARAMS)
    assert page["verdict"] == drift_verdict().sentence
    assert (page["current days"], page["release"]) == ("2024-03-01…2024-03-02", 3)
    assert page["criteria"].md_str.splitlines()[2:] == [
        "| category | PSI 0.31, limit 0.10; books 90% → 70% | yes |",
        "| NDCG@10 of the champion | fell by 20%, lower bound 15%; limit 15% | yes |",
        "| hour | PSI 0.01, limit 0.15 |  |",
        "| unknown items | 1.0% of the events, limit 20% |  |",
    ]
    assert page["evidently"].path == "/lake/drift/r.html"
    assert page["plot"].md_str.startswith("![plot](data:image/png;base64,")


def test_the_page_shows_trends_over_releases_and_implausible_gains():
    rose = WORSE_QUALITY.model_copy(
        update={"current": 0.65, "relative_drop": -0.3, "degraded": False, "implausible_rise": True}
    )
    page = drift_metadata(
        DriftReport(drift_verdict(quality=rose, baseline_regression="release 3 is worse than ones before it")), PARAMS
    )
    assert page["slow drift"] == "release 3 is worse than ones before it"
    assert page["implausible rise"].startswith("the quality of an unchanged champion rose implausibly")
    assert "slow drift" not in drift_metadata(DriftReport(drift_verdict()), PARAMS)


def test_drifted_columns_come_first_with_a_bar_over_the_limit():
    overview, category, quality = drift_figure(drift_verdict(), PARAMS).axes
    assert overview.get_title(loc="left") == "2 of 4 drifted: over the limit"
    assert axis_labels(overview) == ["category", "NDCG@10 of the champion", "hour", "unknown items"]
    assert [round(bar.get_width(), 2) for bar in overview.patches] == [3.1, 1.33, 0.07, 0.05]
    assert [bar.get_facecolor() for bar in overview.patches] == [
        *map(to_rgba, [ALERT_COLOR, ALERT_COLOR, NEUTRAL_COLOR, NEUTRAL_COLOR])
    ]
    assert [line.get_xdata()[0] for line in overview.lines] == [1.0]
    assert overview.texts[0].get_text() == "DRIFTED: PSI 0.31, limit 0.10; books 90% → 70%"
    assert category.get_title(loc="left") == "category: drifted"
    assert axis_labels(category) == ["books", "shoes"]
    assert [round(bar.get_width(), 2) for bar in category.patches] == [0.9, 0.1, 0.7, 0.3]
    assert quality.get_title(loc="left") == "NDCG@10 of the champion: drifted"
    assert [bar.get_width() for bar in quality.patches] == [0.5, 0.4]


def test_quality_drift_is_listed_before_columns_without_drift():
    calm = column_drifts({"hour": 0.01, "category": 0.09}, {"category": 0.1, "hour": 0.15}, CATEGORY_SHARES)
    overview, first, second = drift_figure(drift_verdict(columns=calm), PARAMS).axes
    assert overview.get_title(loc="left") == "1 of 4 drifted: over the limit"
    assert first.get_title(loc="left") == "NDCG@10 of the champion: drifted"
    assert second.get_title(loc="left") == "category: not drifted"


def test_a_fall_that_may_be_chance_is_over_the_limit_and_no_drift():
    luck = QualityDrift(
        reference=0.5,
        current=0.4,
        relative_drop=0.2,
        drop_lower_bound=-0.1,
        reference_cases=9,
        current_cases=4,
        degraded=False,
    )
    row = next(row for row in criteria(drift_verdict(quality=luck), PARAMS) if row.name == "NDCG@10 of the champion")
    assert (round(row.limit_share, 2), row.drifted) == (1.33, False)
    assert row.figures == "fell by 20%, not significant; limit 15%"


def test_unknown_items_may_be_the_only_drift_of_the_plot():
    (overview,) = drift_figure(drift_verdict(columns=(), unknown_share=0.5, quality=None), PARAMS).axes
    assert axis_labels(overview) == ["unknown items"]
    assert overview.texts[0].get_text() == "DRIFTED: 50.0% of the events, limit 20%"


def test_names_from_the_shop_are_drawn_as_they_are_but_cut(recwarn):
    name = "$5 and less $^ " + "服装|\n" * 30
    long_names = column_drifts({"category": 5.0}, {"category": 0.1}, {"category": ({name: 0.1, "b": 0.9}, {name: 1.0})})
    figure = drift_figure(drift_verdict(columns=long_names), PARAMS)
    assert axis_labels(figure.axes[1])[0][:8] == "$5 and l"
    assert {len(text) for text in axis_labels(figure.axes[1])} == {1, MAX_LABEL_CHARS}
    assert figure_metadata(figure).md_str.startswith("![plot](data:image/png;base64,")
    assert [str(warning.message) for warning in recwarn] == []


def test_without_a_comparison_there_is_no_plot():
    assert "plot" not in drift_metadata(
        DriftReport(drift_verdict(columns=(), unknown_share=None, quality=None)), PARAMS
    )
    assert drift_metadata(DriftReport(None), PARAMS) == {}

"""What the page of the drift report shows."""

from datetime import date

import pytest

from assets.drift_picture import drift_figure, of_drift
from freshet.stages.drift import Drifting
from freshet.watch.params import DriftParams
from freshet.watch.quality import Quality
from freshet.watch.verdict import Compared, DriftVerdict, columns_of, decide

pytestmark = pytest.mark.dagster

WORSE = Quality(before=0.5, fresh=0.4, fall=0.2, surely=0.15, cases_before=900, cases_fresh=400, fell=True)
SHARES = {
    "category": ({"shoes": 0.1, "books": 0.9}, {"shoes": 0.3, "books": 0.7}),
    "hour": ({"am": 1.0}, {"am": 1.0}),
}


def verdict(**more: object) -> DriftVerdict:
    given = {
        "bundle": "b" * 64, "release": 3, "reference": (date(2024, 2, 1), date(2024, 2, 20)),
        "fresh": (date(2024, 3, 1), date(2024, 3, 2)), "fresh_events": 900, "unknown": 0.01, "quality": WORSE,
        "columns": columns_of({"hour": 0.01, "category": 0.31}, {"category": 0.1, "hour": 0.15}, SHARES),
    }  # fmt: skip
    return decide(Compared(**(given | more)), DriftParams())


def test_the_page_has_the_verdict_the_table_and_where_evidentlys_page_lies():
    told = of_drift(Drifting(verdict(), "/lake/drift/r.html"))
    assert told["verdict"] == verdict().sentence
    assert (told["fresh days"], told["release"]) == ("2024-03-01…2024-03-02", 3)
    assert told["columns"].md_str.splitlines()[2:] == [
        "| category | 0.310 | 0.100 | yes |",
        "| hour | 0.010 | 0.150 |  |",
    ]
    assert told["evidently"].path == "/lake/drift/r.html"
    assert told["picture"].md_str.startswith("![picture](data:image/png;base64,")


def test_the_picture_shows_each_value_before_and_now_and_the_quality():
    category, hour, quality = drift_figure(verdict()).axes
    assert category.get_title(loc="left") == "category: PSI 0.31, limit 0.10"
    labels = [text.get_text() for text in category.get_yticklabels()]
    widths = [round(bar.get_width(), 2) for bar in category.patches]
    assert (labels, widths) == (["shoes", "books"], [0.1, 0.9, 0.3, 0.7])
    assert hour.get_title(loc="left") == "hour: PSI 0.01, limit 0.15"
    assert [bar.get_height() for bar in quality.patches] == [0.5, 0.4]
    assert quality.get_title(loc="left") == "NDCG@10 of the champion: -20%"


def test_where_nothing_could_be_compared_there_is_no_picture():
    assert "picture" not in of_drift(Drifting(verdict(columns=(), unknown=None, quality=None)))
    assert of_drift(Drifting(None)) == {}

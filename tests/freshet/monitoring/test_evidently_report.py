"""Evidently's PSI and its page."""

import re

import pandas as pd
import pytest

from freshet.monitoring.evidently_report import save_report
from freshet.monitoring.psi import psi

REFERENCE = pd.DataFrame({"type": ["view"] * 70 + ["cart"] * 30, "hour": ["00 to 03", "21 to 24"] * 50})
CURRENT = pd.DataFrame({"type": ["view"] * 20 + ["cart"] * 20 + ["return"] * 20, "hour": ["00 to 03", "21 to 24"] * 30})
LIMITS = {"hour": 0.1, "type": 0.25}


def test_evidentlys_psi_equals_ours(tmp_path):
    actual = save_report(REFERENCE, CURRENT, LIMITS, tmp_path / "drift.html")
    assert actual == {name: pytest.approx(psi(REFERENCE[name], CURRENT[name])) for name in ("hour", "type")}
    assert (actual["hour"], actual["type"] > 1) == (0.0, True)


def test_missing_values_are_left_out_of_evidentlys_psi(tmp_path):
    gaps = pd.concat([REFERENCE, pd.DataFrame({"type": [None] * 50})], ignore_index=True)
    with_gaps, without = (save_report(frame, CURRENT, LIMITS, tmp_path / "drift.html") for frame in (gaps, REFERENCE))
    assert with_gaps == pytest.approx(without)
    assert with_gaps == {name: pytest.approx(psi(gaps[name], CURRENT[name])) for name in LIMITS}


def test_the_page_reports_drift_of_one_column_without_network_requests(tmp_path):
    save_report(REFERENCE, CURRENT, LIMITS, tmp_path / "drift.html")
    page = (tmp_path / "drift.html").read_text()
    assert "Drift is detected for 50.0% of columns (1 out of 2)" in page
    assert "Dataset Drift is detected. Dataset drift detection threshold is 0.5" in page
    assert re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=.https?:[^>]+>", page) == []

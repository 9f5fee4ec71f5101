"""Metrics of the quality benchmark, their mean and deviation over seeds, and the table."""

import math

import numpy as np
import pytest

from benchmarks.quality.measures import format_table, list_metrics, summarize_runs
from benchmarks.quality.splits import single_target_cases
from freshet.data.history import Histories

ONE_TO_FIVE = np.array([1, 2, 3, 4, 5])
HISTORIES = Histories(np.array(["s"]), np.array([0, 5]), ONE_TO_FIVE, ONE_TO_FIVE, ONE_TO_FIVE, ONE_TO_FIVE)


def test_metrics_by_hand():
    cases = single_target_cases(HISTORIES, np.array([1, 2, 3]))  # their targets are the items 2, 3 and 4
    lists = np.zeros((3, 20), dtype=np.int64)
    lists[0, :2] = 2, 9  # rank 1
    lists[1, 2] = 3  # rank 3
    lists[2, 14] = 4  # rank 15
    actual = list_metrics(lists, cases, ("hr@10", "hr@20", "ndcg@10", "ndcg@20", "mrr@20"))
    assert actual["hr@10"] == pytest.approx(2 / 3)
    assert actual["hr@20"] == 1
    assert actual["ndcg@10"] == pytest.approx((1 + 1 / 2) / 3)
    assert actual["ndcg@20"] == pytest.approx((1 + 1 / 2 + 1 / 4) / 3)
    assert actual["mrr@20"] == pytest.approx((1 + 1 / 3 + 1 / 15) / 3)


def test_mean_and_sample_deviation_over_seeds():
    actual = summarize_runs([{"hr@20": 0.1}, {"hr@20": 0.2}, {"hr@20": 0.3}])
    assert actual == {"hr@20": {"mean": 0.2, "sd": pytest.approx(math.sqrt(0.02 / 2))}}
    assert summarize_runs([{"hr@20": 0.1}]) == {"hr@20": {"mean": 0.1, "sd": None}}


def test_the_table_has_a_line_per_method():
    rows = {"ours": summarize_runs([{"hr@20": 0.1}, {"hr@20": 0.3}]), "popular": summarize_runs([{"hr@20": 0.25}])}
    lines = format_table(rows).splitlines()
    assert [line.split() for line in lines] == [["hr@20"], ["ours", "0.2000", "±", "0.1414"], ["popular", "0.2500"]]

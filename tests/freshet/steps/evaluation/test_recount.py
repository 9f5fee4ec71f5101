"""The recount of evaluation cases on hand-made events and on a real lake, and the faults that it detects."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from freshet.data.day_numbers import day_number
from freshet.data.eval_cases import next_basket_cases
from freshet.data.history import Histories
from freshet.data.training_set import TrainingSet
from freshet.errors import LakeError
from freshet.evaluation.comparison import compare
from freshet.inference.bundle import open_bundle
from freshet.inference.ranker import open_ranker
from freshet.lake_checks import CATALOG_FILE
from freshet.settings import Settings
from freshet.steps.evaluation.recount import EARLIER_FIELDS, EVENT_FIELDS, CaseRecount, count_cases, recount_cases
from freshet.steps.evaluation.recount_check import find_case_mismatches, find_metric_mismatches, plain_ndcg
from tests.tiny_bundle import vocabulary, write_bundle

TIMESTAMP_TYPE = pa.timestamp("us", "UTC")


def events_table(*rows: tuple[str, str, str, str, int]) -> pa.Table:
    """(event id, shopper, item, event type, second), as the table `events` holds them."""
    columns = dict(zip(EVENT_FIELDS, zip(*rows, strict=True) if rows else [()] * 5, strict=True))
    times = [datetime.fromtimestamp(second, UTC) for second in columns.pop("event_time")]
    text = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    return pa.table({**text, "event_time": pa.array(times, TIMESTAMP_TYPE)})


def earlier_batches(*rows: tuple[str, str, str, str, int]) -> list[pa.RecordBatch]:
    return events_table(*rows).select(EARLIER_FIELDS).to_batches()


EVENTS_BEFORE = [("e1", "ann", "a", "view", 100)]


def test_a_basket_is_a_case_if_the_shopper_has_an_earlier_history():
    evaluated_events = events_table(
        ("e2", "ann", "b", "view", 200), ("e3", "ann", "c", "cart", 200), ("e4", "bob", "a", "view", 50),
        ("e5", "bob", "c", "view", 60),
    )  # fmt: skip
    counted = count_cases(earlier_batches(*EVENTS_BEFORE), evaluated_events)
    assert counted.baskets == {("ann", 200): {"b", "c"}, ("bob", 60): {"c"}}  # bob has no history at 50
    assert counted.event_counts == {"ann": 3, "bob": 2}
    assert (counted.n_leaked, counted.n_held_out_events) == (0, 4)


def test_a_basket_that_partly_landed_before_and_a_return_are_no_cases():
    evaluated_events = events_table(
        ("e2", "ann", "b", "view", 100), ("e3", "ann", "c", "return", 300), ("e4", "ann", "d", "view", 400)
    )
    known_batches = earlier_batches(("e0", "ann", "x", "view", 50), *EVENTS_BEFORE)
    assert count_cases(known_batches, evaluated_events).baskets == {("ann", 400): {"d"}}


def test_an_event_delivered_again_is_detected_by_its_id_alone():
    evaluated_events = events_table(("e1", "eve", "z", "cart", 900), ("e7", "ann", "b", "view", 950))
    assert count_cases(earlier_batches(*EVENTS_BEFORE), evaluated_events).n_leaked == 1


def test_days_without_events_give_no_baskets():
    assert count_cases(earlier_batches(*EVENTS_BEFORE), events_table()) == CaseRecount({}, Counter(), 0, 0)


def training_set() -> TrainingSet:
    """Ann has a by day 10 and then f; bob has a, then b and an item outside the vocabulary."""
    days, times = np.array([9, 12, 9, 12, 12]), np.array([100, 200, 100, 300, 300])
    items = vocabulary().indices(["a", "f", "a", "b", "?"])
    zeros = np.zeros(7)
    return TrainingSet(
        Histories(np.array(["ann", "bob"]), np.array([0, 2, 5]), items, np.ones(5, dtype=np.int64), times, days),
        vocabulary(),
        zeros,
        zeros + 0.1,
        np.array([9, 9]),
        np.array([1, 1]),
        np.array([0, 0]),
        train_until=10,
        as_of=20,
    )


def recount_result(**baskets: set[str]) -> CaseRecount:
    basket_targets = {("ann", 200): frozenset({"f"}), ("bob", 300): frozenset({"b", "new"})}
    basket_targets |= {(name, 300): frozenset(items) for name, items in baskets.items()}
    return CaseRecount(basket_targets, Counter(ann=2, bob=3), 0, 3)


def test_the_same_baskets_counted_both_ways_are_alike():
    data = training_set()
    assert find_case_mismatches(recount_result(), next_basket_cases(data.histories, 10, 20), data) == []


def test_changed_missing_and_invented_baskets_are_named():
    data = training_set()
    cases = next_basket_cases(data.histories, 10, 20)
    assert find_case_mismatches(recount_result(bob={"c", "new"}), cases, data) == ["shopper bob at second 300"]
    assert find_case_mismatches(recount_result(eve={"c"}), cases, data) == ["shopper eve at second 300"]
    assert find_case_mismatches(recount_result(), cases.take(slice(0, 1)), data) == ["shopper bob at second 300"]


def test_a_shopper_with_a_cut_history_is_skipped():
    data = training_set()
    case_recount = replace(recount_result(bob={"c"}), event_counts=Counter(ann=2, bob=9))
    assert find_case_mismatches(case_recount, next_basket_cases(data.histories, 10, 20), data) == []


@pytest.fixture
def comparison(tmp_path):
    write_bundle(tmp_path / "bundle")
    ranker = open_ranker(open_bundle(tmp_path / "bundle"))
    return compare(training_set(), ranker, ranker)


def test_metrics_equal_those_counted_from_lists_and_events(comparison):
    data = training_set()
    cases = next_basket_cases(data.histories, 10, 20)
    assert find_metric_mismatches(recount_result(), cases, comparison, data, 10) == []


def test_hits_and_targets_that_differ_from_the_events_are_detected(comparison):
    data = training_set()
    cases = next_basket_cases(data.histories, 10, 20)
    champion = comparison.scores["champion"]
    wrong_scores = replace(champion, hits=champion.hits | True, n_targets=champion.n_targets + 1)
    mismatches = find_metric_mismatches(
        recount_result(), cases, replace(comparison, scores={"champion": wrong_scores}), data, 10
    )
    assert [words.split(":")[0] for words in mismatches] == ["champion for shopper ann", "champion for shopper bob"]


def test_plain_ndcg_is_worked_out_place_by_place():
    assert plain_ndcg(["x", "a", "", "b"], {"a", "b", ""}, 3) == pytest.approx(0.6309 / (1 + 0.6309 + 0.5), abs=1e-4)


def write_events_table(lake: Path, rows: pa.Table) -> int:
    """All days of the table `events` as they are now, without Spark; returns the snapshot."""
    catalog = SqlCatalog("lake", uri=f"sqlite:///{lake / CATALOG_FILE}", warehouse=f"{lake}/tables")
    catalog.create_namespace_if_not_exists("shop")
    table = catalog.create_table_if_not_exists(("shop", "events"), rows.schema)
    if table.current_snapshot() is None:
        table.append(rows)
    else:
        table.overwrite(rows)
    return table.current_snapshot().snapshot_id


def test_a_rerun_of_a_day_does_not_change_the_cases_of_an_older_training_set(tmp_path):
    settings, days = Settings(_env_file=None, lake=str(tmp_path)), pa.array([date(2024, 3, 1), date(2024, 3, 2)])
    rows = events_table(("e1", "ann", "a", "view", 100), ("e2", "ann", "b", "view", 200))
    first_snapshot = write_events_table(tmp_path, rows.append_column("landing_date", days))
    rerun_events = events_table(("e1", "ann", "a", "view", 100), ("e3", "ann", "c", "view", 300))
    write_events_table(tmp_path, rerun_events.append_column("landing_date", days))
    train_until, as_of = (day_number(day.as_py()) for day in days)
    assert recount_cases(settings, train_until, as_of, first_snapshot).baskets == {("ann", 200): {"b"}}
    assert recount_cases(settings, train_until, as_of).baskets == {("ann", 300): {"c"}}
    with pytest.raises(LakeError, match=r"tables/events: its snapshot 7 is gone; materialize `training_set` again"):
        recount_cases(settings, train_until, as_of, 7)


@pytest.mark.spark
def test_on_a_real_lake_both_counts_agree_and_another_cut_is_detected(small_shop):
    from freshet.tables.reader import load_training_set

    data = load_training_set(small_shop.settings, small_shop.training_set)
    second_count = recount_cases(
        small_shop.settings, data.train_until, data.as_of, small_shop.training_set.snapshots["events"]
    )
    assert len(second_count.baskets) > 100
    assert second_count.n_leaked == 0
    assert (
        find_case_mismatches(second_count, next_basket_cases(data.histories, data.train_until, data.as_of), data) == []
    )
    assert (
        len(
            find_case_mismatches(
                second_count, next_basket_cases(data.histories, data.train_until - 1, data.as_of), data
            )
        )
        > 100
    )

"""A judging counted a second time, from hand-made events and on a real lake, and what that finds."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from freshet.cases import next_basket_cases
from freshet.errors import LakeError
from freshet.history import Histories
from freshet.judge.comparison import compare
from freshet.lake_state import CATALOG
from freshet.live.bundle import open_bundle
from freshet.live.ranker import open_ranker
from freshet.settings import Settings
from freshet.stages.recount import EARLIER, FIELDS, Recount, count, recount
from freshet.stages.recounted import misjudged, plain_ndcg, unlike
from freshet.tables.reading import day_number
from freshet.training_set import TrainingSet
from tests.tiny_bundle import vocabulary, write_bundle

TIMES = pa.timestamp("us", "UTC")


def events(*rows: tuple[str, str, str, str, int]) -> pa.Table:
    """(event id, shopper, item, event type, second), as the table `events` holds them."""
    columns = dict(zip(FIELDS, zip(*rows, strict=True) if rows else [()] * 5, strict=True))
    times = [datetime.fromtimestamp(second, UTC) for second in columns.pop("event_time")]
    text = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    return pa.table({**text, "event_time": pa.array(times, TIMES)})


def earlier(*rows: tuple[str, str, str, str, int]) -> list[pa.RecordBatch]:
    return events(*rows).select(EARLIER).to_batches()


BEFORE = [("e1", "ann", "a", "view", 100)]


def test_a_basket_is_asked_for_where_the_shopper_was_known_before():
    judged = events(
        ("e2", "ann", "b", "view", 200), ("e3", "ann", "c", "cart", 200), ("e4", "bob", "a", "view", 50),
        ("e5", "bob", "c", "view", 60),
    )  # fmt: skip
    counted = count(earlier(*BEFORE), judged)
    assert counted.baskets == {("ann", 200): {"b", "c"}, ("bob", 60): {"c"}}  # nothing was known of bob at 50
    assert counted.events == {"ann": 3, "bob": 2}
    assert (counted.leaked, counted.judged) == (0, 4)


def test_a_basket_of_which_a_part_landed_before_is_no_question_and_returns_are_asked_for_never():
    judged = events(("e2", "ann", "b", "view", 100), ("e3", "ann", "c", "return", 300), ("e4", "ann", "d", "view", 400))
    known = earlier(("e0", "ann", "x", "view", 50), *BEFORE)
    assert count(known, judged).baskets == {("ann", 400): {"d"}}


def test_an_event_delivered_again_is_found_by_its_id_whatever_else_it_says():
    judged = events(("e1", "eve", "z", "cart", 900), ("e7", "ann", "b", "view", 950))
    assert count(earlier(*BEFORE), judged).leaked == 1


def test_days_that_judge_nothing_give_no_baskets():
    assert count(earlier(*BEFORE), events()) == Recount({}, Counter(), 0, 0)


def training_set() -> TrainingSet:
    """Ann met a by day 10 and then f; bob met a, then b and something that the vocabulary does not know."""
    days, times = np.array([9, 12, 9, 12, 12]), np.array([100, 200, 100, 300, 300])
    items = vocabulary().index_of(["a", "f", "a", "b", "?"])
    nothing = np.zeros(7)
    return TrainingSet(
        Histories(np.array(["ann", "bob"]), np.array([0, 2, 5]), items, np.ones(5, dtype=np.int64), times, days),
        vocabulary(), nothing, nothing + 0.1, np.array([9, 9]), np.array([1, 1]), np.array([0, 0]), cut=10, as_of=20,
    )  # fmt: skip


def counted(**baskets: set[str]) -> Recount:
    asked = {("ann", 200): frozenset({"f"}), ("bob", 300): frozenset({"b", "new"})}
    asked |= {(name, 300): frozenset(items) for name, items in baskets.items()}
    return Recount(asked, Counter(ann=2, bob=3), 0, 3)


def test_the_same_baskets_counted_both_ways_are_alike():
    data = training_set()
    assert unlike(counted(), next_basket_cases(data.histories, 10, 20), data) == []


def test_a_basket_with_another_item_a_missing_and_an_invented_one_are_named():
    data = training_set()
    cases = next_basket_cases(data.histories, 10, 20)
    assert unlike(counted(bob={"c", "new"}), cases, data) == ["shopper bob at second 300"]
    assert unlike(counted(eve={"c"}), cases, data) == ["shopper eve at second 300"]
    assert unlike(counted(), cases.take(slice(0, 1)), data) == ["shopper bob at second 300"]


def test_a_shopper_whose_oldest_events_were_left_out_is_passed_over():
    data = training_set()
    count_ = replace(counted(bob={"c"}), events=Counter(ann=2, bob=9))
    assert unlike(count_, next_basket_cases(data.histories, 10, 20), data) == []


@pytest.fixture
def comparison(tmp_path):
    write_bundle(tmp_path / "bundle")
    ranker = open_ranker(open_bundle(tmp_path / "bundle"))
    return compare(training_set(), ranker, ranker)


def test_figures_are_what_lists_and_events_give_by_hand(comparison):
    data = training_set()
    cases = next_basket_cases(data.histories, 10, 20)
    assert misjudged(counted(), cases, comparison, data, 10) == []


def test_hits_and_targets_that_the_events_do_not_know_are_found(comparison):
    data = training_set()
    cases = next_basket_cases(data.histories, 10, 20)
    champion = comparison.scores["champion"]
    broken = replace(champion, hits=champion.hits | True, sizes=champion.sizes + 1)
    told = misjudged(counted(), cases, replace(comparison, scores={"champion": broken}), data, 10)
    assert [words.split(":")[0] for words in told] == ["champion for shopper ann", "champion for shopper bob"]


def test_plain_ndcg_is_worked_out_place_by_place():
    assert plain_ndcg(["x", "a", "", "b"], {"a", "b", ""}, 3) == pytest.approx(0.6309 / (1 + 0.6309 + 0.5), abs=1e-4)


def write_days(lake: Path, rows: pa.Table) -> int:
    """All days of the table `events` as they are now, without Spark; returns the snapshot."""
    catalog = SqlCatalog("lake", uri=f"sqlite:///{lake / CATALOG}", warehouse=f"{lake}/tables")
    catalog.create_namespace_if_not_exists("shop")
    table = catalog.create_table_if_not_exists(("shop", "events"), rows.schema)
    if table.current_snapshot() is None:
        table.append(rows)
    else:
        table.overwrite(rows)
    return table.current_snapshot().snapshot_id


def test_a_day_that_was_run_again_does_not_change_what_a_training_set_is_judged_on(tmp_path):
    settings, days = Settings(_env_file=None, lake=str(tmp_path)), pa.array([date(2024, 3, 1), date(2024, 3, 2)])
    rows = events(("e1", "ann", "a", "view", 100), ("e2", "ann", "b", "view", 200))
    then = write_days(tmp_path, rows.append_column("landing_date", days))
    again = events(("e1", "ann", "a", "view", 100), ("e3", "ann", "c", "view", 300))
    write_days(tmp_path, again.append_column("landing_date", days))
    cut, as_of = (day_number(day.as_py()) for day in days)
    assert recount(settings, cut, as_of, then).baskets == {("ann", 200): {"b"}}
    assert recount(settings, cut, as_of).baskets == {("ann", 300): {"c"}}
    with pytest.raises(LakeError, match=r"tables/events: its snapshot 7 is gone; materialize `training_set` again"):
        recount(settings, cut, as_of, 7)


@pytest.mark.spark
def test_on_a_real_lake_both_counts_agree_and_a_day_that_is_cut_otherwise_is_seen(small_shop):
    from freshet.tables.reading import load_training_set

    data = load_training_set(small_shop.settings, small_shop.training_set)
    second = recount(small_shop.settings, data.cut, data.as_of, small_shop.training_set.snapshots["events"])
    assert len(second.baskets) > 100
    assert second.leaked == 0
    assert unlike(second, next_basket_cases(data.histories, data.cut, data.as_of), data) == []
    assert len(unlike(second, next_basket_cases(data.histories, data.cut - 1, data.as_of), data)) > 100

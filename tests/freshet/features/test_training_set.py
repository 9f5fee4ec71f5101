"""Vocabulary and training set: late days, new generations, and references that read the same set again."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import count

import numpy as np
import pytest

from freshet.artifacts import TrainingSetRef
from freshet.errors import LakeError
from freshet.features import training_set
from freshet.store import open_store
from freshet.tables import day_records, iceberg
from freshet.tables.day_records import DayRecord, PublishAttempt
from freshet.tables.reader import load_training_set
from freshet.tables.schemas import EVENTS, HISTORIES, ITEM_FEATURES, ITEMS, TRAINING_SET, USER_FEATURES
from tests import tiny_lake
from tests.gate_cases import refusal_reason
from tests.tiny_lake import published_rows
from tests.world import ANN, BOB, DAY1, DAY2, DAY3, SESSION_2, moment

pytestmark = pytest.mark.spark
numbered = count()


def publish_rows(spark, table, days, *rows):
    iceberg.publish_stage(
        spark, iceberg.write(spark.createDataFrame(list(rows), table.spark_schema).coalesce(1), table, list(days))
    )


def write_record(settings, counts, verdict="published", attempt=None, table="events", **sources):
    """A record of the table, later than all before: day → its counts."""
    name = attempt or f"a{next(numbered)}"
    at = datetime(2024, 4, 1, tzinfo=UTC) + timedelta(minutes=next(numbered))
    records = tuple(DayRecord(day=d, verdict=verdict, counts=c, sources=sources) for d, c in counts.items())
    day_records.write_attempt(
        open_store(settings.lake), PublishAttempt(table=table, attempt=name, at=at, snapshot=1, records=records)
    )


def publish_items(spark, settings, item_days):
    write_record(settings, {day: {"rows": len(names), "items": len(names)} for day, names in item_days.items()})
    publish_rows(
        spark,
        ITEMS,
        item_days,
        *((name, name.title(), None, None, day, None) for day, names in item_days.items() for name in names),
    )


def vocabulary_indexes(spark):
    rows = spark.sql("SELECT item_id, `index`, generation FROM lake.shop.vocabulary ORDER BY `index`").collect()
    return [tuple(row) for row in rows]


def test_the_vocabulary_of_the_shop_passes_its_gate(shop):
    publish_result = shop.publications["vocabulary"]
    assert (publish_result.message(), publish_result.rows) == ("", 4)
    assert publish_result.profile.loc[
        "vocabulary", ["lowest_index", "highest_index", "index_gaps", "reindexed_items"]
    ].tolist() == [1, 4, 0, 0]


def test_an_index_never_moves_until_a_new_generation(empty_lake):
    spark, settings = empty_lake
    publish_items(spark, settings, {DAY2: ["mug", "pen"]})
    assert training_set.publish_vocabulary(spark, settings).message() == ""
    assert vocabulary_indexes(spark) == [("mug", 1, 1), ("pen", 2, 1)]

    # An earlier day, landed later; day 2 again, without the mug; and one more day.
    publish_items(spark, settings, {DAY1: ["cup", "pen"], DAY2: ["bow"], DAY3: ["ape"]})
    assert training_set.publish_vocabulary(spark, settings).message() == ""
    assert vocabulary_indexes(spark) == [("mug", 1, 1), ("pen", 2, 1), ("cup", 3, 1), ("bow", 4, 1), ("ape", 5, 1)]

    training_set.publish_vocabulary(spark, settings, new_generation=True)
    assert vocabulary_indexes(spark) == [("cup", 1, 2), ("pen", 2, 2), ("bow", 3, 2), ("ape", 4, 2)]

    publish_items(spark, settings, {DAY1: ["cup", "pen", "ant"]})
    training_set.publish_vocabulary(spark, settings)
    assert vocabulary_indexes(spark) == [("cup", 1, 2), ("pen", 2, 2), ("bow", 3, 2), ("ape", 4, 2), ("ant", 5, 2)]


def test_changed_and_lost_indexes_are_counted(spark):
    def with_indexes(*rows):
        return spark.createDataFrame(list(rows), "item_id STRING, index INT")

    staged = with_indexes(("mug", 1), ("pen", 3), ("new", 4))
    assert training_set.count_reindexed_items(with_indexes(("mug", 1)), staged) == 0
    assert training_set.count_reindexed_items(with_indexes(("mug", 1), ("pen", 2), ("gone", 3)), staged) == 2


def test_a_shop_with_one_item_is_refused_and_the_published_vocabulary_stays(empty_lake):
    spark, settings = empty_lake
    publish_items(spark, settings, {DAY1: ["mug", "pen"]})
    training_set.publish_vocabulary(spark, settings)
    publish_items(spark, settings, {DAY1: ["mug"]})
    publish_result = training_set.publish_vocabulary(spark, settings, new_generation=True)
    assert publish_result.message() == f"vocabulary: {refusal_reason('vocabulary', 'at_least_two_items', rows=1)}"
    assert vocabulary_indexes(spark) == [("mug", 1, 1), ("pen", 2, 1)]


def test_a_training_set_without_published_tables_names_the_command(empty_lake):
    spark, settings = empty_lake
    with pytest.raises(LakeError) as exc_info:
        training_set.publish_training_set(spark, settings, DAY3, DAY2, 10)
    assert str(exc_info.value) == (
        "histories: no day of it has been published yet; land some days (`freshet land FILE…`), then run "
        "`dagster asset materialize -m pipelines.definitions --select '*' --partition-range FIRST...LAST`"
    )


def publish_views(spark, settings, visits):
    """Day → (shopper, hour, item): views, in all tables a training set is made from, and recorded."""
    write_record(
        settings,
        {
            day: {"rows": len(day_visits), "items": len({v[2] for v in day_visits})}
            for day, day_visits in visits.items()
        },
    )
    view_rows = [(day, shopper, hour, item) for day, seen in visits.items() for shopper, hour, item in seen]
    lacking = len(EVENTS.column_names) - 1
    publish_rows(spark, EVENTS, visits, *((*[None] * (lacking - 3), day, *[None] * 3) for day, *_ in view_rows))
    shoppers, names = sorted({(v[0], v[1]) for v in view_rows}), sorted({(v[0], v[3]) for v in view_rows})
    views = {(d, w): [(moment(d.day, v[2]), v[3], "view") for v in view_rows if v[:2] == (d, w)] for d, w in shoppers}
    publish_rows(spark, HISTORIES, visits, *((who, views[day, who], day) for day, who in shoppers))
    publish_rows(spark, USER_FEATURES, visits, *((who, len(views[day, who]), 0, day) for day, who in shoppers))
    views_of = Counter((v[0], v[3]) for v in view_rows)
    publish_rows(spark, ITEM_FEATURES, visits, *((name, views_of[day, name], 0, 0, 1, day) for day, name in names))
    publish_rows(spark, ITEMS, visits, *((name, name.title(), None, None, day, None) for day, name in names))


@pytest.fixture(scope="module")
def training_lake(spark, tmp_path_factory):
    """A training set as of day 2 while day 3 is already there; and the lake it was made in."""
    settings = tiny_lake.shop_settings(tmp_path_factory.mktemp("training"))
    session = tiny_lake.lake_session(spark, settings)
    day1 = [(ANN, 9, "mug"), (ANN, 10, "pen"), (BOB, 9, "pen"), (BOB, 11, "pen")]
    publish_views(
        session, settings, {DAY1: day1, DAY2: [(ANN, 9, "pen")], DAY3: [(ANN, 9, "hat"), (SESSION_2, 9, "mug")]}
    )
    training_set.publish_vocabulary(session, settings)
    publish_result, ref = training_set.publish_training_set(session, settings, DAY2, DAY1, 10)
    return session, settings, publish_result, ref


def test_rows_landed_after_as_of_are_left_out(training_lake):
    _, settings, publish_result, ref = training_lake
    assert publish_result.message() == ""
    data = load_training_set(settings, ref)
    actual = {str(shopper): data.histories.items[data.histories.offsets[i] : data.histories.offsets[i + 1]].tolist()
             for i, shopper in enumerate(data.histories.shoppers)}  # fmt: skip
    assert actual == {ANN: [1, 2, 2], BOB: [2, 2]}  # mug 1, pen 2, hat 3; no S2
    assert int(data.histories.days.max()) == data.as_of


def test_the_reference_names_the_snapshots_of_its_tables(training_lake):
    _, _, publish_result, ref = training_lake
    tables = (HISTORIES, USER_FEATURES, ITEM_FEATURES)
    assert (ref.as_of, ref.train_until) == (DAY2, DAY1)
    assert set(ref.snapshots) == {*(table.name for table in tables), "events", "vocabulary", "training_set"}
    assert ref.snapshots["training_set"] == publish_result.snapshot
    assert TrainingSetRef.model_validate_json(ref.model_dump_json()) == ref


def training_arrays(settings, ref):
    data = load_training_set(settings, ref)
    h, v = data.histories, data.vocabulary
    return [
        h.shoppers, h.offsets, h.items, h.types, h.times, h.days,
        *(column.astype(str) for column in (v.item_ids, v.titles, v.categories)), v.prices,
        v.delisted, data.popularity, data.audience, data.first_days, data.event_counts, data.purchase_counts,
    ]  # fmt: skip


def test_a_shop_without_returning_shoppers_is_held_back(training_lake):
    session, settings, _, _ = training_lake
    before = iceberg.current_snapshot(session, TRAINING_SET)
    publish_result, _ = training_set.publish_training_set(session, settings, DAY2, date(2024, 2, 1), 10)
    reason = refusal_reason(
        "training_set", "shoppers_came_twice", returning_shoppers=0, rows=2, train_until="2024-02-01"
    )
    assert publish_result.message() == f"training_set: {reason}"
    assert iceberg.current_snapshot(session, TRAINING_SET) == before


def test_an_item_newer_than_the_vocabulary_is_refused(training_lake):
    session, settings, _, _ = training_lake
    publish_views(session, settings, {date(2024, 3, 20): [(ANN, 9, "zip")]})
    publish_result, _ = training_set.publish_training_set(session, settings, date(2024, 3, 20), DAY2, 10)
    assert publish_result.message().startswith("training_set: item indexes run from 0 to ")
    assert publish_result.message().endswith("for every day of histories, then vocabulary and training_set in one run")


def test_a_reference_reads_the_same_bits_after_later_publications(training_lake):
    session, settings, _, ref = training_lake
    before = training_arrays(settings, ref)
    # A day before, landed later, and a day run again, with other rows.
    publish_views(
        session,
        settings,
        {date(2024, 2, 28): [(ANN, 9, "ant"), (BOB, 8, "mug")], DAY1: [(ANN, 9, "bow"), (BOB, 9, "pen")]},
    )
    training_set.publish_vocabulary(session, settings)
    _, later = training_set.publish_training_set(session, settings, DAY3, DAY2, 10)
    assert later.snapshots["training_set"] != ref.snapshots["training_set"]
    after = training_arrays(settings, ref)
    assert [a.tobytes() for a in after] == [b.tobytes() for b in before]
    assert not np.array_equal(training_arrays(settings, later)[2], before[2])


def test_the_same_tables_give_the_same_training_set(shop):
    before = published_rows(shop.spark, "training_set")
    _, repeated_ref = training_set.publish_training_set(shop.spark, shop.settings, DAY3, DAY2, 2000)
    assert published_rows(shop.spark, "training_set") == before
    one, other = training_arrays(shop.settings, shop.training_set), training_arrays(shop.settings, repeated_ref)
    assert [a.tobytes() for a in one] == [b.tobytes() for b in other]


def test_the_fewest_days_with_enough_baskets_are_held_out(empty_lake):
    spark, _ = empty_lake
    days = [date(2024, 3, number) for number in range(1, 10)]
    basket = [(moment(1, 9), "mug", "view"), (moment(1, 9), "cup", "view")]  # one second, so one basket
    publish_rows(
        spark, HISTORIES, days, *((shopper, basket, day) for shopper in (ANN, BOB) for day in days)
    )  # two baskets a day

    def holdout_days(as_of, cases):
        return training_set.evaluation_days(spark, as_of, cases, max_days=7)

    assert [holdout_days(date(2024, 3, 9), cases) for cases in (1, 2, 3, 4, 5, 6)] == [1, 1, 2, 2, 3, 3]
    assert holdout_days(date(2024, 3, 9), 100) == 3  # a third of nine days, however few baskets they hold
    assert holdout_days(date(2024, 3, 2), 100) == 1
    assert holdout_days(date(2024, 3, 30), 100) == 7  # at most the required number


# The daily tables are compared with the counts of events, by day.

RUN_FIX = (
    "run `dagster asset materialize -m pipelines.definitions "
    "--select '+items,+item_features,+user_features,+histories' "
    "--partition-range {days}`; then materialize vocabulary and training_set again"
)


@pytest.fixture(scope="module")
def two_day_lake(spark, tmp_path_factory):
    """A shop of two days that may be trained on; each test leaves it so."""
    settings = tiny_lake.shop_settings(tmp_path_factory.mktemp("whole"))
    session = tiny_lake.lake_session(spark, settings)
    visits = {
        DAY1: [(ANN, 9, "mug"), (ANN, 10, "pen"), (BOB, 9, "pen"), (BOB, 11, "pen")],
        DAY2: [(ANN, 9, "pen"), (BOB, 10, "mug")],
    }
    publish_views(session, settings, visits)
    assert training_set.publish_vocabulary(session, settings).message() == ""
    return session, settings, visits


def first_refusal_reason(two_day_lake):
    """The first reason why the training set is refused; "" where it is not."""
    publish_result, _ = training_set.publish_training_set(two_day_lake[0], two_day_lake[1], DAY2, DAY1, 10)
    return publish_result.message().partition("\n")[0]


@pytest.mark.parametrize(
    ("table", "where", "says"),
    [
        (HISTORIES, f"landing_date = DATE '{DAY1}'", "histories 2024-03-01 hold 0 events where events published 4"),
        (EVENTS, f"landing_date = DATE '{DAY1}'", "events 2024-03-01 hold 0 events where events published 4"),
        (USER_FEATURES, f"shopper = '{ANN}' AND landing_date = DATE '{DAY1}'",
         "user_features 2024-03-01 hold 2 events where events published 4"),
        (ITEM_FEATURES, f"item_id = 'pen' AND landing_date = DATE '{DAY1}'",
         "item_features 2024-03-01 hold 1 events where events published 4"),
    ],
    ids=lambda value: getattr(value, "name", None),
)  # fmt: skip
def test_rows_deleted_from_a_source_table_refuse_the_training_set(two_day_lake, table, where, says):
    session, settings, visits = two_day_lake
    session.sql(f"DELETE FROM lake.shop.{table.name} WHERE {where}")
    assert (
        first_refusal_reason(two_day_lake) == f"training_set: {says}; {RUN_FIX.format(days='2024-03-01...2024-03-01')}"
    )
    publish_views(session, settings, visits)
    assert first_refusal_reason(two_day_lake) == ""


def test_a_day_made_from_an_older_attempt_of_events_refuses_the_training_set(two_day_lake):
    settings = two_day_lake[1]
    write_record(settings, {DAY2: {"rows": 2}}, attempt="e1")
    write_record(settings, {DAY2: {"rows": 2}}, table="histories", events="e1")
    assert first_refusal_reason(two_day_lake) == ""
    write_record(settings, {DAY2: {"rows": 2}}, attempt="e2")
    says = "histories 2024-03-02 were made from events that have been published again since"
    assert (
        first_refusal_reason(two_day_lake) == f"training_set: {says}; {RUN_FIX.format(days='2024-03-02...2024-03-02')}"
    )
    write_record(settings, {DAY2: {"rows": 2}}, table="histories", events="e2")
    assert first_refusal_reason(two_day_lake) == ""


def test_a_later_refusal_of_events_keeps_the_published_counts(two_day_lake):
    write_record(two_day_lake[1], {DAY1: {"rows": 17}}, verdict="refused")
    assert first_refusal_reason(two_day_lake) == ""


def test_an_item_deleted_from_a_day_refuses_the_vocabulary(two_day_lake):
    session, settings, visits = two_day_lake
    publish_views(session, settings, visits)
    session.sql(f"DELETE FROM lake.shop.items WHERE item_id = 'mug' AND landing_date = DATE '{DAY2}'")
    says = "items 2024-03-02 hold 1 items where events published 2"
    publish_result = training_set.publish_vocabulary(session, settings)
    assert publish_result.message() == f"vocabulary: {says}; {RUN_FIX.format(days='2024-03-02...2024-03-02')}"
    publish_views(session, settings, visits)

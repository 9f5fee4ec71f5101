"""A mapping applied: canonical columns, pseudonyms, bad values null instead of a dead job."""

import hmac
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from freshet.errors import MappingError
from freshet.pseudonym import pseudonym as in_python
from freshet.tables.mapping import Events, Mapping, Source
from freshet.tables.raw_events import to_raw_events
from freshet.tables.schemas import RAW_EVENTS

pytestmark = pytest.mark.spark

KEY = b"a secret"
EVENTS = Events(
    user_id="who",
    session_id="basket",
    item_id="item",
    event_type="kind",
    event_time="to_timestamp(at, 'd.M.yyyy H:mm')",
    quantity="count",
    price="cost",
    title="title",
    context={"land": "country"},
)
MAPPING = Mapping(
    shop="s", time_zone="Europe/London", source=Source(format="csv"), where="kind != 'ping'", events=EVENTS
)
NAMES = ("who", "basket", "item", "kind", "at", "count", "cost", "title", "country", "corrupt_record")
ROW = ("7", "s1", " A ", "View", "1.7.2024 12:00", "2", "3.99", "Mug ", "UK", None)


def rows(spark, *given, mapping=MAPPING, key=KEY):
    """Raw events of rows that differ from ROW in the columns named."""
    source = spark.createDataFrame(
        [
            (*({**dict(zip(NAMES, ROW, strict=True)), **row}.values()), date(2024, 7, 1), "dt=2024-07-01/a.csv", n, 0)
            for n, row in enumerate(given, start=1)
        ],
        ", ".join(f"{name} STRING" for name in NAMES)
        + ", landing_date DATE, source_file STRING, source_row BIGINT, source_position INT",
    )
    return to_raw_events(source, mapping, key)


def only(spark, row, **options):
    return rows(spark, row, **options).collect()[0]


def test_the_columns_are_those_of_the_table_in_its_order_and_types(spark):
    frame = rows(spark, {})
    assert [(f.name, f.dataType) for f in frame.schema] == [(f.name, f.dataType) for f in RAW_EVENTS.struct]


def test_a_row_becomes_canonical(spark):
    event = only(spark, {})
    assert (event.item_id, event.event_type, event.title) == ("A", "view", "Mug")
    assert (event.quantity, event.price, event.context) == (2.0, Decimal("3.9900"), {"land": "UK"})
    assert event.skipped is False
    assert event.corrupt_record is None


def test_a_wall_clock_time_is_shifted_from_its_zone(spark):
    frame = rows(spark, {}).selectExpr("unix_seconds(event_time)")  # London is an hour ahead in July
    assert frame.collect()[0][0] == int(datetime(2024, 7, 1, 11, 0, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("how", "at", "hour"),
    [
        ("to_timestamp(at)", "2024-07-01T10:00:00Z", 10),
        ("to_timestamp(at)", "2024-07-01T10:00:00+02:00", 8),
        ("to_timestamp(at)", "2024-07-01 10:00:00-0500", 15),
        ("to_timestamp(at, \"yyyy-MM-dd'T'HH:mm:ssXXX\")", "2024-07-01T10:00:00+02:00", 8),
        ("timestamp_millis(bigint(at))", "1719828000000", 10),
        ("to_timestamp(at)", "2024-07-01T10:00:00", 9),
        ("to_timestamp_ntz(at)", "2024-07-01T10:00:00", 9),
        ("to_timestamp(at)", "2024-07-01", -1),
    ],
)
def test_a_time_with_an_offset_of_its_own_is_not_shifted_again(spark, how, at, hour):
    mapping = MAPPING.model_copy(update={"events": EVENTS.model_copy(update={"event_time": how})})
    before = spark.conf.get("spark.sql.session.timeZone")
    frame = rows(spark, {"at": at}, mapping=mapping).selectExpr("unix_seconds(event_time)")
    assert spark.conf.get("spark.sql.session.timeZone") == before
    midnight = int(datetime(2024, 7, 1, tzinfo=UTC).timestamp())
    assert (frame.collect()[0][0] - midnight) / 3600 == hour


@pytest.mark.parametrize("key", [b"k", b"a secret", b"x" * 64, b"y" * 200], ids=len)
def test_pseudonyms_are_those_of_hmac(spark, key):
    event = only(spark, {"who": " Zoë "}, key=key)
    assert event.user_id == hmac.digest(key, "user:Zoë".encode(), "sha256").hex()[:32] == in_python(key, "user", "Zoë")
    assert event.session_id == in_python(key, "session", "s1")


def test_a_blank_id_is_no_id(spark):
    event = only(spark, {"who": "  ", "item": " "})
    assert (event.user_id, event.item_id) == (None, None)


def test_values_that_cannot_be_read_are_null_and_kill_nothing(spark):
    event = only(spark, {"at": "yesterday"})
    assert event.event_time is None


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"count": "two"}, "quantity is not a number: two"),
        ({"cost": "3,99"}, "price is not a number: 3,99"),
        ({"cost": "1e30"}, "price is not a number: 1e30"),
        ({"count": "", "cost": " "}, None),
    ],
)
def test_text_where_a_number_belongs_is_told(spark, row, said):
    assert only(spark, row).corrupt_record == said


def test_a_row_for_which_where_does_not_hold_or_is_unknown_is_skipped_and_a_broken_one_is_not(spark):
    found = rows(spark, {"kind": "ping"}, {"kind": None}, {"kind": None, "corrupt_record": "7,"}, {})
    assert [row.skipped for row in found.orderBy("source_row").collect()] == [True, True, False, False]


def test_exact_copies_share_an_id_and_any_other_column_changes_it(spark):
    same, copy, other = (row.event_id for row in rows(spark, {}, {}, {"country": "FR"}).orderBy("source_row").collect())
    assert same == copy != other


def test_broken_rows_have_an_id_each(spark):
    one, other = rows(spark, {"corrupt_record": "x"}, {"corrupt_record": "x"}).collect()
    assert one.event_id != other.event_id


def test_the_shops_own_id_is_kept_where_there_is_one(spark):
    mapping = MAPPING.model_copy(update={"events": EVENTS.model_copy(update={"event_id": "basket"})})
    named, unnamed = rows(spark, {"basket": " e1 "}, {"basket": ""}, mapping=mapping).orderBy("source_row").collect()
    assert named.event_id == "e1"
    assert len(unnamed.event_id) == 64


def test_a_mapping_that_does_not_fit_is_refused_before_anything_is_read(spark):
    mapping = MAPPING.model_copy(update={"where": "kinds = 'ping'"})
    with pytest.raises(MappingError, match=r"`kinds = 'ping'`: the source has no column kinds; did you mean kind\?"):
        rows(spark, {}, mapping=mapping)


def test_strict_casts_stay_strict_outside_the_mapping(spark):
    before = spark.conf.get("spark.sql.ansi.enabled")
    spark.conf.set("spark.sql.ansi.enabled", "true")
    try:
        assert only(spark, {"at": "never", "count": "x"}).event_time is None
        assert spark.conf.get("spark.sql.ansi.enabled") == "true"
    finally:
        spark.conf.set("spark.sql.ansi.enabled", before)

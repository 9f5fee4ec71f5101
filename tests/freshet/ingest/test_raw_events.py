"""Applying a mapping: canonical columns, pseudonyms, null for bad values instead of a failed job."""

import hmac
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from freshet.data.pseudonym import pseudonym as in_python
from freshet.data.whitespace import BLANK_CHARACTERS
from freshet.errors import MappingError
from freshet.ingest.mapping.source_mapping import EventExpressions, SourceFormat, SourceMapping
from freshet.ingest.raw_events import to_raw_events
from freshet.tables.schemas import RAW_EVENTS

pytestmark = pytest.mark.spark

PSEUDONYM_KEY = b"a secret"
EVENTS = EventExpressions(
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
MAPPING = SourceMapping(
    shop="s", time_zone="Europe/London", source=SourceFormat(format="csv"), where="kind != 'ping'", events=EVENTS
)
COLUMN_NAMES = ("who", "basket", "item", "kind", "at", "count", "cost", "title", "country", "corrupt_record")
DEFAULT_ROW = ("7", "s1", " A ", "View", "1.7.2024 12:00", "2", "3.99", "Mug ", "UK", None)


def raw_event_rows(spark, *row_overrides, mapping=MAPPING, key=PSEUDONYM_KEY):
    """Raw events of rows like DEFAULT_ROW with these overrides."""
    source = spark.createDataFrame(
        [
            (
                *({**dict(zip(COLUMN_NAMES, DEFAULT_ROW, strict=True)), **row}.values()),
                date(2024, 7, 1),
                "dt=2024-07-01/a.csv",
                n,
                0,
            )
            for n, row in enumerate(row_overrides, start=1)
        ],
        ", ".join(f"{name} STRING" for name in COLUMN_NAMES)
        + ", landing_date DATE, source_file STRING, source_row BIGINT, source_position INT",
    )
    return to_raw_events(source, mapping, key)


def single_row(spark, row, **options):
    return raw_event_rows(spark, row, **options).collect()[0]


def test_the_columns_are_those_of_the_table_in_its_order_and_types(spark):
    frame = raw_event_rows(spark, {})
    assert [(f.name, f.dataType) for f in frame.schema] == [(f.name, f.dataType) for f in RAW_EVENTS.spark_schema]


def test_a_row_becomes_canonical(spark):
    event = single_row(spark, {})
    assert (event.item_id, event.event_type, event.title) == ("A", "view", "Mug")
    assert (event.quantity, event.price, event.context) == (2.0, Decimal("3.9900"), {"land": "UK"})
    assert event.skipped is False
    assert event.corrupt_record is None


def test_a_wall_clock_time_is_shifted_from_its_zone(spark):
    frame = raw_event_rows(spark, {}).selectExpr("unix_seconds(event_time)")  # London is an hour ahead in July
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
def test_a_time_with_an_offset_is_not_shifted_again(spark, how, at, hour):
    mapping = MAPPING.model_copy(update={"events": EVENTS.model_copy(update={"event_time": how})})
    time_zone = spark.conf.get("spark.sql.session.timeZone")
    frame = raw_event_rows(spark, {"at": at}, mapping=mapping).selectExpr("unix_seconds(event_time)")
    assert spark.conf.get("spark.sql.session.timeZone") == time_zone
    midnight = int(datetime(2024, 7, 1, tzinfo=UTC).timestamp())
    assert (frame.collect()[0][0] - midnight) / 3600 == hour


@pytest.mark.parametrize("key", [b"k", b"a secret", b"x" * 64, b"y" * 200], ids=len)
def test_pseudonyms_are_those_of_hmac(spark, key):
    event = single_row(spark, {"who": " Zoë "}, key=key)
    assert event.user_id == hmac.digest(key, "user:Zoë".encode(), "sha256").hex()[:32] == in_python(key, "user", "Zoë")
    assert event.session_id == in_python(key, "session", "s1")


def test_a_blank_id_is_no_id(spark):
    event = single_row(spark, {"who": "  ", "item": "\u00a0\t\ufeff"})
    assert (event.user_id, event.item_id) == (None, None)


def test_white_space_around_ids_is_trimmed_as_in_the_gateway(spark):
    fields = {
        "who": f"{BLANK_CHARACTERS}Zoë B{BLANK_CHARACTERS}",
        "basket": "\ts1\u00a0",
        "item": "\u3000A\r",
        "kind": "\u200bVIEW ",
    }
    event = single_row(spark, fields)
    assert (event.user_id, event.session_id) == (
        in_python(PSEUDONYM_KEY, "user", "Zoë B"),
        in_python(PSEUDONYM_KEY, "session", "s1"),
    )
    assert (event.item_id, event.event_type) == ("A", "view")


@pytest.mark.parametrize(
    ("row", "flaw"),
    [
        ({"who": "Zo\ufffd"}, "bad_encoding"),
        ({"basket": "\ufffd"}, "bad_encoding"),
        ({"who": "z" * 257}, "id_too_long"),
        ({"basket": "z" * 257}, "id_too_long"),
        ({"who": "z" * 256, "basket": None}, None),
    ],
)
def test_the_flaw_of_an_id_is_recorded_before_it_is_hashed(spark, row, flaw):
    assert single_row(spark, row).flaw == flaw


def test_ids_of_floating_columns_are_integers_or_null(spark):
    names = ("user_id", "item_id", "event_id")
    values = [1.0, 12345678.0, -0.0, float(2**53), 1.5, float(2**54), float("nan"), float("inf"), None]
    columns = "n DOUBLE, m FLOAT, d DECIMAL(20,2), landing_date DATE, source_file STRING, source_row BIGINT, "
    source = spark.createDataFrame(
        [
            (n, n if n is None or n < 2**24 else 0.5, None if n is None or n != n or n > 2**55 else Decimal(n),
             date(2024, 7, 1), "a", row_number, 0, None)
            for row_number, n in enumerate(values)
        ],
        columns + "source_position INT, corrupt_record STRING",
    )  # fmt: skip
    events = EventExpressions(
        user_id="n", item_id="m", event_id="d", event_type="'view'", event_time="timestamp_seconds(1)"
    )
    frame = to_raw_events(source, MAPPING.model_copy(update={"events": events, "where": None}), PSEUDONYM_KEY)
    actual = [tuple(row) for row in frame.orderBy("source_row").select(*names, "corrupt_record").collect()]
    user = [None if n is None else in_python(PSEUDONYM_KEY, "user", n) for n in ("1", "12345678", "0", str(2**53))]
    assert actual[:3] == [(user[0], "1", "1", None), (user[1], "12345678", "12345678", None), (user[2], "0", "0", None)]
    assert [(row[0], row[3]) for row in actual[3:]] == [
        (user[3], "item_id is no whole number"),
        *[(None, "user_id is no whole number")] * 4,
        (None, None),
    ]


@pytest.mark.parametrize("how", ["to_timestamp(at)", "cast(at as timestamp)", "at::timestamp", "timestamp(at)"])
def test_a_time_needs_a_full_date(spark, how):
    mapping = MAPPING.model_copy(update={"events": EVENTS.model_copy(update={"event_time": how}), "time_zone": "UTC"})
    time_texts = [
        "10:30",
        "T10:30",
        "2024",
        "2024-07",
        "20240701",
        "2024-07-01",
        " 2024-7-1 10:30",
        "2024-07-01T10:30:00Z",
    ]
    frame = raw_event_rows(spark, *({"at": at} for at in time_texts), mapping=mapping).orderBy("source_row")
    hours = [row[0] for row in frame.selectExpr("unix_seconds(event_time) / 3600 - 477720").collect()]
    assert hours == [None, None, None, None, None, 0, 10.5, 10.5]


def test_an_expression_with_a_format_reads_that_format(spark):
    expression = "coalesce(to_timestamp(at, 'yyyy'), try_to_timestamp(at))"
    mapping = MAPPING.model_copy(
        update={"events": EVENTS.model_copy(update={"event_time": expression}), "time_zone": "UTC"}
    )
    frame = raw_event_rows(spark, {"at": "2024"}, {"at": "10:30"}, mapping=mapping).orderBy("source_row")
    assert [row[0] for row in frame.selectExpr("date(event_time)").collect()] == [date(2024, 1, 1), None]


def test_only_the_beginning_of_a_long_unreadable_record_is_kept(spark):
    event = single_row(spark, {"corrupt_record": "x" * 12_000_000})
    assert event.corrupt_record == "x" * 4096 + "… (12000000 characters)"


def test_a_time_that_cannot_be_read_is_null(spark):
    event = single_row(spark, {"at": "yesterday"})
    assert event.event_time is None


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"count": "two"}, "quantity is not a number: two"),
        ({"cost": "3,99"}, "price is not a number: 3,99"),
        ({"cost": "1e30"}, "price is not a number: 1e30"),
        ({"count": "", "cost": " "}, None),
    ],
)
def test_text_instead_of_a_number_is_recorded(spark, row, message):
    assert single_row(spark, row).corrupt_record == message


def test_rows_for_which_where_is_false_or_null_are_skipped_unless_broken(spark):
    raw_rows = raw_event_rows(spark, {"kind": "ping"}, {"kind": None}, {"kind": None, "corrupt_record": "7,"}, {})
    assert [row.skipped for row in raw_rows.orderBy("source_row").collect()] == [True, True, False, False]


def test_exact_copies_share_an_id_and_any_other_column_changes_it(spark):
    original_id, copy_id, changed_id = (
        row.event_id for row in raw_event_rows(spark, {}, {}, {"country": "FR"}).orderBy("source_row").collect()
    )
    assert original_id == copy_id != changed_id


def test_broken_rows_have_an_id_each(spark):
    one, other = raw_event_rows(spark, {"corrupt_record": "x"}, {"corrupt_record": "x"}).collect()
    assert one.event_id != other.event_id


def test_the_shops_own_id_is_kept_where_there_is_one(spark):
    mapping = MAPPING.model_copy(update={"events": EVENTS.model_copy(update={"event_id": "basket"})})
    with_id, unnamed = (
        raw_event_rows(spark, {"basket": " e1 "}, {"basket": ""}, mapping=mapping).orderBy("source_row").collect()
    )
    assert with_id.event_id == "e1"
    assert len(unnamed.event_id) == 64


def test_a_mapping_that_does_not_fit_is_refused_before_any_row_is_read(spark):
    mapping = MAPPING.model_copy(update={"where": "kinds = 'ping'"})
    with pytest.raises(MappingError, match=r"`kinds = 'ping'`: the source has no column kinds; did you mean kind\?"):
        raw_event_rows(spark, {}, mapping=mapping)


def test_strict_casts_stay_strict_outside_the_mapping(spark):
    ansi_setting = spark.conf.get("spark.sql.ansi.enabled")
    spark.conf.set("spark.sql.ansi.enabled", "true")
    try:
        assert single_row(spark, {"at": "never", "count": "x"}).event_time is None
        assert spark.conf.get("spark.sql.ansi.enabled") == "true"
    finally:
        spark.conf.set("spark.sql.ansi.enabled", ansi_setting)

"""Loading raw_events: a broken file refuses its own day, even if a reader would accept it."""

import io
import json
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from freshet.features.raw_events_loader import RawEventsLoader
from freshet.ingest.mapping.source_mapping import EventExpressions, SourceFormat, SourceMapping
from freshet.ingest.read_landing import scan_files
from freshet.landing import landed_files
from freshet.store import open_store
from tests import tiny_lake
from tests.freshet.ingest.files.test_csv_scan import TITLES_STRATEGY, write_csv

pytestmark = pytest.mark.spark

DAYS = [date(2024, 3, day) for day in range(1, 10)]
EVENTS = EventExpressions(user_id="user", item_id="item", event_type="'view'", event_time="to_timestamp(at)")
CSV_MAPPING = SourceMapping(shop="s", source=SourceFormat(format="csv"), events=EVENTS)
PARQUET_MAPPING = CSV_MAPPING.model_copy(
    update={"source": SourceFormat(format="parquet"), "events": EVENTS.model_copy(update={"event_time": "at"})}
)
CSV_HEADER = "user,item,at\n"
CSV_ROW = "u1,A,2024-03-01 09:00:00\n"


@pytest.fixture
def landing(tmp_path):
    return tmp_path / "lake" / "landing" / "events"


def write_landing(landing: Path, day: date, name: str, content: str | bytes) -> None:
    folder = landing / f"dt={day}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def raw_run(spark, landing: Path, mapping: SourceMapping) -> RawEventsLoader:
    store = open_store(str(landing.parents[1]))
    return RawEventsLoader(spark, store, DAYS, mapping, b"key", scan_files(store, landed_files(store), mapping))


def problem_messages(run: RawEventsLoader) -> dict[str, str]:
    return {problem.file.name.partition("/")[2]: problem.problem for problem in run.issues}


def read_rows(run: RawEventsLoader, *columns: str) -> list[tuple[object, ...]]:
    rows = run.read_rows().orderBy("landing_date", "source_file", "source_row", "source_position")
    return [tuple(row) for row in rows.select(*columns).collect()]


def parquet_bytes(**columns: object) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def test_file_names_are_not_read_as_glob_patterns(spark, landing):
    names = ["e*.csv", "exx.csv", "a[1].csv", "{a,b}.csv", "a\\b.csv", "a?.csv", "ab.csv", "a%41 +#.csv", "~ü.csv"]
    for number, name in enumerate(names):
        write_landing(landing, DAYS[0], name, CSV_HEADER + f"u1,{number},2024-03-01 09:00:00\n")
    files_run = raw_run(spark, landing, CSV_MAPPING)
    number_by_name = {f"dt={DAYS[0]}/{name}": str(number) for number, name in enumerate(names)}
    assert dict(read_rows(files_run, "source_file", "item_id")) == number_by_name
    assert files_run.collect_inputs(files_run.read_rows())["records_read_twice"][DAYS[0]] == 0


def test_file_names_that_spark_cannot_open_refuse_their_day(spark, landing):
    write_landing(landing, DAYS[0], "10:30.csv", CSV_HEADER + CSV_ROW)
    write_landing(landing, DAYS[1], "a\tb.csv", CSV_HEADER + CSV_ROW)
    write_landing(landing, DAYS[2], "good.csv", CSV_HEADER + CSV_ROW)
    files_run = raw_run(spark, landing, CSV_MAPPING)
    assert read_rows(files_run, "source_file") == [(f"dt={DAYS[2]}/good.csv",)]
    assert problem_messages(files_run) == {
        "10:30.csv": "has a colon in its name, which Spark cannot open",
        "a\tb.csv": "has a control character in its name",
    }


def test_a_file_that_spark_cannot_read_refuses_only_its_day(spark, landing):
    import gzip

    write_landing(landing, DAYS[0], "padded.csv.gz", gzip.compress((CSV_HEADER + CSV_ROW).encode()) + b"\0" * 50)
    write_landing(landing, DAYS[1], "good.csv", CSV_HEADER + CSV_ROW)
    files_run = raw_run(spark, landing, CSV_MAPPING)
    assert problem_messages(files_run) == {}
    with pytest.raises(Exception) as exc_info:  # noqa: PT011 - whatever Spark raises
        files_run.read_rows().collect()
    assert files_run.record_failed_file(exc_info.value)
    assert not files_run.record_failed_file(exc_info.value)
    assert problem_messages(files_run) == {"padded.csv.gz": "cannot be read (IOException: not a gzip file)"}
    assert read_rows(files_run, "landing_date") == [(DAYS[1],)]


def test_broken_parquet_files_refuse_their_own_days(spark, landing):
    at = [datetime(2024, 3, 1, 9)]
    nested_array, empty_array = pa.array([at], pa.list_(pa.timestamp("ns"))), pa.array([], pa.timestamp("ms"))
    good_file = parquet_bytes(user=["u"], item=["A"], at=pa.array(at, pa.timestamp("us")))
    write_landing(landing, DAYS[0], "cut.parquet", good_file[:-30])
    write_landing(landing, DAYS[1], "case.parquet", parquet_bytes(user=["u"], User=["v"], item=["A"], at=at))
    write_landing(landing, DAYS[2], "type.parquet", parquet_bytes(user=["u"], item=["A"], at=["2024-03-01"]))
    write_landing(landing, DAYS[3], "column.parquet", parquet_bytes(user=["u"], article=["A"], at=at))
    write_landing(
        landing,
        DAYS[4],
        "nested.parquet",
        parquet_bytes(user=["u"], item=["A"], at=at, more=nested_array),
    )
    write_landing(landing, DAYS[5], "good.parquet", good_file)
    write_landing(
        landing,
        DAYS[6],
        "none.parquet",
        parquet_bytes(user=pa.array([], "string"), item=[], at=empty_array),
    )
    files_run = raw_run(spark, landing, PARQUET_MAPPING)
    assert read_rows(files_run, "source_file") == [(f"dt={DAYS[5]}/good.parquet",)]
    messages = problem_messages(files_run)
    assert messages.pop("cut.parquet").startswith("is a parquet file cut short or damaged (")
    assert messages.pop("type.parquet").startswith(
        "does not fit the mapping (mapping: events.event_time: `at` gives string"
    )
    assert messages.pop("column.parquet") == 'lacks the column item (its header: "user,article,at")'
    assert messages.pop("case.parquet") == "has two columns named user"
    assert messages.pop("nested.parquet") == "has nanosecond times inside a list or struct (more.list.element)"
    assert messages == {}


def test_times_in_nanoseconds_are_read_as_pandas_wrote_them(spark, landing):
    wall = pa.array([1_709_283_600_123_456_789, -1_001, None], pa.timestamp("ns"))
    instant = pa.array([1_709_283_600_123_456_789, -1_001, None], pa.timestamp("ns", tz="UTC"))
    write_landing(landing, DAYS[0], "wall.parquet", parquet_bytes(user=["u"] * 3, item=["A"] * 3, at=wall))
    write_landing(landing, DAYS[1], "instant.parquet", parquet_bytes(user=["u"] * 3, item=["A"] * 3, at=instant))
    mapping = PARQUET_MAPPING.model_copy(update={"time_zone": "Europe/Berlin"})
    rows = raw_run(spark, landing, mapping).read_rows().orderBy("landing_date", "source_row")
    times = [row[0] for row in rows.selectExpr("unix_micros(event_time)").collect()]
    hour = 3_600_000_000
    assert times == [1_709_283_600_123_456 - hour, -2 - hour, None, 1_709_283_600_123_456, -2, None]


def test_a_json_list_or_column_renamed_in_the_export_is_named(spark, landing):
    schema = "user STRING, at STRING, list ARRAY<STRUCT<id: STRING, price: DOUBLE>>"
    events = EventExpressions(
        user_id="user", item_id="list.id", event_type="'view'", event_time="to_timestamp(at)", price="list.price"
    )
    mapping = SourceMapping(shop="s", source=SourceFormat(format="json", schema=schema, explode="list"), events=events)
    for day, record in zip(
        DAYS,
        [
            {"user": "u", "at": "2024-03-01 09:00:00", "List": [{"id": "A", "price": 1}]},
            {"user": "u", "at": "2024-03-01 09:00:00", "list": [{"article": "A"}]},
            {"user": "u", "at": "2024-03-01 09:00:00", "list": [{"id": "A", "price": 1}]},
        ],
        strict=False,
    ):
        write_landing(landing, day, f"{day.day}.jsonl", json.dumps(record) + "\n")
    assert problem_messages(raw_run(spark, landing, mapping)) == {
        "1.jsonl": "has 1 records and in none of them the column list",
        "2.jsonl": "has 1 records and in none of them the columns id, price",
    }
    optional = mapping.source.model_copy(update={"optional": ("price",)})
    assert problem_messages(raw_run(spark, landing, mapping.model_copy(update={"source": optional})))[
        "2.jsonl"
    ].endswith("column id")


def test_an_optional_column_may_be_missing_and_is_null_then(spark, landing):
    mapping = CSV_MAPPING.model_copy(
        update={
            "source": SourceFormat(format="csv", optional=("price",)),
            "events": EVENTS.model_copy(update={"price": "price"}),
        }
    )
    write_landing(landing, DAYS[0], "with.csv", "user,item,at,price\nu1,A,2024-03-01 09:00:00,2.5\n")
    write_landing(landing, DAYS[0], "without.csv", CSV_HEADER + CSV_ROW)
    files_run = raw_run(spark, landing, mapping)
    assert [(problem_messages(files_run), str(row[0])) for row in read_rows(files_run, "price")] == [
        ({}, "2.5000"),
        ({}, "None"),
    ]


@examples(max_examples=3, deadline=None)
@given(st.lists(st.tuples(TITLES_STRATEGY, st.sampled_from(["\n", "\r\n"])), min_size=20, max_size=20))
def test_spark_reads_every_record_of_a_legal_file(spark, tmp_path_factory, files):
    import csv

    landing = tmp_path_factory.mktemp("legal") / "lake" / "landing" / "events"
    for number, (titles, end) in enumerate(files):
        write_landing(landing, DAYS[0], f"{number:02}.csv", write_csv(titles, end, csv.QUOTE_ALL))
    files_run = raw_run(spark, landing, CSV_MAPPING)
    assert problem_messages(files_run) == {}
    facts = files_run.collect_inputs(files_run.read_rows())
    assert (facts["miscounted_files"][DAYS[0]], facts["files_read"][DAYS[0]]) == ("", len(files))


def test_a_reader_that_swallows_records_refuses_the_day(empty_lake):
    spark, settings = empty_lake
    # Spark takes the first line end for that of the file, here one inside quotes.
    text = '"u1","two\r\nlines","2024-03-01 09:00:00"\n' + "u2,A,2024-03-01 09:00:00\n" * 4
    tiny_lake.deliver_files(settings, DAYS[0], {"a.csv": text})
    tiny_lake.deliver_files(settings, DAYS[1], {"b.csv": "u1,B,2024-03-02 09:00:00\n"})
    mapping = CSV_MAPPING.model_copy(update={"source": SourceFormat(format="csv", columns=("user", "item", "at"))})
    publish_result = tiny_lake.day_run(spark, settings, DAYS[:2]).publish_raw_events(mapping, b"key")
    assert publish_result.published == (DAYS[1],)
    assert publish_result.message().startswith(
        "raw_events 2024-03-01: 3 records were not read: dt=2024-03-01/a.csv holds 5 records and 2 were read; "
    )


def test_a_day_whose_rows_are_all_skipped_is_refused(empty_lake):
    spark, settings = empty_lake
    tiny_lake.deliver_files(settings, DAYS[0], {"a.csv": CSV_HEADER + CSV_ROW * 3})
    run = tiny_lake.day_run(spark, settings, DAYS[:1])
    publish_result = run.publish_raw_events(CSV_MAPPING.model_copy(update={"where": "item = 'B'"}), b"key")
    assert publish_result.message().startswith(
        "raw_events 2024-03-01: the mapping's `where` skips 3 of 3 rows (limit 0.99); check"
    )
    accepting_settings = settings.model_copy(update={"max_skipped_share": 1})
    run = tiny_lake.day_run(spark, accepting_settings, DAYS[:1])
    assert run.publish_raw_events(CSV_MAPPING.model_copy(update={"where": "item = 'B'"}), b"key").published == (
        DAYS[0],
    )

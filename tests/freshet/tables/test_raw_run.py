"""Landed files on their way to raw_events: what is broken refuses its own day, whatever reader would swallow it."""

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

from freshet.landing import landed_files
from freshet.store import open_store
from freshet.tables.mapping import Events, Mapping, Source
from freshet.tables.raw_run import RawRun
from freshet.tables.sources import survey_files
from tests import tiny_lake
from tests.freshet.tables.test_csv_scan import TITLES, written

pytestmark = pytest.mark.spark

DAYS = [date(2024, 3, day) for day in range(1, 10)]
EVENTS = Events(user_id="user", item_id="item", event_type="'view'", event_time="to_timestamp(at)")
CSV = Mapping(shop="s", source=Source(format="csv"), events=EVENTS)
PARQUET = CSV.model_copy(
    update={"source": Source(format="parquet"), "events": EVENTS.model_copy(update={"event_time": "at"})}
)
HEAD = "user,item,at\n"
ROW = "u1,A,2024-03-01 09:00:00\n"


@pytest.fixture
def landing(tmp_path):
    return tmp_path / "lake" / "landing" / "events"


def put(landing: Path, day: date, name: str, content: str | bytes) -> None:
    folder = landing / f"dt={day}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def run(spark, landing: Path, mapping: Mapping) -> RawRun:
    store = open_store(str(landing.parents[1]))
    return RawRun(spark, store, DAYS, mapping, b"key", survey_files(store, landed_files(store), mapping))


def problems(run: RawRun) -> dict[str, str]:
    return {problem.file.name.partition("/")[2]: problem.problem for problem in run.problems}


def read(run: RawRun, *columns: str) -> list[tuple[object, ...]]:
    rows = run.rows().orderBy("landing_date", "source_file", "source_row", "source_position")
    return [tuple(row) for row in rows.select(*columns).collect()]


def parquet(**columns: object) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def test_names_of_files_are_names_and_no_patterns(spark, landing):
    names = ["e*.csv", "exx.csv", "a[1].csv", "{a,b}.csv", "a\\b.csv", "a?.csv", "ab.csv", "a%41 +#.csv", "~ü.csv"]
    for number, name in enumerate(names):
        put(landing, DAYS[0], name, HEAD + f"u1,{number},2024-03-01 09:00:00\n")
    this = run(spark, landing, CSV)
    place = {f"dt={DAYS[0]}/{name}": str(number) for number, name in enumerate(names)}
    assert dict(read(this, "source_file", "item_id")) == place
    assert this.facts(this.rows())["read_twice"][DAYS[0]] == 0


def test_names_that_spark_cannot_open_refuse_their_day_and_are_told(spark, landing):
    put(landing, DAYS[0], "10:30.csv", HEAD + ROW)
    put(landing, DAYS[1], "a\tb.csv", HEAD + ROW)
    put(landing, DAYS[2], "good.csv", HEAD + ROW)
    this = run(spark, landing, CSV)
    assert read(this, "source_file") == [(f"dt={DAYS[2]}/good.csv",)]
    assert problems(this) == {
        "10:30.csv": "has a colon in its name, and Spark opens no such file",
        "a\tb.csv": "has a control character in its name",
    }


def test_a_file_that_spark_cannot_read_is_blamed_and_the_others_go_on(spark, landing):
    import gzip

    put(landing, DAYS[0], "padded.csv.gz", gzip.compress((HEAD + ROW).encode()) + b"\0" * 50)
    put(landing, DAYS[1], "good.csv", HEAD + ROW)
    this = run(spark, landing, CSV)
    assert problems(this) == {}
    with pytest.raises(Exception) as raised:  # noqa: PT011 - whatever Spark raises
        this.rows().collect()
    assert this.blame(raised.value)
    assert not this.blame(raised.value)
    assert problems(this) == {"padded.csv.gz": "cannot be read (IOException: not a gzip file)"}
    assert read(this, "landing_date") == [(DAYS[1],)]


def test_broken_parquet_files_refuse_their_own_days(spark, landing):
    at = [datetime(2024, 3, 1, 9)]
    nested, nothing = pa.array([at], pa.list_(pa.timestamp("ns"))), pa.array([], pa.timestamp("ms"))
    good = parquet(user=["u"], item=["A"], at=pa.array(at, pa.timestamp("us")))
    put(landing, DAYS[0], "cut.parquet", good[:-30])
    put(landing, DAYS[1], "case.parquet", parquet(user=["u"], User=["v"], item=["A"], at=at))
    put(landing, DAYS[2], "type.parquet", parquet(user=["u"], item=["A"], at=["2024-03-01"]))
    put(landing, DAYS[3], "column.parquet", parquet(user=["u"], article=["A"], at=at))
    put(
        landing,
        DAYS[4],
        "nested.parquet",
        parquet(user=["u"], item=["A"], at=at, more=nested),
    )
    put(landing, DAYS[5], "good.parquet", good)
    put(
        landing,
        DAYS[6],
        "none.parquet",
        parquet(user=pa.array([], "string"), item=[], at=nothing),
    )
    this = run(spark, landing, PARQUET)
    assert read(this, "source_file") == [(f"dt={DAYS[5]}/good.parquet",)]
    told = problems(this)
    assert told.pop("cut.parquet").startswith("is a parquet file cut short or damaged (")
    assert told.pop("type.parquet").startswith(
        "does not fit the mapping (mapping: events.event_time: `at` gives string"
    )
    assert told.pop("column.parquet") == 'lacks the column item (its header: "user,article,at")'
    assert told.pop("case.parquet") == "has two columns named user"
    assert told.pop("nested.parquet") == "has nanosecond times inside a list or struct (more.list.element)"
    assert told == {}


def test_times_in_nanoseconds_are_read_as_pandas_wrote_them(spark, landing):
    wall = pa.array([1_709_283_600_123_456_789, -1_001, None], pa.timestamp("ns"))
    instant = pa.array([1_709_283_600_123_456_789, -1_001, None], pa.timestamp("ns", tz="UTC"))
    put(landing, DAYS[0], "wall.parquet", parquet(user=["u"] * 3, item=["A"] * 3, at=wall))
    put(landing, DAYS[1], "instant.parquet", parquet(user=["u"] * 3, item=["A"] * 3, at=instant))
    mapping = PARQUET.model_copy(update={"time_zone": "Europe/Berlin"})
    rows = run(spark, landing, mapping).rows().orderBy("landing_date", "source_row")
    times = [row[0] for row in rows.selectExpr("unix_micros(event_time)").collect()]
    hour = 3_600_000_000
    assert times == [1_709_283_600_123_456 - hour, -2 - hour, None, 1_709_283_600_123_456, -2, None]


def test_a_json_list_or_column_renamed_in_the_export_is_named(spark, landing):
    schema = "user STRING, at STRING, list ARRAY<STRUCT<id: STRING, price: DOUBLE>>"
    events = Events(
        user_id="user", item_id="list.id", event_type="'view'", event_time="to_timestamp(at)", price="list.price"
    )
    mapping = Mapping(shop="s", source=Source(format="json", schema=schema, explode="list"), events=events)
    for day, record in zip(
        DAYS,
        [
            {"user": "u", "at": "2024-03-01 09:00:00", "List": [{"id": "A", "price": 1}]},
            {"user": "u", "at": "2024-03-01 09:00:00", "list": [{"article": "A"}]},
            {"user": "u", "at": "2024-03-01 09:00:00", "list": [{"id": "A", "price": 1}]},
        ],
        strict=False,
    ):
        put(landing, day, f"{day.day}.jsonl", json.dumps(record) + "\n")
    assert problems(run(spark, landing, mapping)) == {
        "1.jsonl": "has 1 records and in none of them the column list",
        "2.jsonl": "has 1 records and in none of them the columns id, price",
    }
    optional = mapping.source.model_copy(update={"optional": ("price",)})
    assert problems(run(spark, landing, mapping.model_copy(update={"source": optional})))["2.jsonl"].endswith(
        "column id"
    )


def test_an_optional_column_may_be_missing_and_is_null_then(spark, landing):
    mapping = CSV.model_copy(
        update={
            "source": Source(format="csv", optional=("price",)),
            "events": EVENTS.model_copy(update={"price": "price"}),
        }
    )
    put(landing, DAYS[0], "with.csv", "user,item,at,price\nu1,A,2024-03-01 09:00:00,2.5\n")
    put(landing, DAYS[0], "without.csv", HEAD + ROW)
    this = run(spark, landing, mapping)
    assert [(problems(this), str(row[0])) for row in read(this, "price")] == [({}, "2.5000"), ({}, "None")]


@examples(max_examples=3, deadline=None)
@given(st.lists(st.tuples(TITLES, st.sampled_from(["\n", "\r\n"])), min_size=20, max_size=20))
def test_spark_reads_as_many_records_of_a_legal_file_as_lie_in_it(spark, tmp_path_factory, files):
    import csv

    landing = tmp_path_factory.mktemp("legal") / "lake" / "landing" / "events"
    for number, (titles, end) in enumerate(files):
        put(landing, DAYS[0], f"{number:02}.csv", written(titles, end, csv.QUOTE_ALL))
    this = run(spark, landing, CSV)
    assert problems(this) == {}
    facts = this.facts(this.rows())
    assert (facts["miscounted"][DAYS[0]], facts["files_read"][DAYS[0]]) == ("", len(files))


def test_a_reader_that_swallows_records_refuses_the_day(own_lake):
    spark, settings = own_lake
    # Spark takes the first line end it meets for that of the file, here one inside quotes.
    text = '"u1","two\r\nlines","2024-03-01 09:00:00"\n' + "u2,A,2024-03-01 09:00:00\n" * 4
    tiny_lake.deliver(settings, DAYS[0], {"a.csv": text})
    tiny_lake.deliver(settings, DAYS[1], {"b.csv": "u1,B,2024-03-02 09:00:00\n"})
    mapping = CSV.model_copy(update={"source": Source(format="csv", columns=("user", "item", "at"))})
    done = tiny_lake.day_run(spark, settings, DAYS[:2]).raw_events(mapping, b"key")
    assert done.published == (DAYS[1],)
    assert done.message().startswith(
        "raw_events 2024-03-01: 3 records were not read: dt=2024-03-01/a.csv holds 5 records and 2 were read; "
    )


def test_a_day_of_which_all_is_skipped_is_refused(own_lake):
    spark, settings = own_lake
    tiny_lake.deliver(settings, DAYS[0], {"a.csv": HEAD + ROW * 3})
    run = tiny_lake.day_run(spark, settings, DAYS[:1])
    done = run.raw_events(CSV.model_copy(update={"where": "item = 'B'"}), b"key")
    assert done.message().startswith("raw_events 2024-03-01: the mapping's `where` skips 3 of 3 rows (limit 0.99); see")
    accepted = settings.model_copy(update={"skipped_share_limit": 1})
    run = tiny_lake.day_run(spark, accepted, DAYS[:1])
    assert run.raw_events(CSV.model_copy(update={"where": "item = 'B'"}), b"key").published == (DAYS[0],)

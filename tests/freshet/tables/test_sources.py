"""Landed files as Spark rows: every row with its place, broken ones told, days alone or together alike."""

import gzip
import json
from datetime import date

import pytest

from freshet.landing import landed_files
from freshet.store import open_store
from freshet.tables import sources
from freshet.tables.mapping import Events, Mapping, Source
from freshet.tables.sources import FileProblem, problems, read_landing, survey_files

pytestmark = pytest.mark.spark

EVENTS = Events(user_id="who", item_id="item", event_type="'view'", event_time="at")
CSV = Mapping(shop="s", source=Source(format="csv"), events=EVENTS)
HEAD = "who,item,at\n"


@pytest.fixture
def store(tmp_path):
    return open_store(str(tmp_path / "a lake+%41"))


def put(store, day, name, text):
    content = text if isinstance(text, bytes) else text.encode()
    store.put(f"landing/events/dt=2024-01-{day:02}/{name}", gzip.compress(content) if name.endswith(".gz") else content)


def read(spark, store, mapping, *columns, days=None):
    rows = read_landing(spark, store, mapping, landed_files(store, days))
    order = ("landing_date", "source_file", "source_row", "source_position")
    return [tuple(row) for row in rows.orderBy(*order).select(*columns).collect()]


def test_rows_carry_their_day_file_and_record_number(spark, store):
    put(store, 1, "a b+c%20.csv.gz", HEAD + '1,"two\nlines",x\n\n2,B,"say ""hi"""\n')
    put(store, 2, "z.csv", HEAD.replace("\n", "\r\n") + "3,C,y\r\n")
    assert read(spark, store, CSV, "landing_date", "source_file", "source_row", "who", "item", "at") == [
        (date(2024, 1, 1), "dt=2024-01-01/a b+c%20.csv.gz", 1, "1", "two\nlines", "x"),
        (date(2024, 1, 1), "dt=2024-01-01/a b+c%20.csv.gz", 2, "2", "B", 'say "hi"'),
        (date(2024, 1, 2), "dt=2024-01-02/z.csv", 1, "3", "C", "y"),
    ]


def test_a_day_reads_the_same_alone_and_among_others(spark, store):
    for day in range(1, 5):
        put(store, day, "a.csv.gz", HEAD + "".join(f"{n},I{day},x\n" for n in range(50)))
    alone = read(spark, store, CSV, "source_file", "source_row", "who", days=[date(2024, 1, 3)])
    among = read(spark, store, CSV, "source_file", "source_row", "who")
    assert alone == [("dt=2024-01-03/a.csv.gz", n + 1, str(n)) for n in range(50)]
    assert alone == [row for row in among if "dt=2024-01-03" in row[0]]


def test_a_line_with_a_wrong_number_of_fields_is_kept_as_it_stands(spark, store):
    put(store, 1, "a.csv", HEAD + "1,A\n2,B,x\n3,C,x,y\n")
    assert read(spark, store, CSV, "who", "corrupt_record") == [("1", "1,A"), ("2", None), ("3", "3,C,x,y")]


def test_files_whose_columns_stand_in_another_order_read_alike(spark, store):
    put(store, 1, "a.csv", HEAD + "1,A,x\n")
    put(store, 1, "b.csv", "item,at,who,more\nB,y,2,z\n")
    assert read(spark, store, CSV, "who", "item", "at") == [("1", "A", "x"), ("2", "B", "y")]


def test_a_csv_without_a_header_takes_the_names_of_the_mapping(spark, store):
    put(store, 1, "a.csv", "1|A|x\n")
    source = Source(format="csv", delimiter="|", columns=("who", "item", "at"))
    assert read(spark, store, CSV.model_copy(update={"source": source}), "source_row", "who", "at") == [(1, "1", "x")]


def test_other_encodings_are_read_as_the_mapping_says(spark, store):
    put(store, 1, "a.csv", (HEAD + "1,Größe,x\n").encode("iso-8859-1"))
    source = Source(format="csv", encoding="iso-8859-1")
    assert read(spark, store, CSV.model_copy(update={"source": source}), "item") == [("Größe",)]


def test_a_list_becomes_a_row_per_element_and_a_broken_line_one_row(spark, store):
    lines = [json.dumps({"who": 1, "events": [{"a": 7}, {"a": 8}]}), '{"who": 2, "eve', '{"who": 3, "events": []}']
    put(store, 1, "a.jsonl", "\n".join(lines))
    source = Source(format="json", schema="who BIGINT, events ARRAY<STRUCT<a: BIGINT>>", explode="events")
    mapping = CSV.model_copy(update={"source": source})
    assert read(spark, store, mapping, "who", "source_row", "source_position", "events.a", "corrupt_record") == [
        (1, 1, 0, 7, None),
        (1, 1, 1, 8, None),
        (None, 2, 0, None, '{"who": 2, "eve'),
        (3, 3, 0, None, None),
    ]


def test_parquet_is_read_with_its_own_types(spark, store, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"who": [1, 2], "item": ["A", "B"]}), tmp_path / "a.parquet")
    put(store, 1, "a.parquet", (tmp_path / "a.parquet").read_bytes())
    mapping = CSV.model_copy(update={"source": Source(format="parquet")})
    assert read(spark, store, mapping, "who", "item", "source_row", "corrupt_record") == [
        (1, "A", 1, None),
        (2, "B", 2, None),
    ]


@pytest.mark.parametrize("largest", [1 << 20, 10], ids=["whole", "split"])
def test_rows_of_json_files_are_numbered_in_their_order_whoever_reads_them(spark, store, monkeypatch, largest):
    monkeypatch.setattr(sources, "FILE_BYTES", largest)
    lines = "".join(f'{{"who": "{n}"}}\n' for n in range(1, 200))
    for name in ("a.jsonl", "b.jsonl", "c.jsonl.gz"):
        put(store, 1, name, lines)
    mapping = CSV.model_copy(update={"source": Source(format="json", schema="who STRING")})
    rows = read(spark, store, mapping, "source_file", "source_row", "who")
    assert rows == [
        (f"dt=2024-01-01/{f}", n, str(n)) for f in ("a.jsonl", "b.jsonl", "c.jsonl.gz") for n in range(1, 200)
    ]


def test_rows_of_parquet_files_are_numbered_across_their_row_groups(spark, store):
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    for name in ("a.parquet", "b.parquet"):
        out = io.BytesIO()
        pq.write_table(pa.table({"who": list(range(1, 200))}), out, row_group_size=30)
        put(store, 1, name, out.getvalue())
    mapping = CSV.model_copy(update={"source": Source(format="parquet")})
    rows = read(spark, store, mapping, "source_row", "who")
    assert rows == [(n, n) for n in range(1, 200)] * 2


def test_a_truncated_file_is_named_among_the_others(store):
    put(store, 1, "a.csv.gz", HEAD + "1,A,x\n")
    whole = gzip.compress((HEAD + "1,A,x\n").encode())
    store.put("landing/events/dt=2024-01-02/b.csv.gz", whole[:-9])
    files = landed_files(store)
    assert problems(survey_files(store, files, CSV)) == [
        FileProblem(files[1], "ends in the middle of its compressed data", "deliver the whole file again")
    ]

"""Landed files as Spark rows: every row with its origin, broken ones marked, a day alone as within a range."""

import gzip
import json
from datetime import date

import pytest

from freshet.ingest import read_landing as read_landing_module
from freshet.ingest.mapping.source_mapping import EventExpressions, SourceFormat, SourceMapping
from freshet.ingest.read_landing import LandedFileIssue, landed_file_issues, read_landing, scan_files
from freshet.landing import landed_files
from freshet.store import open_store

pytestmark = pytest.mark.spark

EVENTS = EventExpressions(user_id="who", item_id="item", event_type="'view'", event_time="at")
CSV_MAPPING = SourceMapping(shop="s", source=SourceFormat(format="csv"), events=EVENTS)
CSV_HEADER = "who,item,at\n"


@pytest.fixture
def store(tmp_path):
    return open_store(str(tmp_path / "a lake+%41"))


def write_landing(store, day, name, text):
    content = text if isinstance(text, bytes) else text.encode()
    store.put(f"landing/events/dt=2024-01-{day:02}/{name}", gzip.compress(content) if name.endswith(".gz") else content)


def read_rows(spark, store, mapping, *columns, days=None):
    rows = read_landing(spark, store, mapping, landed_files(store, days))
    order = ("landing_date", "source_file", "source_row", "source_position")
    return [tuple(row) for row in rows.orderBy(*order).select(*columns).collect()]


def test_rows_carry_their_day_file_and_record_number(spark, store):
    write_landing(store, 1, "a b+c%20.csv.gz", CSV_HEADER + '1,"two\nlines",x\n\n2,B,"say ""hi"""\n')
    write_landing(store, 2, "z.csv", CSV_HEADER.replace("\n", "\r\n") + "3,C,y\r\n")
    assert read_rows(spark, store, CSV_MAPPING, "landing_date", "source_file", "source_row", "who", "item", "at") == [
        (date(2024, 1, 1), "dt=2024-01-01/a b+c%20.csv.gz", 1, "1", "two\nlines", "x"),
        (date(2024, 1, 1), "dt=2024-01-01/a b+c%20.csv.gz", 2, "2", "B", 'say "hi"'),
        (date(2024, 1, 2), "dt=2024-01-02/z.csv", 1, "3", "C", "y"),
    ]


def test_a_day_reads_the_same_alone_and_among_others(spark, store):
    for day in range(1, 5):
        write_landing(store, day, "a.csv.gz", CSV_HEADER + "".join(f"{n},I{day},x\n" for n in range(50)))
    single_result = read_rows(spark, store, CSV_MAPPING, "source_file", "source_row", "who", days=[date(2024, 1, 3)])
    among = read_rows(spark, store, CSV_MAPPING, "source_file", "source_row", "who")
    assert single_result == [("dt=2024-01-03/a.csv.gz", n + 1, str(n)) for n in range(50)]
    assert single_result == [row for row in among if "dt=2024-01-03" in row[0]]


def test_a_line_with_a_wrong_number_of_fields_is_kept_as_it_stands(spark, store):
    write_landing(store, 1, "a.csv", CSV_HEADER + "1,A\n2,B,x\n3,C,x,y\n")
    assert read_rows(spark, store, CSV_MAPPING, "who", "corrupt_record") == [
        ("1", "1,A"),
        ("2", None),
        ("3", "3,C,x,y"),
    ]


def test_files_with_columns_in_another_order_read_alike(spark, store):
    write_landing(store, 1, "a.csv", CSV_HEADER + "1,A,x\n")
    write_landing(store, 1, "b.csv", "item,at,who,more\nB,y,2,z\n")
    assert read_rows(spark, store, CSV_MAPPING, "who", "item", "at") == [("1", "A", "x"), ("2", "B", "y")]


def test_a_csv_without_a_header_takes_the_names_of_the_mapping(spark, store):
    write_landing(store, 1, "a.csv", "1|A|x\n")
    source = SourceFormat(format="csv", delimiter="|", columns=("who", "item", "at"))
    assert read_rows(spark, store, CSV_MAPPING.model_copy(update={"source": source}), "source_row", "who", "at") == [
        (1, "1", "x")
    ]


def test_other_encodings_of_the_mapping_are_read(spark, store):
    write_landing(store, 1, "a.csv", (CSV_HEADER + "1,Größe,x\n").encode("iso-8859-1"))
    source = SourceFormat(format="csv", encoding="iso-8859-1")
    assert read_rows(spark, store, CSV_MAPPING.model_copy(update={"source": source}), "item") == [("Größe",)]


def test_a_list_becomes_a_row_per_element_and_a_broken_line_one_row(spark, store):
    lines = [json.dumps({"who": 1, "events": [{"a": 7}, {"a": 8}]}), '{"who": 2, "eve', '{"who": 3, "events": []}']
    write_landing(store, 1, "a.jsonl", "\n".join(lines))
    source = SourceFormat(format="json", schema="who BIGINT, events ARRAY<STRUCT<a: BIGINT>>", explode="events")
    mapping = CSV_MAPPING.model_copy(update={"source": source})
    assert read_rows(spark, store, mapping, "who", "source_row", "source_position", "events.a", "corrupt_record") == [
        (1, 1, 0, 7, None),
        (1, 1, 1, 8, None),
        (None, 2, 0, None, '{"who": 2, "eve'),
        (3, 3, 0, None, None),
    ]


def test_parquet_is_read_with_its_own_types(spark, store, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"who": [1, 2], "item": ["A", "B"]}), tmp_path / "a.parquet")
    write_landing(store, 1, "a.parquet", (tmp_path / "a.parquet").read_bytes())
    mapping = CSV_MAPPING.model_copy(update={"source": SourceFormat(format="parquet")})
    assert read_rows(spark, store, mapping, "who", "item", "source_row", "corrupt_record") == [
        (1, "A", 1, None),
        (2, "B", 2, None),
    ]


@pytest.mark.parametrize("largest", [1 << 20, 10], ids=["whole", "split"])
def test_rows_of_json_files_are_numbered_in_order_whether_split_or_not(spark, store, monkeypatch, largest):
    monkeypatch.setattr(read_landing_module, "MAX_TASK_FILE_BYTES", largest)
    lines = "".join(f'{{"who": "{n}"}}\n' for n in range(1, 200))
    for name in ("a.jsonl", "b.jsonl", "c.jsonl.gz"):
        write_landing(store, 1, name, lines)
    mapping = CSV_MAPPING.model_copy(update={"source": SourceFormat(format="json", schema="who STRING")})
    rows = read_rows(spark, store, mapping, "source_file", "source_row", "who")
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
        write_landing(store, 1, name, out.getvalue())
    mapping = CSV_MAPPING.model_copy(update={"source": SourceFormat(format="parquet")})
    rows = read_rows(spark, store, mapping, "source_row", "who")
    assert rows == [(n, n) for n in range(1, 200)] * 2


def test_a_truncated_file_is_named_among_the_others(store):
    write_landing(store, 1, "a.csv.gz", CSV_HEADER + "1,A,x\n")
    original = gzip.compress((CSV_HEADER + "1,A,x\n").encode())
    store.put("landing/events/dt=2024-01-02/b.csv.gz", original[:-9])
    files = landed_files(store)
    assert landed_file_issues(scan_files(store, files, CSV_MAPPING)) == [
        LandedFileIssue(files[1], "ends in the middle of its compressed data", "deliver the whole file again")
    ]

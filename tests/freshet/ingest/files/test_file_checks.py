"""Broken files, each with its exact message before Spark reads it."""

import gzip
from pathlib import Path

import pytest

from freshet.ingest.files.data_file import LocalFile
from freshet.ingest.files.file_checks import FileIssue, inspect_file
from freshet.ingest.mapping.source_mapping import EventExpressions, SourceFormat, SourceMapping

EVENTS = EventExpressions(user_id="Customer", item_id="Code", event_type="'view'", event_time="Date")
CSV_MAPPING = SourceMapping(shop="s", source=SourceFormat(format="csv"), events=EVENTS)
GOOD_CSV = b"Code,Date,Customer\nA,2024-01-01,7\n"


def file_problem(
    folder: Path, name: str, content: bytes, mapping: SourceMapping | None = CSV_MAPPING, full_scan: bool = False
) -> str | None:
    path = folder / name
    path.write_bytes(content)
    issue = inspect_file(LocalFile(path), mapping, full_scan)
    return None if issue is None else f"{issue.problem}; {issue.fix}"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", GOOD_CSV, None),
        ("a.csv", b"\xef\xbb\xbf" + GOOD_CSV, None),
        ("a.csv.gz", gzip.compress(GOOD_CSV, mtime=0), None),
        ("a.csv", b"", "is empty; deliver it again, or remove it if nothing happened that day"),
        ("a.csv.gz", b"", "is empty; deliver it again, or remove it if nothing happened that day"),
        (
            "a.csv.gz",
            gzip.compress(b"\n", mtime=0),
            "is empty; deliver it again, or remove it if nothing happened that day",
        ),
        (
            "a.csv.gz",
            gzip.compress(GOOD_CSV, mtime=0)[:20],
            "ends in the middle of its compressed data; deliver the whole file again",
        ),
        (
            "a.csv.gz",
            GOOD_CSV,
            "is named .gz and is not compressed with gzip; compress it with gzip, or name it without .gz",
        ),
        ("a.csv", gzip.compress(GOOD_CSV, mtime=0), "is compressed with gzip and not named .gz; add .gz to its name"),
        (
            "a.csv",
            GOOD_CSV.decode().encode("utf-16"),
            "is UTF-16 or binary, not text; save it as UTF-8: iconv -f UTF-16 -t UTF-8",
        ),
        (
            "a.csv",
            "Code,Date,Customer,Größe\n".encode("iso-8859-1"),
            "is not UTF-8: byte 0xF6 in its first line; set `source.encoding: iso-8859-1`, or save it as UTF-8",
        ),
        ("a.csv", b"Code,code,Date,Customer\n", "has two columns named code; name each column once"),
        (
            "a.csv",
            b"Code,Date,Customer,source_row\n",
            "has a column named source_row, which Freshet reserves; name that column differently",
        ),
        (
            "a.csv",
            b"Code;Date;Customer\n",
            'lacks the columns code, customer, date (its header: "Code;Date;Customer"); '
            "deliver it with the columns that the mapping uses, or change the mapping",
        ),
        (
            "a.csv",
            b"Code,Date,User\n",
            'lacks the column customer (its header: "Code,Date,User"); '
            "deliver it with the columns that the mapping uses, or change the mapping",
        ),
    ],
)
def test_a_broken_file_is_named_by_its_beginning(tmp_path, name, content, message):
    assert file_problem(tmp_path, name, content) == message


def test_a_full_scan_finds_a_file_truncated_further_down(tmp_path):
    import random

    rows = b"".join(b"%d,%d,7\n" % (i, random.Random(i).random() * 1e9) for i in range(20000))
    cut_off = gzip.compress(b"Code,Date,Customer\n" + rows)[:-2000]
    assert file_problem(tmp_path, "a.csv.gz", cut_off) is None
    assert file_problem(tmp_path, "a.csv.gz", cut_off, full_scan=True) == (
        "ends in the middle of its compressed data; deliver the whole file again"
    )


def test_a_full_scan_finds_a_flipped_byte(tmp_path):
    packed = bytearray(gzip.compress(GOOD_CSV * 1000, mtime=0))
    packed[-6] ^= 0xFF  # of the checksum
    assert file_problem(tmp_path, "a.csv.gz", bytes(packed), full_scan=True) == (
        "is damaged: its compressed data cannot be unpacked; deliver the file again"
    )


def test_a_json_list_is_no_file_of_lines(tmp_path):
    mapping = CSV_MAPPING.model_copy(update={"source": SourceFormat(format="json", schema="Code STRING")})
    assert file_problem(tmp_path, "a.json", b'[{"Code": 1}]', mapping) == (
        "is one JSON list, not one object per line; write one object per line: jq -c '.[]'"
    )


def test_without_a_mapping_only_the_compression_is_checked(tmp_path):
    assert file_problem(tmp_path, "a.csv", b"anything", None) is None


def test_a_file_that_is_not_parquet_is_refused(tmp_path):
    mapping = CSV_MAPPING.model_copy(update={"source": SourceFormat(format="parquet")})
    path = tmp_path / "a.parquet"
    path.write_bytes(b"no parquet")
    assert inspect_file(LocalFile(path), mapping) == FileIssue(
        "is not a parquet file", "check `source.format` in the mapping"
    )

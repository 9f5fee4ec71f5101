"""Files are landed once, completely, under their day."""

import gzip
import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freshet.errors import LandingError
from freshet.ingest.land_files import land_files, landed_name
from freshet.ingest.mapping.source_mapping import EventExpressions, LandingSplit, SourceFormat, SourceMapping
from freshet.landing import landed_files
from freshet.store import open_store

MAPPING = SourceMapping(
    shop="s",
    source=SourceFormat(format="csv"),
    landing=LandingSplit(split_by="Date", date_format="%d.%m.%Y %H:%M"),
    events=EventExpressions(user_id="User", item_id="Code", event_type="'view'", event_time="to_timestamp(Date)"),
)
CSV_HEADER = "Code,Date,User\n"
FEB_1_ROW_A, FEB_1_ROW_B, FEB_2_ROW = (
    'A,01.02.2024 10:00,"7\nseven"\n',
    "B,01.02.2024 11:00,8\n",
    "C,02.02.2024 00:00,9\n",
)
FEB_1, FEB_2 = date(2024, 2, 1), date(2024, 2, 2)


def ignore_progress(line: str) -> None:
    pass


def land_file(settings, *files, mapping=MAPPING, day=None):
    return land_files(settings, list(files), mapping, day, ignore_progress)


def landed_content(settings, name):
    return open_store(settings.lake).get(f"landing/events/{name}")


def refusal_message(settings, path, mapping=MAPPING, day=None):
    with pytest.raises(LandingError) as exc_info:
        land_file(settings, path, mapping=mapping, day=day)
    assert landed_files(open_store(settings.lake)) == []
    return str(exc_info.value).replace(str(path.parent) + "/", "")


@pytest.fixture
def export(tmp_path):
    path = tmp_path / "my export.v2.csv.gz"
    path.write_bytes(gzip.compress((CSV_HEADER + FEB_1_ROW_A + FEB_2_ROW + FEB_1_ROW_B).encode()))
    return path


def test_a_file_is_split_into_its_days_with_its_records_verbatim(settings, export):
    first, second = land_file(settings, export)
    assert (first.day, first.rows, second.day, second.rows) == (FEB_1, 2, FEB_2, 1)
    assert gzip.decompress(landed_content(settings, first.name)).decode() == CSV_HEADER + FEB_1_ROW_A + FEB_1_ROW_B
    assert gzip.decompress(landed_content(settings, second.name)).decode() == CSV_HEADER + FEB_2_ROW
    assert second.name == "dt=2024-02-02/my-export-v2-6c48d07a2770.csv.gz"


def test_landing_the_same_file_again_has_no_effect(settings, export):
    before = land_file(settings, export)
    rerun = land_file(settings, export)
    assert [part.is_new for part in before] == [True, True]
    assert [part.is_new for part in rerun] == [False, False]
    assert [part.name for part in rerun] == [part.name for part in before]


def test_the_same_rows_under_another_name_or_unpacked_are_there_already(settings, export, tmp_path):
    land_file(settings, export)
    plain = tmp_path / "other.csv"
    plain.write_text(CSV_HEADER + FEB_1_ROW_A + FEB_2_ROW + FEB_1_ROW_B)
    assert [part.is_new for part in land_file(settings, plain)] == [False, False]


def test_a_file_landed_under_one_day_keeps_its_bytes(settings, export):
    (landed_file,) = land_file(settings, export, day=FEB_2)
    assert (landed_file.day, landed_file.rows) == (FEB_2, 3)
    assert landed_content(settings, landed_file.name) == export.read_bytes()


def test_a_file_landed_without_a_mapping_is_not_counted(settings, export):
    (landed_file,) = land_file(settings, export, mapping=None, day=FEB_2)
    assert landed_file.rows is None


def test_a_row_without_a_date_lands_with_the_row_before_or_the_first_dated_one(settings, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(CSV_HEADER + "X,?,1\n" + FEB_2_ROW + "Y,,1\n\n" + FEB_1_ROW_A)
    first, second = land_file(settings, path)
    assert landed_content(settings, first.name).decode() == CSV_HEADER + FEB_1_ROW_A
    assert landed_content(settings, second.name).decode() == CSV_HEADER + "X,?,1\n" + FEB_2_ROW + "Y,,1\n"
    assert (first.undated_rows, second.undated_rows) == (2, 0)


def test_json_lines_land_by_the_last_element_of_a_list(settings, tmp_path):
    source = SourceFormat(format="json", schema="events ARRAY<STRUCT<ts: BIGINT>>")
    mapping = MAPPING.model_copy(
        update={"source": source, "landing": LandingSplit(split_by="events.-1.ts", date_format="epoch_ms")}
    )
    path = tmp_path / "a.jsonl"
    path.write_text('{"events":[{"ts":1706745600000},{"ts":1706832000000}]}\n')
    (landed_file,) = land_file(settings, path, mapping=mapping)
    assert (landed_file.day, landed_file.rows, landed_content(settings, landed_file.name)) == (
        FEB_2,
        1,
        path.read_bytes(),
    )


def test_bytes_that_cannot_be_decoded_survive_the_split(settings, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(CSV_HEADER.encode() + b"\xff,01.02.2024 10:00,7\n")
    (landed_file,) = land_file(settings, path)
    assert landed_content(settings, landed_file.name) == path.read_bytes()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", b"", "a.csv: is empty; deliver it again, or remove it if nothing happened that day"),
        (
            "a.csv.gz",
            gzip.compress(CSV_HEADER.encode() * 9, mtime=0)[:25],
            "a.csv.gz: ends in the middle of its compressed data; deliver the whole file again",
        ),
        (
            "a.csv",
            CSV_HEADER.encode("utf-16"),
            "a.csv: is UTF-16 or binary, not text; save it as UTF-8: iconv -f UTF-16 -t UTF-8",
        ),
        (
            "a.csv",
            (CSV_HEADER + "A,2024-02-01,7\n").encode(),
            "a.csv: no date can be read: '2024-02-01' in `Date` is not written as %d.%m.%Y %H:%M; "
            "correct `landing.date_format` in the mapping, or land the file under one day with --date",
        ),
        (
            "a.csv",
            (CSV_HEADER + FEB_1_ROW_B + 'A,"01.02.2024\n').encode(),
            "a.csv: has a quote that opens in line 3 and never closes; close it in the export; "
            "where the character is no quote, set `source.quote` to one that the files do not use",
        ),
        (
            "a.csv",
            (CSV_HEADER + "A,31.12.2023 10:00,7\nB,01.01.2024 00:00,7\n").encode(),
            "a.csv: holds 1 landing day before the first one of this lake, 2024-01-01 (from 2023-12-31 on); "
            "set FRESHET_FIRST_DAY=2023-12-31 before anything is materialized",
        ),
        (
            "a.csv",
            (CSV_HEADER + FEB_1_ROW_B * 3 + "A,01.01.1970 00:00,7\n" + FEB_1_ROW_B).encode(),
            "a.csv: record 4 is dated 1970-01-01, years before the others; "
            "correct the date in the export and land it again",
        ),
        (
            "a.csv",
            (CSV_HEADER + FEB_1_ROW_B + "A,01.01.2099 00:00,7\n" * 2 + FEB_1_ROW_B).encode(),
            "a.csv: 2 records (the first is record 2) are dated 2099-01-01, which lies in the future; "
            "correct the date in the export (or `--date`) and land it again",
        ),
        ("a.csv", CSV_HEADER.encode(), "a.csv: has no records, so no date either; land it under its day with --date"),
    ],
)
def test_a_file_that_cannot_be_landed_is_refused_as_a_whole(settings, tmp_path, name, text, message):
    path = tmp_path / name
    path.write_bytes(text)
    assert refusal_message(settings, path) == message


def test_rows_swallowed_by_a_quote_are_not_landed(settings, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        CSV_HEADER
        + FEB_1_ROW_B
        + 'A,"01.02.2024 10:00,7\n'
        + FEB_1_ROW_B * 60
        + 'A,"01.02.2024 10:00,7\n'
        + FEB_1_ROW_B * 10
    )
    assert refusal_message(settings, path) == (
        "a.csv: has a quote that opens in line 3 and takes in what look like rows of their own, up to line 64; "
        "close it in the export; where the character is no quote, set `source.quote` to one that the files do not use"
    )


def test_a_field_of_many_lines_is_no_open_quote(settings, tmp_path):
    path = tmp_path / "a.csv"
    long = 'A,01.02.2024 10:00,"' + "a line of a long letter\n" * 10_000 + '"\n'
    path.write_text(CSV_HEADER + long + FEB_1_ROW_B)
    (landed_file,) = land_file(settings, path)
    assert (landed_file.rows, landed_content(settings, landed_file.name).decode()) == (
        2,
        CSV_HEADER + long + FEB_1_ROW_B,
    )


def test_a_day_in_the_future_is_refused(settings, export):
    assert refusal_message(settings, export, day=date(2099, 1, 1)) == (
        "my export.v2.csv.gz: is landed under 2099-01-01, which lies in the future; "
        "correct the date in the export (or `--date`) and land it again"
    )


def test_a_file_without_records_lands_under_the_day_it_is_given(settings, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(CSV_HEADER)
    (landed_file,) = land_file(settings, path, day=FEB_1)
    assert (landed_file.day, landed_file.rows) == (FEB_1, 0)


FILE_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=30)


@given(FILE_NAMES, st.sampled_from(["", ".csv", ".csv.gz", ".c*v", ".gz.csv", ".{a,b}"]))
def test_a_landed_name_is_plain_for_every_file_name(stem, suffix):
    name = landed_name(Path(stem + suffix), "0123456789ab")
    assert re.fullmatch(r"[A-Za-z0-9][\w-]*-0123456789ab(\.[A-Za-z0-9]{1,8}){0,2}", name, re.ASCII) or name[0] in "_-"
    assert name.endswith(".gz") == (stem + suffix).endswith(".gz")


def test_a_missing_file_is_named(settings, tmp_path):
    assert refusal_message(settings, tmp_path / "a.csv") == "a.csv: does not exist; name the files to land"


def test_a_missing_split_column_is_named(settings, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(CSV_HEADER + FEB_1_ROW_B)
    mapping = MAPPING.model_copy(update={"landing": LandingSplit(split_by="Day", date_format="%d")})
    assert refusal_message(settings, path, mapping) == (
        "a.csv: has no column Day, which `landing.split_by` names (it has Code, Date, User); "
        "correct `landing.split_by` in the mapping, or land the file under one day with --date"
    )


def test_a_day_or_a_way_to_split_is_required(settings, export):
    assert refusal_message(settings, export, None) == (
        "landing: neither a day nor a way to split the files into days is given; "
        "give --date YYYY-MM-DD, or a mapping that has `landing:` (split_by, date_format)"
    )

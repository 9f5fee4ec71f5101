"""Landing files: once, whole, under their day."""

import gzip
import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freshet.delivery import _name as landed_name
from freshet.delivery import land
from freshet.errors import LandingError
from freshet.landing import landed_files
from freshet.store import open_store
from freshet.tables.mapping import Events, Landing, Mapping, Source

MAPPING = Mapping(
    shop="s",
    source=Source(format="csv"),
    landing=Landing(split_by="Date", date_format="%d.%m.%Y %H:%M"),
    events=Events(user_id="User", item_id="Code", event_type="'view'", event_time="to_timestamp(Date)"),
)
HEAD = "Code,Date,User\n"
ONE, TWO, THREE = 'A,01.02.2024 10:00,"7\nseven"\n', "B,01.02.2024 11:00,8\n", "C,02.02.2024 00:00,9\n"
FEB_1, FEB_2 = date(2024, 2, 1), date(2024, 2, 2)


def quiet(line: str) -> None:
    pass


def landed(settings, *files, mapping=MAPPING, day=None):
    return land(settings, list(files), mapping, day, quiet)


def content(settings, name):
    return open_store(settings.lake).get(f"landing/events/{name}")


def refusal(settings, path, mapping=MAPPING, day=None):
    with pytest.raises(LandingError) as raised:
        landed(settings, path, mapping=mapping, day=day)
    assert landed_files(open_store(settings.lake)) == []
    return str(raised.value).replace(str(path.parent) + "/", "")


@pytest.fixture
def export(tmp_path):
    path = tmp_path / "my export.v2.csv.gz"
    path.write_bytes(gzip.compress((HEAD + ONE + THREE + TWO).encode()))
    return path


def test_a_file_is_cut_into_its_days_with_its_records_verbatim(settings, export):
    first, second = landed(settings, export)
    assert (first.day, first.rows, second.day, second.rows) == (FEB_1, 2, FEB_2, 1)
    assert gzip.decompress(content(settings, first.name)).decode() == HEAD + ONE + TWO
    assert gzip.decompress(content(settings, second.name)).decode() == HEAD + THREE
    assert second.name == "dt=2024-02-02/my-export-v2-6c48d07a2770.csv.gz"


def test_landing_the_same_file_again_changes_nothing(settings, export):
    before = landed(settings, export)
    again = landed(settings, export)
    assert [part.new for part in before] == [True, True]
    assert [part.new for part in again] == [False, False]
    assert [part.name for part in again] == [part.name for part in before]


def test_the_same_rows_under_another_name_or_unpacked_are_there_already(settings, export, tmp_path):
    landed(settings, export)
    plain = tmp_path / "other.csv"
    plain.write_text(HEAD + ONE + THREE + TWO)
    assert [part.new for part in landed(settings, plain)] == [False, False]


def test_a_file_landed_under_one_day_keeps_its_bytes(settings, export):
    (only,) = landed(settings, export, day=FEB_2)
    assert (only.day, only.rows) == (FEB_2, 3)
    assert content(settings, only.name) == export.read_bytes()


def test_a_file_landed_without_a_mapping_is_not_counted(settings, export):
    (only,) = landed(settings, export, mapping=None, day=FEB_2)
    assert only.rows is None


def test_a_row_without_a_date_goes_with_the_row_before_it_and_at_the_start_with_the_one_after(settings, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(HEAD + "X,?,1\n" + THREE + "Y,,1\n\n" + ONE)
    first, second = landed(settings, path)
    assert content(settings, first.name).decode() == HEAD + ONE
    assert content(settings, second.name).decode() == HEAD + "X,?,1\n" + THREE + "Y,,1\n"
    assert (first.undated, second.undated) == (2, 0)


def test_json_lines_land_by_the_last_element_of_a_list(settings, tmp_path):
    source = Source(format="json", schema="events ARRAY<STRUCT<ts: BIGINT>>")
    mapping = MAPPING.model_copy(
        update={"source": source, "landing": Landing(split_by="events.-1.ts", date_format="epoch_ms")}
    )
    path = tmp_path / "a.jsonl"
    path.write_text('{"events":[{"ts":1706745600000},{"ts":1706832000000}]}\n')
    (only,) = landed(settings, path, mapping=mapping)
    assert (only.day, only.rows, content(settings, only.name)) == (FEB_2, 1, path.read_bytes())


def test_bytes_that_are_no_text_survive_the_cutting(settings, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(HEAD.encode() + b"\xff,01.02.2024 10:00,7\n")
    (only,) = landed(settings, path)
    assert content(settings, only.name) == path.read_bytes()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", b"", "a.csv: is empty; deliver it again, or remove it if nothing happened that day"),
        (
            "a.csv.gz",
            gzip.compress(HEAD.encode() * 9, mtime=0)[:25],
            "a.csv.gz: ends in the middle of its compressed data; deliver the whole file again",
        ),
        (
            "a.csv",
            HEAD.encode("utf-16"),
            "a.csv: is UTF-16 or binary, not text; save it as UTF-8: iconv -f UTF-16 -t UTF-8",
        ),
        (
            "a.csv",
            (HEAD + "A,2024-02-01,7\n").encode(),
            "a.csv: no date can be read: '2024-02-01' in `Date` is not written as %d.%m.%Y %H:%M; "
            "correct `landing.date_format` in the mapping, or land the file under one day with --date",
        ),
        (
            "a.csv",
            (HEAD + TWO + 'A,"01.02.2024\n').encode(),
            "a.csv: has a quote that opens in line 3 and never closes; close it in the export; "
            "where the character is no quote, set `source.quote` to one that the files do not use",
        ),
        (
            "a.csv",
            (HEAD + "A,31.12.2023 10:00,7\nB,01.01.2024 00:00,7\n").encode(),
            "a.csv: holds 1 landing day before the first one of this lake, 2024-01-01 (from 2023-12-31 on); "
            "set FRESHET_FIRST_DAY=2023-12-31 before anything is materialized",
        ),
        (
            "a.csv",
            (HEAD + TWO * 3 + "A,01.01.1970 00:00,7\n" + TWO).encode(),
            "a.csv: record 4 is dated 1970-01-01, years before the others; "
            "correct the date in the export and land it again",
        ),
        (
            "a.csv",
            (HEAD + TWO + "A,01.01.2099 00:00,7\n" * 2 + TWO).encode(),
            "a.csv: 2 records (the first is record 2) are dated 2099-01-01, which lies in the future; "
            "correct the date in the export (or `--date`) and land it again",
        ),
        ("a.csv", HEAD.encode(), "a.csv: has no records, so no date either; land it under its day with --date"),
    ],
)
def test_a_file_that_cannot_be_landed_is_refused_whole(settings, tmp_path, name, text, said):
    path = tmp_path / name
    path.write_bytes(text)
    assert refusal(settings, path) == said


def test_rows_that_a_quote_takes_in_are_not_landed(settings, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(HEAD + TWO + 'A,"01.02.2024 10:00,7\n' + TWO * 60 + 'A,"01.02.2024 10:00,7\n' + TWO * 10)
    assert refusal(settings, path) == (
        "a.csv: has a quote that opens in line 3 and takes in what look like rows of their own, up to line 64; "
        "close it in the export; where the character is no quote, set `source.quote` to one that the files do not use"
    )


def test_a_field_of_many_lines_is_no_open_quote(settings, tmp_path):
    path = tmp_path / "a.csv"
    long = 'A,01.02.2024 10:00,"' + "a line of a long letter\n" * 10_000 + '"\n'
    path.write_text(HEAD + long + TWO)
    (only,) = landed(settings, path)
    assert (only.rows, content(settings, only.name).decode()) == (2, HEAD + long + TWO)


def test_a_day_in_the_future_is_refused(settings, export):
    assert refusal(settings, export, day=date(2099, 1, 1)) == (
        "my export.v2.csv.gz: is landed under 2099-01-01, which lies in the future; "
        "correct the date in the export (or `--date`) and land it again"
    )


def test_a_file_without_records_lands_under_the_day_it_is_given(settings, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(HEAD)
    (only,) = landed(settings, path, day=FEB_1)
    assert (only.day, only.rows) == (FEB_1, 0)


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=30)


@given(NAMES, st.sampled_from(["", ".csv", ".csv.gz", ".c*v", ".gz.csv", ".{a,b}"]))
def test_a_landed_name_is_plain_whatever_the_files_is(stem, suffix):
    name = landed_name(Path(stem + suffix), "0123456789ab")
    assert re.fullmatch(r"[A-Za-z0-9][\w-]*-0123456789ab(\.[A-Za-z0-9]{1,8}){0,2}", name, re.ASCII) or name[0] in "_-"
    assert name.endswith(".gz") == (stem + suffix).endswith(".gz")


def test_a_missing_file_is_said_so(settings, tmp_path):
    assert refusal(settings, tmp_path / "a.csv") == "a.csv: does not exist; name the files to land"


def test_a_mapping_whose_split_column_is_not_there_is_said_so(settings, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(HEAD + TWO)
    mapping = MAPPING.model_copy(update={"landing": Landing(split_by="Day", date_format="%d")})
    assert refusal(settings, path, mapping) == (
        "a.csv: has no column Day, which `landing.split_by` names (it has Code, Date, User); "
        "correct `landing.split_by` in the mapping, or land the file under one day with --date"
    )


def test_neither_a_day_nor_a_way_to_cut_is_said_so(settings, export):
    assert refusal(settings, export, None) == (
        "landing: neither a day nor a way to cut the files into days is given; "
        "say --date YYYY-MM-DD, or name a mapping that has `landing:` (split_by, date_format)"
    )

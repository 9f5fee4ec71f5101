"""Counting csv records without Spark: as a parser counts legal files, and never silently fewer in damaged ones."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freshet.ingest.files import csv_scan
from freshet.ingest.files.csv_scan import scan_csv
from freshet.ingest.mapping.source_mapping import SourceFormat

SOURCE = SourceFormat(format="csv")
CSV_HEADER = "user,item,at,title\n"
QUOTE_FIX = (
    "close it in the export; where the character is no quote, set `source.quote` to one that the files do not use"
)


def csv_row(number: int, title: str = "Mug") -> str:
    return f"u{number},A{number * 7},2024-03-01 09:{number % 60:02}:00,{title}\n"


def csv_text(count: int, **row_texts: str) -> str:
    """The header and so many rows; `r7="…"` is the text of row 7."""
    return CSV_HEADER + "".join(row_texts.get(f"r{number}", csv_row(number)) for number in range(count))


def scan_text(text: str | bytes, source: SourceFormat = SOURCE, width: int = 4) -> tuple[int, str | None]:
    content = text.encode() if isinstance(text, str) else text
    scan = scan_csv(io.BytesIO(content), source, width)
    return scan.records, None if scan.issue is None else scan.issue.problem


@pytest.mark.parametrize(
    ("text", "records"),
    [
        ("", 0),
        (CSV_HEADER, 0),
        (CSV_HEADER.rstrip(), 0),
        (csv_text(3), 3),
        (csv_text(3).rstrip(), 3),
        (csv_text(3).replace("\n", "\r\n"), 3),
        (csv_text(3).replace("\n", "\r"), 3),
        (csv_text(3) + "\n\n", 3),
        (csv_text(3).replace("\n", "\n\n"), 3),
        (csv_text(3).replace("\n", "\r\n\r\n"), 3),
        (csv_text(2, r1=csv_row(1, '"two\nlines, with ""quotes"""')), 2),
        (csv_text(2, r1=csv_row(1, '"two\r\nlines\rand more"')), 2),
        (csv_text(3, r1=csv_row(1, '5" nails')), 3),
        (csv_text(3, r1=csv_row(1, '"5" nails"'), r2=csv_row(2, '"two\nlines"')), 3),
        (csv_text(3, r1="u1,,,\n"), 3),
        (csv_text(3, r1="  \n"), 3),
        (CSV_HEADER + CSV_HEADER + csv_row(1), 2),
    ],
)
def test_records_are_counted_as_they_lie_in_the_file(text, records):
    assert scan_text(text) == (records, None)


def test_a_file_without_a_header_counts_its_first_line_too():
    source = SourceFormat(format="csv", columns=("a", "b"), delimiter="¦")
    assert scan_text("1¦2\n3¦4\n".encode(), source, 2) == (2, None)


OPEN_QUOTE_ROW_40, OPEN_QUOTE_ROW_100 = 'u40,"A40,2024-03-01 09:40:00,Mug\n', 'u100,"A100,2024-03-01 09:40:00,Mug\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            csv_text(1500, r40=OPEN_QUOTE_ROW_40, r100=OPEN_QUOTE_ROW_100),
            "has a quote that opens in line 42 and takes in what look like rows of their own, up to line 102",
        ),
        (
            csv_text(1500, r40=OPEN_QUOTE_ROW_40, r100='u100,",2024-03-01 09:40:00,Mug\n'),  # RFC 4180 allows it
            "has a quote that opens in line 42 and takes in what look like rows of their own, up to line 102",
        ),
        (
            csv_text(200, r40=OPEN_QUOTE_ROW_40, r41='u41,",2024-03-01 09:41:00,Mug\n'),
            "has a quote that opens in line 42 and takes in what look like rows of their own, up to line 43",
        ),
        (csv_text(201, r100=OPEN_QUOTE_ROW_40), "has a quote that opens in line 102 and never closes"),
        (csv_text(201) + '1,2,3,"', "has a quote that opens in line 203 and never closes"),
        (csv_text(201, r5=csv_row(5, '5" x')) + '1,2,3,"x\n', "has a quote that opens in line 203 and never closes"),
        (
            csv_text(200, r150="u,B\rr,2024-03-01 09:40:00,Mug\n"),
            "mixes line ends: the first line ends with LF, line 152 does not or holds another one",
        ),
        (
            csv_text(20).replace("\n", "\r\n") + csv_row(20),
            "mixes line ends: the first line ends with CR LF, line 22 does not or holds another one",
        ),
        (
            csv_text(20) + csv_row(20).replace("\n", "\r\n"),
            "mixes line ends: the first line ends with LF, line 22 does not or holds another one",
        ),
        (
            csv_text(20).replace("\n", "\r") + csv_row(20),
            "mixes line ends: the first line ends with CR, line 22 does not or holds another one",
        ),
    ],
)
def test_quotes_and_line_ends_that_swallow_rows_are_found(text, problem):
    assert scan_text(text)[1] == problem


def test_a_record_without_an_end_is_not_read_into_memory(monkeypatch):
    monkeypatch.setattr(csv_scan, "BLOCK_BYTES", 1 << 16)
    monkeypatch.setattr(csv_scan, "MAX_RECORD_BYTES", 1 << 20)
    text = csv_text(3) + '"' + "x" * (3 << 20)
    assert scan_text(text)[1] == "has a record that begins in line 5 and is longer than 1 MiB"


# Files as a careful producer writes them, with every kind of text in a quoted field.

TEXT_STRATEGY = st.text(st.sampled_from('ab7,"\n\r -:;\té'), max_size=40)
TITLES_STRATEGY = st.lists(TEXT_STRATEGY, min_size=1, max_size=30)


def write_csv(titles: list[str], end: str, quoting: int) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=end, quoting=quoting)
    writer.writerow(["user", "item", "at", "title"])
    for number, title in enumerate(titles):
        writer.writerow([f"u{number}", f"A{number}", f"2024-03-01 09:{number % 60:02}:00", title])
    return out.getvalue()


@settings(max_examples=150, deadline=None)
@given(TITLES_STRATEGY, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.integers(1, 99))
def test_a_legal_file_is_never_refused_and_all_its_records_are_counted(titles, end, all_quoted, block):
    if not all_quoted:  # Python's writer leaves a lone CR without quotes
        titles = [title.replace("\r", "") for title in titles]
    content = write_csv(titles, end, csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL).encode()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(csv_scan, "BLOCK_BYTES", block)  # records lie across blocks
        assert scan_text(content) == (len(titles), None)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(["Mug", "Red mug, large", '5" nails', "two\nlines", ""]), min_size=12, max_size=40),
    st.data(),
)
def test_rows_swallowed_by_a_quote_are_never_silently_missing(titles, data):
    lines = write_csv(titles, "\n", csv.QUOTE_MINIMAL).split("\n")
    complete_rows = [index for index, line in enumerate(lines) if line.count(",") >= 3 and line.startswith("u")][1:]
    for place in data.draw(st.lists(st.sampled_from(complete_rows), min_size=1, max_size=2, unique=True)):
        user, remainder = lines[place].split(",", 1)
        lines[place] = f'{user},"{remainder}'  # a quote that the export has forgotten to close
    records, problem = scan_text("\n".join(lines))
    assert problem is not None or records >= len(titles)

"""Records of a csv counted without Spark: legal files as a parser counts them, damaged ones never silently short."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freshet.tables import csv_scan
from freshet.tables.csv_scan import scan_csv
from freshet.tables.mapping import Source

SOURCE = Source(format="csv")
HEAD = "user,item,at,title\n"
CLOSE = "close it in the export; where the character is no quote, set `source.quote` to one that the files do not use"


def row(number: int, title: str = "Mug") -> str:
    return f"u{number},A{number * 7},2024-03-01 09:{number % 60:02}:00,{title}\n"


def rows(count: int, **changed: str) -> str:
    """The header and so many rows; `r7="…"` is the text of row 7."""
    return HEAD + "".join(changed.get(f"r{number}", row(number)) for number in range(count))


def scanned(text: str | bytes, source: Source = SOURCE, width: int = 4) -> tuple[int, str | None]:
    content = text.encode() if isinstance(text, str) else text
    scan = scan_csv(io.BytesIO(content), source, width)
    return scan.records, None if scan.mistake is None else scan.mistake.problem


@pytest.mark.parametrize(
    ("text", "records"),
    [
        ("", 0),
        (HEAD, 0),
        (HEAD.rstrip(), 0),
        (rows(3), 3),
        (rows(3).rstrip(), 3),
        (rows(3).replace("\n", "\r\n"), 3),
        (rows(3).replace("\n", "\r"), 3),
        (rows(3) + "\n\n", 3),
        (rows(3).replace("\n", "\n\n"), 3),
        (rows(3).replace("\n", "\r\n\r\n"), 3),
        (rows(2, r1=row(1, '"two\nlines, with ""quotes"""')), 2),
        (rows(2, r1=row(1, '"two\r\nlines\rand more"')), 2),
        (rows(3, r1=row(1, '5" nails')), 3),
        (rows(3, r1=row(1, '"5" nails"'), r2=row(2, '"two\nlines"')), 3),
        (rows(3, r1="u1,,,\n"), 3),
        (rows(3, r1="  \n"), 3),
        (HEAD + HEAD + row(1), 2),
    ],
)
def test_records_are_counted_as_they_lie_in_the_file(text, records):
    assert scanned(text) == (records, None)


def test_a_file_without_a_header_counts_its_first_line_too():
    source = Source(format="csv", columns=("a", "b"), delimiter="¦")
    assert scanned("1¦2\n3¦4\n".encode(), source, 2) == (2, None)


OPEN_40, OPEN_100 = 'u40,"A40,2024-03-01 09:40:00,Mug\n', 'u100,"A100,2024-03-01 09:40:00,Mug\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            rows(1500, r40=OPEN_40, r100=OPEN_100),
            "has a quote that opens in line 42 and takes in what look like rows of their own, up to line 102",
        ),
        (
            rows(1500, r40=OPEN_40, r100='u100,",2024-03-01 09:40:00,Mug\n'),  # RFC 4180 allows it
            "has a quote that opens in line 42 and takes in what look like rows of their own, up to line 102",
        ),
        (
            rows(200, r40=OPEN_40, r41='u41,",2024-03-01 09:41:00,Mug\n'),
            "has a quote that opens in line 42 and takes in what look like rows of their own, up to line 43",
        ),
        (rows(201, r100=OPEN_40), "has a quote that opens in line 102 and never closes"),
        (rows(201) + '1,2,3,"', "has a quote that opens in line 203 and never closes"),
        (rows(201, r5=row(5, '5" x')) + '1,2,3,"x\n', "has a quote that opens in line 203 and never closes"),
        (
            rows(200, r150="u,B\rr,2024-03-01 09:40:00,Mug\n"),
            "mixes line ends: the first line ends with LF, line 152 does not or holds another one",
        ),
        (
            rows(20).replace("\n", "\r\n") + row(20),
            "mixes line ends: the first line ends with CR LF, line 22 does not or holds another one",
        ),
        (
            rows(20) + row(20).replace("\n", "\r\n"),
            "mixes line ends: the first line ends with LF, line 22 does not or holds another one",
        ),
        (
            rows(20).replace("\n", "\r") + row(20),
            "mixes line ends: the first line ends with CR, line 22 does not or holds another one",
        ),
    ],
)
def test_what_would_swallow_rows_is_found(text, problem):
    assert scanned(text)[1] == problem


def test_a_record_without_an_end_is_not_read_into_memory(monkeypatch):
    monkeypatch.setattr(csv_scan, "BLOCK", 1 << 16)
    monkeypatch.setattr(csv_scan, "LONGEST", 1 << 20)
    text = rows(3) + '"' + "x" * (3 << 20)
    assert scanned(text)[1] == "has a record that begins in line 5 and is longer than 1 MiB"


# Files as a careful producer writes them, with every kind of text in a quoted field.

TEXT = st.text(st.sampled_from('ab7,"\n\r -:;\té'), max_size=40)
TITLES = st.lists(TEXT, min_size=1, max_size=30)


def written(titles: list[str], end: str, quoting: int) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=end, quoting=quoting)
    writer.writerow(["user", "item", "at", "title"])
    for number, title in enumerate(titles):
        writer.writerow([f"u{number}", f"A{number}", f"2024-03-01 09:{number % 60:02}:00", title])
    return out.getvalue()


@settings(max_examples=150, deadline=None)
@given(TITLES, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.integers(1, 99))
def test_a_legal_file_is_never_refused_and_all_its_records_are_counted(titles, end, all_quoted, block):
    if not all_quoted:  # Python's writer leaves a lone CR without quotes
        titles = [title.replace("\r", "") for title in titles]
    content = written(titles, end, csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL).encode()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(csv_scan, "BLOCK", block)  # records lie across blocks
        assert scanned(content) == (len(titles), None)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(["Mug", "Red mug, large", '5" nails', "two\nlines", ""]), min_size=12, max_size=40),
    st.data(),
)
def test_rows_that_a_quote_takes_in_are_never_silently_missing(titles, data):
    lines = written(titles, "\n", csv.QUOTE_MINIMAL).split("\n")
    whole = [place for place, line in enumerate(lines) if line.count(",") >= 3 and line.startswith("u")][1:]
    for place in data.draw(st.lists(st.sampled_from(whole), min_size=1, max_size=2, unique=True)):
        user, rest = lines[place].split(",", 1)
        lines[place] = f'{user},"{rest}'  # a quote that the export has forgotten to close
    records, problem = scanned("\n".join(lines))
    assert problem is not None or records >= len(titles)

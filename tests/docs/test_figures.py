"""A measured figure is on one page; the others link to it. Decision records keep the figures of their time."""

import re
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
# A measurement is three digits behind the point, a ±, or a large number that is not round.
FIGURE_PATTERN = re.compile(
    r"\d+\.\d+ ?± ?\d[\d.]*|(?<![\d.,])\d+\.\d{3,}(?![\d.])|(?<![\d.,])\d{1,3}(?:,\d{3})*,(?!000|500)\d{3}(?![\d,])"
)
MIN_SHARED_FIGURES = 2  # so many equal figures in one paragraph or row of either page are the same measurement


@cache
def figure_groups(page: str) -> tuple[frozenset[str], ...]:
    """The figures of each table row and each paragraph outside of code that has enough of them to be a measurement."""
    return tuple(group for group in _all_groups(page) if len(group) >= MIN_SHARED_FIGURES)


def _all_groups(page: str) -> Iterator[frozenset[str]]:
    prose = re.sub(r"```.*?```|`[^`]*`", "", page, flags=re.DOTALL)
    for block in prose.split("\n\n"):
        for part in block.split("\n") if block.lstrip().startswith("|") else [block]:
            yield frozenset(FIGURE_PATTERN.findall(part))


def shared_figures(left_page: str, right_page: str) -> set[frozenset[str]]:
    """The figures that a part of one page has in common with a part of the other."""
    return {
        left & right
        for left in figure_groups(left_page)
        for right in figure_groups(right_page)
        if len(left & right) >= MIN_SHARED_FIGURES
    }


def test_no_measurement_is_on_two_pages():
    pages = {path.name: path.read_text() for path in PAGES}
    duplicates = {
        (one, other): figures
        for one, other in combinations(pages, 2)
        if (figures := shared_figures(pages[one], pages[other]))
    }
    assert duplicates == {}, "state it on one page, docs/benchmarks.md where it is a benchmark's, and link there"


def test_a_row_copied_to_another_page_is_found():
    row = "| 101 | 0.057 | 0.295 | 101 % |"
    assert shared_figures(f"# A\n\n{row}\n", f"# B\n\n| seed | a |\n{row}\n") == {frozenset({"0.057", "0.295"})}
    assert shared_figures("53.6 ± 2.2 % and 19.8 ± 1.8 %", "it was 53.6 ± 2.2, then 19.8 ± 1.8") != set()
    assert shared_figures("1,332 questions, 3,286 events", "3,286 events and 1,332 questions") != set()


def test_one_equal_number_round_ones_and_settings_in_code_are_no_measurement():
    assert shared_figures("0.292 of all, 0.111", "0.292 of none, 0.222") == set()
    assert (
        shared_figures("10,000 items, 2,000 shoppers, 1,500 lists", "10,000 items, 2,000 shoppers, 1,500 lists")
        == set()
    )
    assert shared_figures("`0.003` and `0.001`", "`0.003` and `0.001`") == set()


def test_click_figures_are_on_one_page():
    # Three pages once had three shares of the same lists: other figures, so no equal numbers gave them away.
    pages = [path.name for path in PAGES if re.search(r"\d\d(\.\d)? ?%? ?± ?\d", path.read_text())]
    assert pages == ["benchmarks.md"]

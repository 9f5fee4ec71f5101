"""Every command line of README, docs and messages is parsed by its program, exactly as written."""

import re
from datetime import date

import pytest

from freshet.settings import Settings
from tests.commands.pages import PAGES, ROOT, page_lines
from tests.commands.parsing import WrongCommandError, parse_line
from tests.commands.sources import source_lines

pytestmark = pytest.mark.dagster
DEFAULT_FIRST_DAY = Settings.model_fields["first_day"].default


@pytest.fixture(autouse=True)
def _project_folder(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_lines_of_a_page_are_understood(page):
    match = re.search(r"^export .*FRESHET_FIRST_DAY=(\S+)", page.read_text(), flags=re.MULTILINE)
    first_day = date.fromisoformat(match.group(1)) if match else DEFAULT_FIRST_DAY
    for line in page_lines(page):
        parse_in_folder(line.text, first_day, line.where, mention=line.mention)


def test_the_lines_of_messages_are_understood(tmp_path):
    lines = source_lines(tmp_path)
    for line in lines:
        parse_in_folder(line.text, DEFAULT_FIRST_DAY, line.where, mention=line.mention)
    texts = {line.text for line in lines}
    assert "dagster asset materialize -m pipelines.definitions --select '*' --partition-range FIRST...LAST" in texts
    assert 'freshet rollback --to 1 --why "…"' in texts


def parse_in_folder(text: str, first_day: date, where: str, *, mention: bool) -> None:
    try:
        parse_line(text, first_day, is_mention=mention)
    except WrongCommandError as error:
        pytest.fail(f"{where}: {text}: {error}")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("dagster asset materialize --select tuning", "Invalid set of CLI arguments"),
        ("dagster asset materialize -m pipelines.definition --select tuning", "pipelines.definition"),
        ("dagster asset materialize -m pipelines.definitions --select tunnig", "tunnig"),
        ("dagster asset materialize -m pipelines.definitions --select '*'", "needs days"),
        ("dagster asset materialize -m pipelines.definitions --select tuning --partition 2024-03-01", "takes none"),
        (
            "dagster asset materialize -m pipelines.definitions --select tuning --config-json "
            '\'{"ops": {"tuning": {"config": {"trails": 9}}}}\'',
            'unexpected config entry "trails"',
        ),
        ("dagster job execute -m pipelines.definitions -j retrian", "retrian"),
        ("freshet lnad a.csv", "lnad"),
        ("freshet land", "Missing"),
        ("freshet rollback --to 1", "--why"),
        ("make dmeo", "dmeo"),
        ("python -m benchmarks.quality --sead 1", "--sead"),
        ("python -m benchmarks.qualities", "no module"),
        ("curl -s localhost:8080/v1/popula", "no GET /v1/popula"),
        ("export FRESHET_LAEK=x", "FRESHET_LAEK is not a setting"),
        ("frehset days", "not a program"),
    ],
)
def test_a_line_that_would_fail_fails_here(line, why):
    with pytest.raises(Exception, match=re.escape(why)) as exc_info:
        parse_line(line, DEFAULT_FIRST_DAY)
    assert isinstance(exc_info.value, WrongCommandError) or "pipelines.definition" in why

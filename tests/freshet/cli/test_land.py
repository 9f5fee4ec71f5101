"""`freshet land`: its messages, as a user sees them."""

import gzip
from datetime import date

import pytest
import typer
from typer.testing import CliRunner

from freshet.cli import land

CSV_HEADER = "who,item,at\n"
MAPPING = """\
shop: books
source: {format: csv}
landing: {split_by: at, date_format: "%Y-%m-%d"}
events: {user_id: who, item_id: item, event_type: "'view'", event_time: to_timestamp(at)}
"""


@pytest.fixture
def land_command(tmp_path, monkeypatch):
    """Run `freshet land …` in an own folder."""
    app = typer.Typer()
    land.register(app)
    app.callback()(lambda: None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FRESHET_LAKE", str(tmp_path / "lake"))
    monkeypatch.setenv("FRESHET_FIRST_DAY", "2024-01-01")
    (tmp_path / "shop.yaml").write_text(MAPPING)
    (tmp_path / "a.csv.gz").write_bytes(
        gzip.compress((CSV_HEADER + "1,A,2024-02-01\n2,B,2024-02-03\n3,C,?\n").encode())
    )

    def run_land(*arguments):
        result = CliRunner().invoke(app, ["land", *arguments])
        assert result.exit_code == 0, result.output
        return result.stdout.splitlines()

    return run_land


def test_a_file_of_several_days_gives_a_line_per_day(land_command):
    assert land_command("a.csv.gz", "--mapping", "shop.yaml")[:2] == [
        "1 file landed on 2 days, 2024-02-01 to 2024-02-03: 3 rows",
        "1 row has no valid date; it landed under the day of the previous row",
    ]


def test_the_command_to_type_next_names_the_days_that_landed(land_command):
    assert land_command("a.csv.gz", "--mapping", "shop.yaml")[2:] == [
        "",
        "Next, for tables, model and release (in the repository, with .venv active):",
        "  dagster asset materialize -m pipelines.definitions --select '*' --partition-range 2024-02-01...2024-02-03",
        "Or start `make dev`: its landing sensor runs these days, and a first model follows.",
    ]


def test_a_future_day_is_not_in_the_command():
    today = date(2024, 2, 2)
    past_day, future_day = date(2024, 2, 1), date(2024, 2, 3)
    assert land.next_steps({past_day, future_day}, today)[2].endswith("--partition-range 2024-02-01...2024-02-01")
    assert land.next_steps({future_day}, today) == [
        "2024-02-03 is in the future: the landing sensor runs a day once it has begun (UTC)"
    ]


def test_landing_again_reports_the_existing_file(land_command):
    land_command("a.csv.gz", "--mapping", "shop.yaml")
    assert land_command("a.csv.gz", "--mapping", "shop.yaml")[1] == "2 of 2 had landed before and are unchanged"


def test_a_day_needs_no_mapping(land_command):
    assert land_command("a.csv.gz", "--date", "2024-05-01")[0] == (
        "1 file landed on 1 day, 2024-05-01 to 2024-05-01: rows not counted (no mapping)"
    )


def test_the_mapping_may_come_from_the_settings(land_command, monkeypatch):
    monkeypatch.setenv("FRESHET_MAPPING", "shop.yaml")
    assert land_command("a.csv.gz")[0] == "1 file landed on 2 days, 2024-02-01 to 2024-02-03: 3 rows"

"""`freshet days` on the verdicts of three days."""

import getpass
from datetime import UTC, date, datetime

import pytest
import typer
from typer.testing import CliRunner

from freshet.anomalies.acceptance import load_acceptances
from freshet.cli import days as command
from freshet.store import open_store
from freshet.tables.day_records import DayRecord, PublishAttempt, write_attempt

DAY1, DAY2, DAY3 = (date(2024, 3, day) for day in (1, 2, 3))
TOTAL_LINE = "3 days     1,234,577        1          19       100        1 1,234,456 1 published, 1 refused, 1 empty"
HEADER_LINE = "day           landed  skipped quarantined duplicate  refused published verdict"


@pytest.fixture
def run_days(tmp_path, monkeypatch):
    (tmp_path / "lake").mkdir()
    monkeypatch.setenv("FRESHET_LAKE", str(tmp_path / "lake"))
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    command.register(app)
    return lambda *words: CliRunner().invoke(app, ("days", *words))


def day_record(day, counts, verdict="published", reasons=()):
    names = ("landed", "skipped", "quarantined", "duplicate", "rows")
    return DayRecord(day=day, verdict=verdict, counts=dict(zip(names, counts, strict=True)), why=reasons)


@pytest.fixture
def three_day_lake(tmp_path):
    records = (
        day_record(DAY1, (1234567, 1, 10, 100, 1234456)),
        day_record(DAY2, (10, 0, 9, 0, 1), "refused", ("9 of 10 rows break the contract; mend them", "and more; so")),
        day_record(DAY3, (0, 0, 0, 0, 0), "empty"),
    )
    at = datetime(2024, 3, 4, tzinfo=UTC)
    write_attempt(
        open_store(str(tmp_path / "lake")),
        PublishAttempt(table="events", attempt="a", at=at, snapshot=1, records=records),
    )


def test_every_day_shows_what_became_of_its_rows_and_the_last_line_adds_them_up(run_days, three_day_lake):
    output = run_days()
    assert output.exit_code == 0
    assert output.output.splitlines() == [
        HEADER_LINE,
        "2024-03-01 1,234,567        1          10       100        0 1,234,456 published",
        "2024-03-02        10        0           9         0        1         0 refused: "
        "9 of 10 rows break the contract; mend them; and more; so",
        "2024-03-03         0        0           0         0        0         0 empty",
        TOTAL_LINE,
    ]


def test_on_a_terminal_of_80_columns_long_values_are_wrapped(run_days, three_day_lake):
    cells = ("1,234,567", "1", "10", "100", "0", "1,234,456")
    assert command.table_row("2024-03-01", cells, "published", 80) == (
        "2024-03-01 1,234,567        1          10       100        0 1,234,456 published"
    )
    refused_lines = command.table_row(
        "2024-03-02", cells, "refused: 9 of 10 rows break the contract; " * 4, 80
    ).splitlines()
    assert refused_lines[0] == "2024-03-02 1,234,567        1          10       100        0 1,234,456"
    assert refused_lines[1].startswith("  refused: 9 of 10 rows")
    assert max(map(len, refused_lines)) <= 80


def test_total_prints_only_the_sums(run_days, three_day_lake):
    assert run_days("--total").output.splitlines() == [
        HEADER_LINE,
        TOTAL_LINE,
    ]


@pytest.mark.parametrize(
    ("words", "days"),
    [
        (("--from", "2024-03-02"), ["2024-03-02", "2024-03-03", "2 days"]),
        (("--to", "2024-03-01"), ["2024-03-01", "1 day"]),
        (("--from", "2024-03-02", "--to", "2024-03-02"), ["2024-03-02", "1 day"]),
    ],
)
def test_a_range_is_both_ends_included(run_days, three_day_lake, words, days):
    assert [line[:11].strip() for line in run_days(*words).output.splitlines()[1:]] == days


def test_without_any_day_the_message_names_the_lake_and_the_command(run_days, settings):
    assert str(run_days().exception) == (
        f"{settings.lake} (FRESHET_LAKE): no day has been run yet; land some days (`freshet land FILE…`), then run "
        "`dagster asset materialize -m pipelines.definitions --select '*' --partition-range FIRST...LAST`"
    )


def test_a_range_without_any_day_names_the_existing_days(run_days, three_day_lake, settings):
    assert str(run_days("--from", "2025-01-01").exception) == (
        f"{settings.lake} (FRESHET_LAKE): none of these days has been run; choose days from 2024-03-01 to 2024-03-03"
    )


def test_an_invalid_date_is_refused(run_days, three_day_lake):
    output = run_days("--from", "yesterday")
    assert output.exit_code == 2
    assert "'yesterday' does not match" in output.output


def test_a_day_that_is_accepted_is_written_down_and_shown_with_who_and_why(run_days, three_day_lake, tmp_path):
    store = open_store(str(tmp_path / "lake"))
    store.put("landing/events/dt=2024-03-02/a.csv", b"x")
    run_result = run_days("accept", "2024-03-02", "--why", "campaign")
    assert run_result.output.splitlines() == [
        "2024-03-02 is accepted: campaign.",
        "The landing sensor runs it again within minutes; without Dagster's daemon, `dagster asset materialize "
        "-m pipelines.definitions --select '*' --partition-range 2024-03-02...2024-03-02`",
    ]
    (acceptance,) = load_acceptances(store)
    assert (acceptance.day, acceptance.why, acceptance.onwards, acceptance.by) == (
        DAY2,
        "campaign",
        False,
        getpass.getuser(),
    )
    assert "refused (accepted by " + acceptance.by + ": campaign): 9 of 10 rows" in run_days().output


def test_a_new_level_is_accepted_from_a_day_on(run_days, tmp_path):
    store = open_store(str(tmp_path / "lake"))
    store.put("landing/events/dt=2024-03-02/a.csv", b"x")
    run_result = run_days("accept", "2024-03-02", "--onwards", "--why", "we opened in France")
    assert "Days after it are compared with the days since 2024-03-02." in run_result.output
    assert [(acceptance.day, acceptance.onwards) for acceptance in load_acceptances(store)] == [(DAY2, True)]


@pytest.mark.parametrize(("why", "problem"), [(" ", "--why: is empty"), ("campaign", "nothing has landed in it")])
def test_accept_requires_a_reason_and_landed_files(run_days, tmp_path, why, problem):
    run_result = run_days("accept", "2024-03-02", "--why", why)
    assert problem in str(run_result.exception)
    assert load_acceptances(open_store(str(tmp_path / "lake"))) == []


def test_a_day_on_which_nothing_landed_cannot_be_accepted(run_days, tmp_path):
    store = open_store(str(tmp_path / "lake"))
    store.put("landing/events/dt=2024-03-02/a.csv", b"x")
    run_result = run_days("accept", "2024-03-20", "--onwards", "--why", "we opened in France")
    assert "landing day 2024-03-20: nothing has landed on it" in str(run_result.exception)
    assert load_acceptances(store) == []


def put_attempt(tmp_path, table, hour, *records):
    at = datetime(2024, 3, 5, hour, tzinfo=UTC)
    write_attempt(
        open_store(str(tmp_path / "lake")),
        PublishAttempt(table=table, attempt=f"a{hour}", at=at, snapshot=1, records=records),
    )


BROKEN_FILES = ("a.csv has a quote that never closes",)


@pytest.mark.parametrize("events_ran", [False, True])
def test_a_published_day_whose_file_broke_shows_what_readers_see(run_days, three_day_lake, tmp_path, events_ran):
    put_attempt(tmp_path, "raw_events", 1, day_record(DAY1, (0, 0, 0, 0, 0), "refused", BROKEN_FILES))
    if events_ran:  # as in a range with a good day: no file landed, the earlier rows are counted
        put_attempt(
            tmp_path, "events", 2, day_record(DAY1, (0, 0, 0, 100, 1234456), "refused", ("raw_events were refused",))
        )
    lines = run_days().output.splitlines()
    assert lines[1] == (
        "2024-03-01 1,234,567        1          10       100        0 1,234,456 "
        "published; refused when it was run again: a.csv has a quote that never closes"
    )
    assert lines[-1] == f"{TOTAL_LINE}, 1 refused when run again"


def test_a_day_without_any_readable_file_is_shown_as_refused(run_days, tmp_path):
    put_attempt(tmp_path, "raw_events", 1, day_record(DAY1, (0, 0, 0, 0, 0), "refused", BROKEN_FILES))
    assert run_days().output.splitlines()[1:] == [
        "2024-03-01         0        0           0         0        0         0 refused: " + BROKEN_FILES[0],
        "1 day              0        0           0         0        0         0 0 published, 1 refused",
    ]


def test_a_corrected_day_is_published(run_days, three_day_lake, tmp_path):
    put_attempt(tmp_path, "raw_events", 1, day_record(DAY2, (0, 0, 0, 0, 0), "refused", BROKEN_FILES))
    put_attempt(tmp_path, "raw_events", 2, day_record(DAY2, (10, 0, 0, 0, 10)))
    put_attempt(tmp_path, "events", 3, day_record(DAY2, (10, 0, 1, 0, 9)))
    assert run_days().output.splitlines()[2].split() == ["2024-03-02", "10", "0", "1", "0", "0", "9", "published"]


def test_landed_days_that_were_never_run_are_named(run_days, three_day_lake, tmp_path):
    store = open_store(str(tmp_path / "lake"))
    for day in ("2024-03-01", "2024-03-07", "2024-03-09"):
        store.put(f"landing/events/dt={day}/a.csv", b"x")
    assert run_days().stderr == "2 landed days have not been run yet: 2024-03-07 to 2024-03-09\n"
    assert run_days("--to", "2024-03-08").stderr == "1 landed day has not been run yet: 2024-03-07\n"


def test_a_day_whose_files_could_not_be_read_cannot_be_accepted(run_days, three_day_lake, tmp_path):
    store = open_store(str(tmp_path / "lake"))
    store.put("landing/events/dt=2024-03-02/a.csv", b"x")
    put_attempt(tmp_path, "raw_events", 1, day_record(DAY2, (0, 0, 0, 0, 0), "refused", BROKEN_FILES))
    run_result = run_days("accept", "2024-03-02", "--why", "campaign")
    assert "its files cannot be accepted: a.csv has a quote that never closes" in str(run_result.exception)
    assert load_acceptances(store) == []

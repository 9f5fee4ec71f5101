"""Terminal output of a failed run: each error once, its fix at the end, no traceback for our own errors."""

import logging
import re
from pathlib import Path

import dagster as dg
import pytest

from freshet.errors import LakeError
from resources import console

pytestmark = pytest.mark.dagster

ROOT = Path(__file__).parents[2]


@dg.asset
def refused(context: dg.AssetExecutionContext) -> None:
    logging.getLogger("freshet").info("reading 4 files of 2 days")
    context.log.error("refused 2024-03-01: 17 of 90 rows are bad\nmend the export")
    raise dg.Failure("1 of 2 days refused, 1 published\nrefused 2024-03-01: 17 of 90 rows are bad; mend the export")


@dg.asset
def mistaken() -> None:
    raise LakeError("events", "the disk is full", "free some space; then run it again")


@dg.asset
def broken() -> None:
    raise ZeroDivisionError("a fault of ours")


def console_lines(tmp_path: Path, monkeypatch, capfd, *assets: dg.AssetsDefinition) -> list[str]:
    """The lines that a run of these assets leaves in the terminal, without colors, times and Dagster's columns."""
    (tmp_path / "dagster.yaml").write_text((ROOT / "deploy" / "dagster.yaml").read_text())
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        dg.materialize(assets, instance=instance, raise_on_error=False)
    text = re.sub("\x1b\\[[0-9;]*m", "", capfd.readouterr().err)
    return [re.sub(r"^\d{4}-.* - dagster - [A-Z]+ - ", "", line) for line in text.splitlines()]


def test_an_error_is_printed_where_it_happens_and_again_at_the_end_with_its_fix(tmp_path, monkeypatch, capfd):
    assert console_lines(tmp_path, monkeypatch, capfd, refused) == [
        "refused: reading 4 files of 2 days",
        "refused 2024-03-01: 17 of 90 rows are bad",
        "refused: 1 of 2 days refused, 1 published",
        "The run failed:",
        "  refused 2024-03-01: 17 of 90 rows are bad",
        "    what to do: mend the export",
    ]


def test_an_error_with_a_fix_has_no_traceback(tmp_path, monkeypatch, capfd):
    assert console_lines(tmp_path, monkeypatch, capfd, mistaken) == [
        "mistaken: events: the disk is full",
        "The run failed:",
        "  mistaken: events: the disk is full",
        "    what to do: free some space; then run it again",
    ]


def test_any_other_exception_keeps_its_traceback(tmp_path, monkeypatch, capfd):
    lines = console_lines(tmp_path, monkeypatch, capfd, broken)
    assert any("ZeroDivisionError: a fault of ours" in line for line in lines)
    assert any("Stack Trace" in line for line in lines)


def test_the_handler_of_an_installed_dagster_home_is_still_found():
    assert console.Shorten is console.ErrorSummaryHandler

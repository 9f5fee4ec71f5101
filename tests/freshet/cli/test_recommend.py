"""`freshet recommend`: the table, unknown items, and wrong arguments."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest
import typer
from typer.testing import CliRunner

from freshet.cli import recommend, releases
from freshet.errors import EmptyLakeError, SettingsError
from freshet.releases.journal import JournalEntry, append_entry
from freshet.store import open_store
from tests.tiny_bundle import write_bundle

HEAVY_MODULES = (
    "torch",
    "pyspark",
    "pandas",
    "pyiceberg",
    "pyarrow",
    "onnx",
    "dagster",
    "great_expectations",
    "matplotlib",
)


@pytest.fixture
def app():
    app = typer.Typer()
    recommend.register(app)
    releases.register(app)
    return app


@pytest.fixture
def lake(tmp_path, monkeypatch):
    (tmp_path / "lake").mkdir()
    monkeypatch.setenv("FRESHET_LAKE", str(tmp_path / "lake"))
    monkeypatch.chdir(tmp_path)
    return open_store(str(tmp_path / "lake"))


@pytest.fixture
def released_bundle(lake, tmp_path):
    name = write_bundle(tmp_path / "made")
    lake.put_folder(tmp_path / "made", f"bundles/{name}", "manifest.json")
    now = datetime(2024, 3, 2, tzinfo=UTC)
    append_entry(
        lake,
        JournalEntry(number=1, decided_on=0, kind="release", bundle=name, verdict="Released.", why="", at=now, by="t"),
    )
    return name


def run_recommend(app, *arguments):
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def test_given_items_give_a_table_with_tier_bundle_and_release(app, released_bundle):
    result = run_recommend(app, "recommend", "--items", "b", "-k", "2")
    assert result.stdout == (
        "rank  item      score  title\n"
        "   1  f        1.6000  Item F\n"
        "   2  d        1.4000  Item D\n"
        f"tier sequence (from the shopper's history) · bundle {released_bundle[:12]} · release 1\n"
    )
    assert result.stderr == ""


def test_unknown_items_are_named_and_the_others_are_used(app, released_bundle):
    result = run_recommend(app, "recommend", "--items", "x, b ,y", "-k", "1")
    assert result.stderr == "unknown to the bundle: x, y\n"
    assert "   1  f        1.6000  Item F" in result.stdout


def test_only_unknown_items_give_popular_items_and_a_note(app, released_bundle):
    result = run_recommend(app, "recommend", "--items", "x", "-k", "1")
    assert result.stderr == "unknown to the bundle: x\n"
    assert "   1  b        9.0000  Item B" in result.stdout
    assert "tier popular (this shopper has no history)" in result.stdout


def test_before_the_first_release_the_command_to_type_is_shown(app, lake):
    with pytest.raises(EmptyLakeError) as exc_info:
        run_recommend(app, "recommend", "--items", "a")
    assert str(exc_info.value) == (
        f"{lake.root} (FRESHET_LAKE): nothing has been released yet; "
        "land some days (`freshet land FILE…`), then run "
        "`dagster asset materialize -m pipelines.definitions --select '*' --partition-range FIRST...LAST`"
    )


@pytest.mark.parametrize("words", [[], ["--items", "a", "--shopper", "1"]])
def test_exactly_one_kind_of_shopper_is_accepted(app, lake, words):
    with pytest.raises(SettingsError) as exc_info:
        run_recommend(app, "recommend", *words)
    assert str(exc_info.value) == (
        "freshet recommend: one of --items, --shopper, --session is needed; give exactly one"
    )


def test_recommend_has_no_heavy_imports(released_bundle, lake):
    code = (
        "import sys, typer; from freshet.cli import recommend; app = typer.Typer(); recommend.register(app);\n"
        "app(['--items', 'a'], standalone_mode=False)\n"
        f"print([name for name in {HEAVY_MODULES!r} if name in sys.modules])"
    )
    completed_process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=repository_root()
    )
    assert completed_process.stdout.splitlines()[-1] == "[]"


def repository_root():
    from pathlib import Path

    return Path(__file__).parents[3]

"""`freshet explain`: the events that move an item, and wrong arguments."""

from datetime import UTC, datetime

import pytest
import typer
from typer.testing import CliRunner

from freshet.cli import explain, recommend
from freshet.errors import EmptyLakeError, SettingsError
from freshet.releases.journal import JournalEntry, append_entry
from freshet.store import open_store
from tests.tiny_bundle import write_bundle


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
    fields = {"kind": "release", "verdict": "Released.", "why": "", "by": "t"}
    append_entry(lake, JournalEntry(number=1, decided_on=0, bundle=name, at=now, **fields))
    return name


def run_explain(*arguments):
    app = typer.Typer()
    explain.register(app)
    recommend.register(app)
    return CliRunner().invoke(app, ["explain", *arguments], catch_exceptions=False)


def test_the_events_that_move_an_item_are_shown_with_what_it_would_be_without_them(released_bundle):
    assert run_explain("e", "--items", "a,b,c", "-k", "2").stdout == (
        f"e scores 1.0000 · bundle {released_bundle[:12]} · release 1\n"
        "   change  event     item  title\n"
        "  -0.5000  view      b     Item B\n"
        "  +0.2500  view      a     Item A\n"
    )


def test_only_unknown_items_leave_popular_items(released_bundle):
    result = run_explain("b", "--items", "x")
    assert result.stdout == (
        f"b scores 9.0000 · bundle {released_bundle[:12]} · release 1\n"
        "this shopper has no history: the score is the item's popularity\n"
    )
    assert result.stderr == "unknown to the bundle: x\n"


def test_an_unknown_item_cannot_be_explained(released_bundle):
    with pytest.raises(SettingsError) as error:
        run_explain("x", "--items", "a")
    assert str(error.value) == (
        "freshet explain: the item 'x' is not in the vocabulary of release 1; check the id; `freshet recommend` "
        "shows valid ids"
    )


def test_explain_requires_one_kind_of_shopper_and_a_release(lake):
    with pytest.raises(SettingsError, match="one of --items, --shopper, --session is needed; give exactly one"):
        run_explain("e")
    with pytest.raises(EmptyLakeError, match="nothing has been released yet"):
        run_explain("e", "--items", "a")

import json
from datetime import UTC, datetime

import pytest
import typer
from typer.testing import CliRunner

from freshet.cli import card, recommend
from freshet.errors import BundleError
from freshet.live.journal import Entry, append
from freshet.store import open_store
from tests.terminal import on_a_terminal
from tests.tiny_bundle import write_bundle


@pytest.fixture
def lake(tmp_path, monkeypatch):
    monkeypatch.setenv("FRESHET_LAKE", str(tmp_path / "lake"))
    monkeypatch.chdir(tmp_path)
    return open_store(str(tmp_path / "lake"))


def release(lake, folder, text):
    """A bundle with that card, released next; its id."""
    folder.mkdir()
    (folder / "model_card.md").write_text(text)
    name, last = write_bundle(folder, note=text), len(lake.list("releases"))
    lake.put_folder(folder, f"bundles/{name}", "manifest.json")
    said = {"kind": "release", "verdict": "Released.", "why": "", "by": "t"}
    append(lake, Entry(number=last + 1, decided_on=last, bundle=name, at=datetime(2024, 3, 2, tzinfo=UTC), **said))
    return name


def evaluate(lake, name, bundle, decided_on, text):
    lake.put(f"evaluations/{name}.json", json.dumps({"bundle": bundle, "decided_on": decided_on}).encode())
    lake.put(f"evaluations/{name}.md", text.encode())


def ran(*words):
    app = typer.Typer()
    card.add_to(app)
    recommend.add_to(app)
    return CliRunner().invoke(app, ["card", *words], catch_exceptions=False).stdout


def test_the_card_of_what_serves_of_a_release_and_of_a_bundle(lake, tmp_path):
    first, _ = release(lake, tmp_path / "one", "# One\n"), release(lake, tmp_path / "two", "# Two\n")
    assert (ran(), ran("1"), ran(first[:10])) == ("# Two\n", "# One\n", "# One\n")


def test_a_terminal_shows_headings_and_tables_and_a_pipe_gets_markdown(lake, tmp_path):
    text = "# Model card\n\nIt ranks *every* item.\n\n| metric | model |\n|---|---:|\n| ndcg@10 | 0.5 |\n"
    release(lake, tmp_path / "one", text)
    shown = on_a_terminal(tmp_path / "lake", "card")
    assert "It ranks every item." in shown
    assert not any(mark in shown for mark in ("# Model", "*every*", "|---", "| ndcg"))
    assert ran() == text


def test_the_last_evaluation_adds_what_it_found(lake, tmp_path):
    name = release(lake, tmp_path / "one", "# One\n")
    evaluate(lake, "b", name, 0, "# One\n\nearlier\n")
    evaluate(lake, "a", name, 1, "# One\n\nlater\n")
    evaluate(lake, "c", "of another", 2, "# Other\n")
    assert ran() == "# One\n\nlater\n"


def test_a_name_that_means_nothing_is_told(lake, tmp_path):
    release(lake, tmp_path / "one", "# One\n")
    with pytest.raises(BundleError) as error:
        ran("xyz")
    assert str(error.value) == (
        "xyz: there is no release of this number, and no bundles have an id that begins so; "
        "name a release's number (`freshet releases`) or more of the bundle's id"
    )

"""`freshet card`: the model card of the champion, of a release and of a bundle."""

from datetime import UTC, datetime

import pytest
import typer
from typer.testing import CliRunner

from freshet.cli import card, recommend
from freshet.errors import BundleError
from freshet.evaluation.comparison import Evaluation
from freshet.evaluation.verdict import Verdict
from freshet.releases.journal import JournalEntry, append_entry
from freshet.steps.evaluation.records import EvaluationRecord, write_evaluation
from freshet.store import open_store
from tests.terminal import run_in_terminal
from tests.tiny_bundle import write_bundle


@pytest.fixture
def lake(tmp_path, monkeypatch):
    monkeypatch.setenv("FRESHET_LAKE", str(tmp_path / "lake"))
    monkeypatch.chdir(tmp_path)
    return open_store(str(tmp_path / "lake"))


def release_bundle(lake, folder, text):
    """A bundle with that card, released next; its id."""
    folder.mkdir()
    (folder / "model_card.md").write_text(text)
    name, last = write_bundle(folder, note=text), len(lake.list("releases"))
    lake.put_folder(folder, f"bundles/{name}", "manifest.json")
    fields = {"kind": "release", "verdict": "Released.", "why": "", "by": "t"}
    append_entry(
        lake, JournalEntry(number=last + 1, decided_on=last, bundle=name, at=datetime(2024, 3, 2, tzinfo=UTC), **fields)
    )
    return name


def store_evaluation(lake, bundle, decided_on, text):
    evaluation = Evaluation(
        train_until=1, as_of=2, n_cases=9, n_targets=9, n_unknown_targets=0, ks=(10,), table={}, slices={},
        scoring_seconds={},
    )  # fmt: skip
    verdict = Verdict(
        released=False, rule="first", sentence="Not released: too few.", reasons=(), margin_tests=(), n_cases=9
    )
    record = EvaluationRecord(
        bundle=bundle, champion=None, decided_on=decided_on, evaluation=evaluation, verdict=verdict
    )
    write_evaluation(lake, record, text)


def run_card(*arguments):
    app = typer.Typer()
    card.register(app)
    recommend.register(app)
    return CliRunner().invoke(app, ["card", *arguments], catch_exceptions=False).stdout


def test_the_card_of_the_champion_of_a_release_and_of_a_bundle(lake, tmp_path):
    first, _ = release_bundle(lake, tmp_path / "one", "# One\n"), release_bundle(lake, tmp_path / "two", "# Two\n")
    assert (run_card(), run_card("1"), run_card(first[:10])) == ("# Two\n", "# One\n", "# One\n")


def test_a_terminal_shows_headings_and_tables_and_a_pipe_gets_markdown(lake, tmp_path):
    text = "# Model card\n\nIt ranks *every* item.\n\n| metric | model |\n|---|---:|\n| ndcg@10 | 0.5 |\n"
    release_bundle(lake, tmp_path / "one", text)
    output = run_in_terminal(tmp_path / "lake", "card")
    assert "It ranks every item." in output
    assert not any(mark in output for mark in ("# Model", "*every*", "|---", "| ndcg"))
    assert run_card() == text


def test_the_last_evaluation_adds_its_results(lake, tmp_path):
    name = release_bundle(lake, tmp_path / "one", "# One\n")
    store_evaluation(lake, name, 0, "# One\n\nearlier\n")
    store_evaluation(lake, name, 1, "# One\n\nlater\n")
    store_evaluation(lake, "of another", 2, "# Other\n")
    assert run_card() == "# One\n\nlater\n"


def test_an_unknown_name_is_an_error(lake, tmp_path):
    release_bundle(lake, tmp_path / "one", "# One\n")
    with pytest.raises(BundleError) as error:
        run_card("xyz")
    assert str(error.value) == (
        "xyz: no release has this number, and no bundles have an id that starts with it; "
        "give the number of a release (`freshet releases`) or more characters of the bundle's id"
    )

from datetime import UTC, datetime

import pytest
import typer
from typer.testing import CliRunner

from freshet.cli import releases
from freshet.errors import BundleError, JournalError
from freshet.live.journal import Entry, append, current, read
from freshet.store import open_store
from tests.tiny_bundle import write_bundle


@pytest.fixture
def app():
    app = typer.Typer()
    releases.add_to(app)
    return app


@pytest.fixture
def lake(tmp_path, monkeypatch):
    monkeypatch.setenv("FRESHET_LAKE", str(tmp_path / "lake"))
    monkeypatch.chdir(tmp_path)
    return open_store(str(tmp_path / "lake"))


@pytest.fixture
def bundles(lake, tmp_path):
    """Two releases: the first bundle, then the second."""
    names = []
    for number, ndcg in ((1, 0.25), (2, 0.5)):
        folder = tmp_path / str(number)
        name = write_bundle(folder, note=str(number))
        lake.put_folder(folder, f"bundles/{name}", "manifest.json")
        entry = Entry(
            number=number,
            decided_on=number - 1,
            kind="release",
            bundle=name,
            verdict=f"Released: better {number}.",
            why="",
            metrics={"challenger": {"ndcg@10": ndcg}},
            at=datetime(2024, 3, number, 9, 30, tzinfo=UTC),
            by="t",
        )
        append(lake, entry)
        names.append(name)
    return names


def ran(app, *words):
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_releases_lists_the_journal_and_marks_what_serves(app, lake, bundles):
    first, second = bundles
    assert ran(app, "releases") == (
        "   number  when (UTC)        kind      bundle        NDCG@10  verdict\n"
        f"        1  2024-03-01 09:30  release   {first[:12]}   0.2500  Released: better 1.\n"
        f"*       2  2024-03-02 09:30  release   {second[:12]}   0.5000  Released: better 2.\n"
    )


def test_an_empty_journal_says_so(app, lake):
    assert ran(app, "releases") == f"nothing has been released yet in {lake.root} (FRESHET_LAKE)\n"


def test_rollback_serves_the_bundle_before_and_keeps_the_reason(app, lake, bundles):
    assert ran(app, "rollback", "--why", "bad prices") == (
        f"entry 3: rolled back to the bundle of entry 1, {bundles[0][:12]}\n"
    )
    now = current(lake)
    assert (now.number, now.decided_on, now.kind, now.bundle, now.why) == (3, 2, "rollback", bundles[0], "bad prices")
    assert now.metrics == {"challenger": {"ndcg@10": 0.25}}
    assert "Rolled back to the bundle of entry 1. Why: bad prices" in ran(app, "releases")


def test_rollback_goes_to_the_entry_asked_for(app, lake, bundles):
    ran(app, "rollback", "--why", "x")
    ran(app, "rollback", "--to", "2", "--why", "it was fine")
    assert current(lake).bundle == bundles[1]


def test_rollback_verifies_the_bundle_before_the_journal_changes(app, lake, bundles):
    broken = lake.local_path(f"bundles/{bundles[0]}/golden.npz")
    broken.unlink()
    with pytest.raises(BundleError, match=r"golden\.npz: the file is missing"):
        ran(app, "rollback", "--to", "1", "--why", "x")
    assert len(read(lake)) == 2


def test_rollback_works_over_a_broken_last_entry(app, lake, bundles):
    lake.put("releases/00000003.json", b"broken")
    assert ran(app, "rollback", "--why", "x") == f"entry 4: rolled back to the bundle of entry 2, {bundles[1][:12]}\n"
    assert current(lake).bundle == bundles[1]


def test_rollback_to_an_entry_that_does_not_exist_is_refused(app, lake, bundles):
    with pytest.raises(JournalError) as caught:
        ran(app, "rollback", "--to", "7", "--why", "x")
    assert str(caught.value) == (
        f"{lake.root}/releases: there is no entry 7, the last is 2; choose one from `freshet releases`"
    )


def test_rollback_before_any_release_is_refused(app, lake):
    with pytest.raises(JournalError) as caught:
        ran(app, "rollback", "--why", "x")
    assert str(caught.value) == (
        f"{lake.root}/releases: there is no earlier bundle to go back to; see `freshet releases`"
    )

"""`freshet releases` and `freshet rollback`: the list, one entry, and rollbacks."""

from datetime import UTC, datetime
from hashlib import sha256

import pytest
import typer
from typer.testing import CliRunner

from freshet.cli import releases
from freshet.errors import BundleError, EmptyLakeError, JournalError
from freshet.releases.journal import JournalEntry, append_entry, champion_entry, read_entries
from freshet.store import open_store
from tests.tiny_bundle import write_bundle


@pytest.fixture
def app():
    app = typer.Typer()
    releases.register(app)
    return app


@pytest.fixture
def lake(tmp_path, monkeypatch):
    (tmp_path / "lake").mkdir()
    monkeypatch.setenv("FRESHET_LAKE", str(tmp_path / "lake"))
    monkeypatch.chdir(tmp_path)
    return open_store(str(tmp_path / "lake"))


@pytest.fixture
def bundles(lake, tmp_path):
    """Two releases: the first bundle, then the second."""
    names = []
    for number, ndcg, others in ((1, 0.25, {}), (2, 0.5, {"champion": {"ndcg@10": 0.4}})):
        folder = tmp_path / str(number)
        name = write_bundle(folder, note=str(number))
        lake.put_folder(folder, f"bundles/{name}", "manifest.json")
        entry = JournalEntry(
            number=number,
            decided_on=number - 1,
            kind="release",
            bundle=name,
            verdict=f"Released: better {number}.",
            why="",
            metrics={"challenger": {"ndcg@10": ndcg}} | others,
            at=datetime(2024, 3, number, 9, 30, tzinfo=UTC),
            by="t",
        )
        append_entry(lake, entry)
        names.append(name)
    return names


def run_freshet(app, *arguments):
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_releases_lists_the_journal_and_marks_the_champion(app, lake, bundles):
    first, second = bundles
    assert run_freshet(app, "releases") == (
        "   no.  when (UTC)        bundle        NDCG@10  what\n"
        f"     1  2024-03-01 09:30  {first[:12]}   0.2500  new\n"
        f"*    2  2024-03-02 09:30  {second[:12]}   0.5000  new, 25 % above the champion\n"
    )


def test_one_release_is_shown_in_full_by_its_number(app, lake, bundles):
    assert run_freshet(app, "releases", "2") == (
        "release 2, serves\n"
        "  when      2024-03-02 09:30 UTC, by t\n"
        f"  bundle    {bundles[1]}\n"
        "  verdict   Released: better 2.\n"
        "  NDCG@10   challenger 0.5000, champion 0.4000\n"
        "  card      freshet card 2\n"
    )
    assert (
        run_freshet(app, "releases", "--long")
        == f"{run_freshet(app, 'releases', '1')}\n{run_freshet(app, 'releases', '2')}"
    )
    with pytest.raises(JournalError, match=r"releases: there is no release 3, the last is 2; choose one from"):
        run_freshet(app, "releases", "3")


def test_on_a_terminal_no_line_is_longer_than_it_is_wide(app, lake, bundles):
    run_freshet(app, "rollback", "--why", "a reason in many words, " * 5)
    entries = read_entries(lake)
    lines = releases.release_table(entries, 80)
    assert max(map(len, lines)) == 80
    assert lines[-1].startswith("*    3 ")
    assert "back to 1: a reason" in lines[-1]
    assert max(len(line) for line in releases.release_details(entries[2], entries, 80).splitlines()) <= 80
    assert releases.release_details(entries[2], entries, 80).startswith("release 3 (rollback), serves\n")


def test_an_empty_journal_gives_a_message(app, lake):
    with pytest.raises(EmptyLakeError, match=r"lake \(FRESHET_LAKE\): nothing has been released yet; land some days"):
        run_freshet(app, "releases")


def test_rollback_serves_the_bundle_before_and_keeps_the_reason(app, lake, bundles):
    assert run_freshet(app, "rollback", "--why", "bad prices") == (
        f"release 3: rolled back to the bundle of release 1, {bundles[0][:12]}\n"
    )
    now = champion_entry(lake)
    assert (now.number, now.decided_on, now.kind, now.bundle, now.why) == (3, 2, "rollback", bundles[0], "bad prices")
    assert now.metrics == {"challenger": {"ndcg@10": 0.25}}
    assert run_freshet(app, "releases").splitlines()[-1].endswith("  back to 1: bad prices")
    assert "  verdict   Rolled back to the bundle of release 1.\n  why       bad prices\n" in run_freshet(
        app, "releases", "3"
    )


def test_rollback_goes_to_the_given_entry(app, lake, bundles):
    run_freshet(app, "rollback", "--why", "x")
    run_freshet(app, "rollback", "--to", "2", "--why", "it was fine")
    assert champion_entry(lake).bundle == bundles[1]


def test_rollback_verifies_the_bundle_before_the_journal_changes(app, lake, bundles):
    damaged_file = lake.local_path(f"bundles/{bundles[0]}/golden.npz")
    damaged_file.unlink()
    with pytest.raises(BundleError, match=r"golden\.npz: the file is missing"):
        run_freshet(app, "rollback", "--to", "1", "--why", "x")
    assert len(read_entries(lake)) == 2


def test_rollback_works_over_a_broken_last_entry(app, lake, bundles):
    lake.put("releases/00000003.json", b"broken")
    assert (
        run_freshet(app, "rollback", "--why", "x")
        == f"release 4: rolled back to the bundle of release 2, {bundles[1][:12]}\n"
    )
    assert champion_entry(lake).bundle == bundles[1]


def test_rollback_to_an_entry_that_does_not_exist_is_refused(app, lake, bundles):
    with pytest.raises(JournalError) as exc_info:
        run_freshet(app, "rollback", "--to", "7", "--why", "x")
    assert str(exc_info.value) == (
        f"{lake.root}/releases: there is no release 7, the last is 2; choose one from `freshet releases`"
    )


def test_rollback_before_any_release_is_refused(app, lake):
    with pytest.raises(EmptyLakeError, match="nothing has been released yet; land some days"):
        run_freshet(app, "rollback", "--why", "x")


def test_a_rollback_with_a_hold_is_listed_with_the_hold(app, lake, bundles):
    assert run_freshet(app, "rollback", "--why", "bad prices", "--hold") == (
        f"release 4: rolled back to the bundle of release 1, {bundles[0][:12]}\n"
        "Releases are held; `freshet release --resume` ends the hold.\n"
    )
    *_, released, hold_line, rollback_line, now = run_freshet(app, "releases").splitlines()
    assert released.endswith("  new, 25 % above the champion, rolled back by 4")
    assert hold_line.startswith("     3  ")
    assert hold_line.endswith("  releases are held: bad prices")
    assert rollback_line.startswith("*    4  ")
    assert rollback_line.endswith("  back to 1: bad prices")
    assert now.startswith("Now releases are held by ")
    assert now.endswith(" UTC: bad prices; `freshet release --resume` ends the hold.")
    assert "rolled back by" not in run_freshet(app, "releases", "1")
    assert "\n  back      rolled back by release 4, " in run_freshet(app, "releases", "2")
    assert run_freshet(app, "releases", "3").splitlines()[0] == "entry 3 (hold)"


def test_a_stray_file_is_a_warning_and_the_list_is_complete(app, lake, bundles):
    lake.put("releases/.DS_Store", b"x")
    result = CliRunner().invoke(app, ["releases"], catch_exceptions=False)
    assert len(result.stdout.splitlines()) == 3
    assert result.stderr == (
        f"warning: {lake.root}/releases: .DS_Store is no entry of the journal: ignored; "
        "move what is not needed there out of this folder\n"
    )


# As an earlier version wrote it.
HELD_EVALUATION = """{"bundle": "%s", "champion": null, "decided_on": %d, "evaluation": {"cut": 19780, "as_of": 19787,
 "cases": 900, "targets": 1800, "unknown_targets": 3, "ks": [10], "table": {}, "slices": {}, "seconds": {}},
 "verdict": {"released": false, "rule": "fresher",
 "sentence": "Held for a person: it rose.", "reasons": ["better"], "cases": 900, "held": ["it rose"], "margins": [
 {"against": "champion", "challenger": 0.31, "other": 0.3, "difference": 0.01, "lower": 0.001, "needed": 0.0,
  "passed": true}]}}"""


def write_held_evaluation(lake, bundle: str, decided_on: int) -> None:
    content = (HELD_EVALUATION % (bundle, decided_on)).encode()
    lake.put(f"evaluations/{sha256(content).hexdigest()}.json", content)


def test_a_bundle_that_waits_for_a_person_is_listed_with_what_to_type(app, lake, bundles):
    assert len(run_freshet(app, "releases").splitlines()) == 3
    write_held_evaluation(lake, "7" * 64, 2)
    *_, now = run_freshet(app, "releases").splitlines()
    assert now.startswith("Now bundle 777777777777, evaluated on ")
    assert now.endswith(' UTC, waits for a person: it rose; `freshet release 777777777777 --why "…"` releases it.')


def test_before_the_first_release_the_bundle_that_waits_is_named_too(app, lake):
    write_held_evaluation(lake, "7" * 64, 0)
    result = CliRunner().invoke(app, ["releases"])
    assert isinstance(result.exception, EmptyLakeError)
    assert "bundle 777777777777, evaluated on " in result.stdout

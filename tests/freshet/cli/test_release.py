"""`freshet release`: holds and refusals. A release by name: tests/freshet/steps/release/test_release.py."""

from datetime import UTC, datetime

import pytest
import typer
from typer.testing import CliRunner

from freshet.cli import release, releases
from freshet.errors import EmptyLakeError, JournalError, LakeError, SettingsError
from freshet.releases.journal import JournalEntry, append_entry, read_entries
from freshet.store import open_store
from tests.tiny_bundle import write_bundle


@pytest.fixture
def app():
    app = typer.Typer()
    releases.register(app)
    release.register(app)
    return app


@pytest.fixture
def lake(tmp_path, monkeypatch):
    (tmp_path / "lake").mkdir()
    monkeypatch.setenv("FRESHET_LAKE", str(tmp_path / "lake"))
    monkeypatch.chdir(tmp_path)
    return open_store(str(tmp_path / "lake"))


@pytest.fixture
def bundles(lake, tmp_path):
    """Two bundles in the lake; the first is the champion."""
    names = [write_bundle(tmp_path / note, note=note) for note in ("one", "two")]
    for note, name in zip(("one", "two"), names, strict=True):
        lake.put_folder(tmp_path / note, f"bundles/{name}", "manifest.json")
    at = datetime(2026, 11, 27, tzinfo=UTC)
    append_entry(
        lake, JournalEntry(number=1, decided_on=0, kind="release", bundle=names[0], verdict="", why="", at=at, by="t")
    )
    return names


def run_freshet(app, *arguments):
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_releases_are_held_and_resumed(app, lake, bundles):
    output = run_freshet(app, "release", "--hold", "--why", "Black Friday")
    assert output.startswith("entry 2 (hold): releases are held by ")
    assert output.endswith(" UTC: Black Friday\n")
    assert run_freshet(app, "release", "--hold", "--why", "again").startswith(
        "entry 2 (hold): already: releases are held by "
    )
    assert run_freshet(app, "release", "--resume").startswith("entry 3 (resume): releases are open again; ")
    assert [(entry.kind, entry.bundle, entry.why) for entry in read_entries(lake)[1:]] == [
        ("hold", bundles[0], "Black Friday"),
        ("resume", bundles[0], ""),
    ]


def test_while_releases_are_held_none_is_released_by_name_either(app, lake, bundles):
    run_freshet(app, "release", "--hold", "--why", "Black Friday")
    with pytest.raises(JournalError, match=r"held by .*: Black Friday; end the hold first: `freshet release --resume`"):
        run_freshet(app, "release", bundles[1][:12], "--why", "x")


def test_a_bundle_without_evaluation_is_not_released(app, lake, bundles):
    with pytest.raises(LakeError) as exc_info:
        run_freshet(app, "release", bundles[1][:12], "--why", "x")
    assert str(exc_info.value) == (
        f"{lake.root}/bundles/{bundles[1]}: it was never evaluated, so it cannot be released; evaluate it: run "
        "`dagster asset materialize -m pipelines.definitions --select evaluation` while it is the last bundle built"
    )
    assert len(read_entries(lake)) == 1


def test_the_champion_is_not_released_again(app, lake, bundles):
    with pytest.raises(JournalError, match="is already released, since release 1; there is nothing to release"):
        run_freshet(app, "release", bundles[0][:12], "--why", "x")


@pytest.mark.parametrize(
    ("prefix", "what"), [("0" * 12, "no bundles have an id that starts with it"), ("a", "the id is too short")]
)
def test_an_id_that_matches_no_bundle_or_is_too_short_is_refused(app, lake, bundles, prefix, what):
    with pytest.raises(SettingsError, match=f"freshet release {prefix}: {what}"):
        run_freshet(app, "release", prefix, "--why", "x")


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ([], "one of BUNDLE, --hold and --resume is needed"),
        (["--hold", "--resume"], "one of BUNDLE, --hold and --resume is needed"),
        (["abcdef123456", "--hold", "--why", "x"], "one of BUNDLE, --hold and --resume is needed"),
        (["--hold"], "--why is missing"),
        (["abcdef123456"], "--why is missing"),
    ],
)
def test_release_requires_one_action_and_a_reason(app, lake, bundles, words, what):
    with pytest.raises(SettingsError, match=what):
        run_freshet(app, "release", *words)
    assert len(read_entries(lake)) == 1


@pytest.mark.parametrize("words", [["--hold", "--why", "x"], ["--resume"]])
def test_before_the_first_release_a_hold_is_refused(app, lake, words):
    with pytest.raises(EmptyLakeError, match="nothing has been released yet"):
        run_freshet(app, "release", *words)

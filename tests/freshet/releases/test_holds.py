"""Holds: releases stop and resume, with rollbacks and concurrent entries."""

from datetime import UTC, datetime

import pytest

from freshet.errors import JournalError
from freshet.releases.holds import hold_in_force, hold_releases, hold_sentence, resume_releases
from freshet.releases.journal import JournalEntry, append_entry, champion_entry, last_release_entry, read_entries
from freshet.releases.rollback import roll_back
from freshet.releases.rolled_back import is_same_model
from freshet.store import open_store
from tests.tiny_bundle import write_bundle

NOW = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    return open_store(str(tmp_path / "lake"))


@pytest.fixture
def bundles(store, tmp_path):
    """Two releases of two bundles."""
    names = []
    for number in (1, 2):
        name = write_bundle(tmp_path / str(number), note=str(number))
        store.put_folder(tmp_path / str(number), f"bundles/{name}", "manifest.json")
        append_entry(store, release_entry(number, name))
        names.append(name)
    return names


def release_entry(number: int, bundle: str, kind: str = "release") -> JournalEntry:
    return JournalEntry(
        number=number, decided_on=number - 1, kind=kind, bundle=bundle, verdict="Released.", why="", at=NOW, by="test"
    )


def test_a_hold_does_not_change_the_champion_and_names_its_bundle(store, bundles):
    hold = hold_releases(store, 2, bundles[1], "conversion fell", "ann", NOW)
    assert (hold.number, hold.kind, hold.bundle, hold.title) == (3, "hold", bundles[1], "entry 3 (hold)")
    assert champion_entry(store).number == last_release_entry(store).number == 2
    assert hold_in_force(read_entries(store)) == hold
    assert hold_sentence(hold) == "releases are held by ann since 2026-11-28 09:30 UTC: conversion fell"


def test_a_hold_in_force_is_not_written_twice(store, bundles):
    hold = hold_releases(store, 2, bundles[1], "conversion fell", "ann", NOW)
    assert hold_releases(store, 3, bundles[1], "again", "bob", NOW) == hold
    assert len(read_entries(store)) == 3


def test_a_hold_is_ended_once(store, bundles):
    hold = hold_releases(store, 2, bundles[1], "conversion fell", "ann", NOW)
    entry, ended_hold = resume_releases(store, "", "bob", NOW)
    assert (entry.number, entry.kind, entry.bundle, ended_hold) == (4, "resume", bundles[1], hold)
    assert hold_in_force(read_entries(store)) is None
    with pytest.raises(JournalError, match="releases are not held; there is nothing to resume"):
        resume_releases(store, "", "bob", NOW)


def test_a_hold_after_a_concurrent_entry_is_refused(store, bundles):
    append_entry(store, release_entry(3, bundles[0]))
    with pytest.raises(JournalError, match="another process wrote release 3 first; decide again"):
        hold_releases(store, 2, bundles[1], "conversion fell", "ann", NOW)


def test_a_rollback_that_holds_writes_the_hold_first(store, bundles, tmp_path):
    entry, target = roll_back(store, tmp_path, None, "conversion fell", "ann", NOW, hold=True)
    assert [(e.number, e.kind, e.bundle) for e in read_entries(store)[2:]] == [
        (3, "hold", bundles[1]),
        (4, "rollback", bundles[0]),
    ]
    assert (entry.number, target.number, champion_entry(store).number) == (4, 1, 4)


def test_a_rollback_that_holds_where_releases_are_held_already_is_a_rollback(store, bundles, tmp_path):
    hold_releases(store, 2, bundles[1], "conversion fell", "ann", NOW)
    roll_back(store, tmp_path, None, "conversion fell", "ann", NOW, hold=True)
    assert [entry.kind for entry in read_entries(store)] == ["release", "release", "hold", "rollback"]


def test_a_rollback_that_holds_goes_over_a_broken_entry(store, bundles, tmp_path):
    store.put("releases/00000003.json", b"broken")
    entry, target = roll_back(store, tmp_path, None, "broken", "ann", NOW, hold=True)
    assert (entry.number, target.number) == (5, 2)
    assert champion_entry(store).bundle == bundles[1]


def test_a_rollback_to_a_hold_is_refused(store, bundles, tmp_path):
    hold_releases(store, 2, bundles[1], "conversion fell", "ann", NOW)
    with pytest.raises(JournalError, match=r"entry 3 \(hold\) is not a release; choose one from"):
        roll_back(store, tmp_path, 3, "x", "ann", NOW)


def test_a_rollback_without_a_target_skips_rolled_back_releases(store, bundles, tmp_path):
    roll_back(store, tmp_path, None, "conversion fell", "ann", NOW)
    with pytest.raises(JournalError, match=r"no earlier bundle to go back to; see .* `--to NUMBER` also goes back"):
        roll_back(store, tmp_path, None, "x", "ann", NOW)
    assert roll_back(store, tmp_path, 2, "it was fine", "ann", NOW)[0].bundle == bundles[1]


def sealed_manifest(**overrides):
    """A manifest as it comes from the pipeline."""
    from freshet.inference.manifest import FileEntry, Manifest

    files = {name: FileEntry(sha256=name, bytes=1) for name in ("vocabulary.npz", "baselines.npz", "golden.npz")}
    fields = {
        "created_by": "1", "precision": "fp32", "max_history": 4, "event_type": "view", "metrics": {},
        "lineage": {"model": "m", "snapshots": {"training_set": 7}}, "parameters": {"width": 64}, "files": files,
    }  # fmt: skip
    return Manifest(**fields | overrides)


OTHER_LINEAGE = {"model": "n", "snapshots": {"training_set": 8}}


def test_the_same_weights_sealed_by_another_version_are_the_same_model():
    assert is_same_model(sealed_manifest(), sealed_manifest(created_by="2", precision="int8"))


def test_the_same_data_parameters_and_code_trained_once_more_are_the_same_model():
    assert is_same_model(sealed_manifest(), sealed_manifest(lineage=OTHER_LINEAGE))


@pytest.mark.parametrize("changes", [{"parameters": {"width": 32}}, {"created_by": "2"}, {"files": {}}])
def test_other_data_parameters_or_code_make_another_model(changes):
    assert not is_same_model(sealed_manifest(), sealed_manifest(lineage=OTHER_LINEAGE, **changes))


def test_bundles_whose_model_is_not_named_are_compared_by_their_name_only():
    assert not is_same_model(sealed_manifest(lineage={}), sealed_manifest(lineage={}))

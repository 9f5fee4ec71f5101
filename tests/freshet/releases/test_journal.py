"""The release journal: the champion, entries and their numbers, concurrent writers, rollbacks."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from freshet.errors import JournalError
from freshet.releases.journal import JournalEntry, append_entry, champion_entry, previous_release, read_entries
from freshet.releases.journal_files import list_journal, stray_warning
from freshet.store import open_store

BUNDLE_A, BUNDLE_B = "a" * 64, "b" * 64


@pytest.fixture
def store(tmp_path):
    store = open_store(str(tmp_path / "lake"))
    for bundle in (BUNDLE_A, BUNDLE_B):
        store.put(f"bundles/{bundle}/manifest.json", b"{}")
    return store


def journal_entry(number, bundle=BUNDLE_A, decided_on=None, kind="release"):
    return JournalEntry(
        number=number,
        decided_on=number - 1 if decided_on is None else decided_on,
        kind=kind,
        bundle=bundle,
        verdict="Released.",
        why="",
        metrics={"challenger": {"ndcg@10": 0.25}},
        at=datetime(2024, 3, 2, 12, 0, tzinfo=UTC),
        by="test",
    )


def error_message(function, *arguments):
    with pytest.raises(JournalError) as exc_info:
        function(*arguments)
    return str(exc_info.value)


def test_before_the_first_release_there_is_no_champion(store):
    assert champion_entry(store) is None
    assert read_entries(store) == ()


def test_the_last_entry_serves(store):
    append_entry(store, journal_entry(1, BUNDLE_A))
    append_entry(store, journal_entry(2, BUNDLE_B))
    assert champion_entry(store) == journal_entry(2, BUNDLE_B)
    assert read_entries(store) == (journal_entry(1, BUNDLE_A), journal_entry(2, BUNDLE_B))


def test_an_entry_lies_at_its_number(store):
    append_entry(store, journal_entry(1))
    assert store.list("releases") == ("releases/00000001.json",)


def test_a_late_promotion_never_overrides_a_rollback(store):
    append_entry(store, journal_entry(1, BUNDLE_A))
    append_entry(store, journal_entry(2, BUNDLE_B))
    late_entry = journal_entry(3, BUNDLE_B)  # decided on entry 2 …
    append_entry(store, journal_entry(3, BUNDLE_A, kind="rollback"))  # … and meanwhile another process rolled back
    assert error_message(append_entry, store, late_entry) == (
        f"{store.root}/releases/00000003.json: another process wrote release 3 first; "
        "decide again on the journal as it is now"
    )
    assert champion_entry(store) == journal_entry(3, BUNDLE_A, kind="rollback")


def test_an_entry_decided_on_one_that_does_not_exist_is_refused(store):
    assert error_message(append_entry, store, journal_entry(5)) == (
        f"{store.root}/releases/00000005.json: was decided on release 4, which does not exist; "
        "decide again on the journal as it is now"
    )


def test_a_number_that_does_not_follow_is_no_entry():
    with pytest.raises(ValueError, match="number 3 does not follow decided_on 1"):
        journal_entry(3, decided_on=1)


def test_a_bundle_that_is_gone_names_the_rollback(store):
    append_entry(store, journal_entry(1, BUNDLE_A))
    append_entry(store, journal_entry(2, BUNDLE_B))
    store.local_path(f"bundles/{BUNDLE_B}/manifest.json").unlink()
    assert error_message(champion_entry, store) == (
        f"{store.root}/releases/00000002.json: names the bundle bbbbbbbbbbbb, which is gone; "
        'run `freshet rollback --to 1 --why "…"`, or restore it from a backup of the lake'
    )


def test_a_bundle_that_is_gone_with_no_other_to_go_back_to(store):
    append_entry(store, journal_entry(1, BUNDLE_A))
    store.local_path(f"bundles/{BUNDLE_A}/manifest.json").unlink()
    assert error_message(champion_entry, store) == (
        f"{store.root}/releases/00000001.json: names the bundle aaaaaaaaaaaa, which is gone; "
        "restore it from a backup of the lake, or release again: "
        "`dagster asset materialize -m pipelines.definitions --select '*' --partition-range FIRST...LAST`"
    )


def test_a_broken_entry_names_the_rollback(store):
    append_entry(store, journal_entry(1, BUNDLE_A))
    store.put("releases/00000002.json", b"{}")
    message = error_message(champion_entry, store)
    assert message.startswith(f"{store.root}/releases/00000002.json: is no journal entry (number Field required; ")
    assert message.endswith('; run `freshet rollback --to 1 --why "…"`, or restore it from a backup of the lake')


def test_an_empty_entry_is_broken(store):
    store.put("releases/00000001.json", b"")
    assert error_message(champion_entry, store).startswith(
        f"{store.root}/releases/00000001.json: is no journal entry (Invalid JSON: EOF while parsing a value"
    )


def test_an_entry_in_anothers_place_is_broken(store):
    append_entry(store, journal_entry(1, BUNDLE_A))
    store.put("releases/00000002.json", store.get("releases/00000001.json"))
    assert "is no journal entry (its field `number` is 1)" in error_message(champion_entry, store)


def test_a_gap_is_named(store):
    for number in (1, 2, 3):
        append_entry(store, journal_entry(number))
    store.local_path("releases/00000002.json").unlink()
    expected = (
        f"{store.root}/releases/00000002.json: is missing, releases/00000003.json comes next; "
        "restore it from a backup of the lake"
    )
    assert error_message(champion_entry, store) == expected
    assert error_message(read_entries, store) == expected


def test_going_back_passes_over_the_same_bundle_and_what_is_broken(store):
    append_entry(store, journal_entry(1, BUNDLE_A))
    store.put("releases/00000002.json", b"broken")
    append_entry(store, journal_entry(3, BUNDLE_B))
    append_entry(store, journal_entry(4, BUNDLE_B))
    assert previous_release(store, 4) == journal_entry(1, BUNDLE_A)
    assert previous_release(store, 1) is None


STRAY_FILES = (".DS_Store", ".nfs000000000042", "00000001.json.bak", "2.json", "00000000.json", "old/00000002.json")


def test_foreign_files_in_the_folder_are_ignored_and_named(store):
    append_entry(store, journal_entry(1, BUNDLE_A))
    for name in STRAY_FILES:
        store.put(f"releases/{name}", b"x")
    append_entry(store, journal_entry(2, BUNDLE_B))
    assert [one.number for one in read_entries(store)] == [1, 2]
    assert champion_entry(store) == journal_entry(2, BUNDLE_B)
    assert list_journal(store) == (
        ("releases/00000001.json", "releases/00000002.json"),
        (".DS_Store", ".nfs000000000042", "00000000.json", "00000001.json.bak", "2.json", "old/"),
    )
    assert str(stray_warning(store, list_journal(store).strays)) == (
        f"{store.root}/releases: .DS_Store, .nfs000000000042, 00000000.json and 3 more are no entries of the journal: "
        "ignored; move what is not needed there out of this folder"
    )


def test_a_name_that_no_text_can_hold_is_named_all_the_same(store):
    append_entry(store, journal_entry(1, BUNDLE_A))
    Path(os.fsdecode(os.fsencode(store.local_path("releases")) + b"/\xff.bak")).touch()
    store.local_path("releases/loop").symlink_to(store.root)
    assert list_journal(store).strays == ("loop/", "\\udcff.bak")
    assert champion_entry(store) == journal_entry(1, BUNDLE_A)


def test_between_strays_a_gap_is_still_named(store):
    for number in (1, 2, 3):
        append_entry(store, journal_entry(number))
    store.local_path("releases/00000002.json").rename(store.local_path("releases/00000002.json.bak"))
    assert "00000002.json: is missing, releases/00000003.json comes next" in error_message(champion_entry, store)


def test_a_folder_in_the_place_of_an_entry_is_named(store):
    append_entry(store, journal_entry(1, BUNDLE_A))
    store.local_path("releases/00000002.json").mkdir()
    assert error_message(append_entry, store, journal_entry(2, BUNDLE_B)) == (
        f"{store.root}/releases/00000002.json: its path is taken by something that is no file; "
        "remove that, then try again"
    )


def test_an_entry_that_is_being_written_is_not_there_yet_and_no_stray(store):
    append_entry(store, journal_entry(1, BUNDLE_A))
    store.local_path("releases/00000002.json#1").touch()
    assert list_journal(store) == (("releases/00000001.json",), ())

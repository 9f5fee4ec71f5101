"""Rolled-back bundles stay rolled back until a person releases them by name."""

from datetime import UTC, datetime

import pytest

from freshet.releases.journal import JournalEntry, previous_release, rolled_back_bundles
from freshet.releases.rolled_back import rollback_reason
from freshet.store import open_store

BUNDLE_A, BUNDLE_B, BUNDLE_C = "a" * 64, "b" * 64, "c" * 64


def journal_entries(*kinds_and_bundles: tuple[str, str]) -> list[JournalEntry]:
    """Entries from 1 on, each (kind, bundle)."""
    return [
        JournalEntry(
            number=number, decided_on=number - 1, kind=kind, bundle=bundle, verdict="", why="conversion fell",
            at=datetime(2026, 11, 28, tzinfo=UTC), by="ann",
        )
        for number, (kind, bundle) in enumerate(kinds_and_bundles, start=1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("entries", "numbers"),
    [
        ([("release", BUNDLE_A), ("release", BUNDLE_B)], {}),
        ([("release", BUNDLE_A), ("release", BUNDLE_B), ("rollback", BUNDLE_A)], {BUNDLE_B: 3}),
        (
            [
                ("release", BUNDLE_A),
                ("release", BUNDLE_B),
                ("hold", BUNDLE_B),
                ("rollback", BUNDLE_A),
                ("resume", BUNDLE_A),
            ],
            {BUNDLE_B: 4},
        ),
        ([("release", BUNDLE_A), ("release", BUNDLE_B), ("rollback", BUNDLE_A), ("release", BUNDLE_B)], {}),
        ([("release", BUNDLE_A), ("release", BUNDLE_B), ("rollback", BUNDLE_A), ("rollback", BUNDLE_B)], {BUNDLE_A: 4}),
        ([("release", BUNDLE_A), ("release", BUNDLE_B), ("rollback", BUNDLE_A), ("release", BUNDLE_C)], {BUNDLE_B: 3}),
        ([("release", BUNDLE_A), ("release", BUNDLE_B), ("rollback", BUNDLE_B)], {}),
        ([("release", BUNDLE_A), ("release", BUNDLE_B), ("release", BUNDLE_C), ("rollback", BUNDLE_A)], {BUNDLE_C: 4}),
    ],
)
def test_a_replaced_bundle_is_rolled_back_until_it_is_released_by_name(entries, numbers):
    assert {bundle: entry.number for bundle, entry in rolled_back_bundles(journal_entries(*entries)).items()} == numbers


def test_the_rollback_reason_names_person_date_and_reason(tmp_path):
    store = open_store(str(tmp_path))
    entries = journal_entries(("release", BUNDLE_A), ("release", BUNDLE_B), ("rollback", BUNDLE_A))
    assert (
        rollback_reason(store, entries, BUNDLE_B)
        == "it was rolled back by ann on 2026-11-28 (release 3): conversion fell"
    )
    assert rollback_reason(store, entries, BUNDLE_C) == ""


def test_the_suggested_rollback_skips_rolled_back_bundles_and_holds(tmp_path):
    from freshet.releases.journal import append_entry

    store = open_store(str(tmp_path))
    for bundle in (BUNDLE_A, BUNDLE_B, BUNDLE_C):
        store.put(f"bundles/{bundle}/manifest.json", b"{}")
    entries = [
        ("release", BUNDLE_A),
        ("release", BUNDLE_B),
        ("rollback", BUNDLE_A),
        ("hold", BUNDLE_A),
        ("resume", BUNDLE_A),
        ("release", BUNDLE_C),
    ]
    for entry in journal_entries(*entries):
        append_entry(store, entry)
    assert previous_release(store, 6).number == 3
    assert previous_release(store, 3) is None

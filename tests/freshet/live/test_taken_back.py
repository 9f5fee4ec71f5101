"""What was taken back stays taken back until a person names it."""

from datetime import UTC, datetime

import pytest

from freshet.live.journal import Entry, earlier, taken_back
from freshet.live.taken_back import why_taken_back
from freshet.store import open_store

A, B, C = "a" * 64, "b" * 64, "c" * 64


def journal(*said: tuple[str, str]) -> list[Entry]:
    """Entries from 1 on, each (kind, bundle)."""
    return [
        Entry(
            number=number, decided_on=number - 1, kind=kind, bundle=bundle, verdict="", why="conversion fell",
            at=datetime(2026, 11, 28, tzinfo=UTC), by="ann",
        )
        for number, (kind, bundle) in enumerate(said, start=1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "numbers"),
    [
        ([("release", A), ("release", B)], {}),
        ([("release", A), ("release", B), ("rollback", A)], {B: 3}),
        ([("release", A), ("release", B), ("hold", B), ("rollback", A), ("resume", A)], {B: 4}),
        ([("release", A), ("release", B), ("rollback", A), ("release", B)], {}),
        ([("release", A), ("release", B), ("rollback", A), ("rollback", B)], {A: 4}),
        ([("release", A), ("release", B), ("rollback", A), ("release", C)], {B: 3}),
        ([("release", A), ("release", B), ("rollback", B)], {}),
        ([("release", A), ("release", B), ("release", C), ("rollback", A)], {C: 4}),
    ],
)
def test_what_a_rollback_replaced_is_taken_back_until_it_is_named_again(said, numbers):
    assert {bundle: entry.number for bundle, entry in taken_back(journal(*said)).items()} == numbers


def test_it_says_who_when_and_why(tmp_path):
    store = open_store(str(tmp_path))
    entries = journal(("release", A), ("release", B), ("rollback", A))
    assert why_taken_back(store, entries, B) == "it was taken back by ann on 2026-11-28 (release 3): conversion fell"
    assert why_taken_back(store, entries, C) == ""


def test_the_advice_passes_over_what_was_taken_back_and_what_is_no_release(tmp_path):
    from freshet.live.journal import append

    store = open_store(str(tmp_path))
    for bundle in (A, B, C):
        store.put(f"bundles/{bundle}/manifest.json", b"{}")
    said = [("release", A), ("release", B), ("rollback", A), ("hold", A), ("resume", A), ("release", C)]
    for entry in journal(*said):
        append(store, entry)
    assert earlier(store, 6).number == 3
    assert earlier(store, 3) is None

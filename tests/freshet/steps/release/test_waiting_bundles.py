"""Bundles that wait for a person, by the evaluation records and the journal of a lake."""

import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from freshet.evaluation.verdict_holds import add_holds
from freshet.releases import journal
from freshet.steps.evaluation.records import evaluation_path
from freshet.steps.release.waiting_bundles import WaitingBundle, waiting_bundles
from tests.freshet.steps.release.test_release import GOOD_VERDICT, TOO_FEW_VERDICT, ReleaseShop, journal_entry

HELD_VERDICT = add_holds(GOOD_VERDICT, ["it is too good to be true"])


@pytest.fixture
def shop(tmp_path) -> ReleaseShop:
    return ReleaseShop(tmp_path)


def waiting_for_person(shop: ReleaseShop) -> list[tuple[str, tuple[str, ...]]]:
    return [
        (waiting_bundle.bundle_id, waiting_bundle.reasons)
        for waiting_bundle in waiting_bundles(shop.store, journal.read_entries(shop.store))
    ]


def test_a_held_bundle_that_passed_its_evaluation_waits(shop):
    shop.write_evaluation(verdict=HELD_VERDICT)
    assert waiting_for_person(shop) == [(shop.challenger, ("it is too good to be true",))]


@pytest.mark.parametrize(
    "verdict", [GOOD_VERDICT, TOO_FEW_VERDICT, add_holds(TOO_FEW_VERDICT, ["it is too good to be true"])]
)
def test_a_released_or_rejected_bundle_does_not_wait(shop, verdict):
    shop.write_evaluation(verdict=verdict)
    assert waiting_for_person(shop) == []


def test_a_bundle_waits_no_longer_when_something_else_serves(shop):
    shop.write_evaluation(verdict=HELD_VERDICT)
    journal.append_entry(shop.store, journal_entry(2, shop.bundle("other")))
    assert waiting_for_person(shop) == []


def test_a_hold_of_all_releases_does_not_end_the_waiting(shop):
    shop.write_evaluation(verdict=HELD_VERDICT)
    shop.hold_releases()
    assert [bundle for bundle, _ in waiting_for_person(shop)] == [shop.challenger]


def test_the_last_of_several_evaluations_counts(shop):
    shop.write_evaluation(verdict=HELD_VERDICT)
    shop.hold_releases()
    shop.write_evaluation()
    assert waiting_for_person(shop) == []


def test_the_champion_does_not_wait(shop):
    shop.write_evaluation(shop.champion, HELD_VERDICT)
    assert waiting_for_person(shop) == []


def test_before_the_first_release_a_bundle_waits_too(shop):
    shop.write_evaluation(verdict=HELD_VERDICT)
    shop.store.local_path("releases/00000001.json").unlink()
    assert [bundle for bundle, _ in waiting_for_person(shop)] == [shop.challenger]


def test_evaluations_that_were_edited_or_are_of_another_version_are_passed_over(shop):
    path = evaluation_path(shop.write_evaluation(verdict=HELD_VERDICT).id)
    shop.store.put(path, shop.store.get(path) + b" ")
    shop.write_evaluation_text(b'{"bundle": "b", "decided_on": 1}')
    assert waiting_for_person(shop) == []


def test_the_message_names_bundle_time_reason_and_command():
    waiting_bundle = WaitingBundle(
        "7" * 64, datetime(2026, 11, 28, 2, 20, tzinfo=UTC), ("it was rolled back", "it is the data")
    )
    assert waiting_bundle.sentence == (
        "bundle 777777777777, evaluated on 2026-11-28 02:20 UTC, waits for a person: it was rolled back; "
        "it is the data; "
        '`freshet release 777777777777 --why "…"` releases it'
    )
    expected = 'say so: `freshet release 777777777777 --why "…"`'
    assert WaitingBundle("7" * 64, waiting_bundle.evaluated_at, (expected,)).sentence.endswith(
        f"waits for a person: {expected}"
    )


def test_a_gateway_machine_can_list_waiting_bundles():
    heavy = "('pyarrow', 'pandas', 'torch', 'pyiceberg', 'pyspark')"
    code = f"import sys, freshet.steps.release.waiting_bundles; sys.exit(any(name in sys.modules for name in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], env=dict(os.environ), check=False).returncode == 0

"""The asset `release` on real bundles, evaluation records and a journal.

Evaluation: tests/freshet/steps/evaluation/test_evaluate.py.
"""

import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from freshet.artifacts import BundleRef, EvaluationRef, ModelRef, TrainingSetRef
from freshet.errors import BundleError, JournalError, LakeError
from freshet.evaluation.comparison import Evaluation
from freshet.evaluation.margins import MarginTest
from freshet.evaluation.verdict import Verdict
from freshet.evaluation.verdict_holds import add_holds
from freshet.inference.manifest import MANIFEST, Manifest, write_manifest
from freshet.releases import journal
from freshet.releases.holds import hold_releases, resume_releases
from freshet.releases.journal import JournalEntry, bundle_path
from freshet.releases.rollback import roll_back
from freshet.settings import Settings
from freshet.steps.evaluation.records import EvaluationRecord, evaluation_path
from freshet.steps.release.release import release_bundle
from freshet.steps.release.release_held import release_held_bundle
from freshet.store import Store, open_store
from tests import tiny_bundle

NOW = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
ROLLBACK_TEXT = "ann on 2026-11-28 (release 3): conversion fell"
LINEAGE = {"model": "m", "snapshots": {"training_set": 7}}
BETTER_TEXT = "the new model is better than the released model"
METRICS_TABLE = {"challenger": {"ndcg@10": 0.31}, "champion": {"ndcg@10": 0.30}}
PASSED_MARGIN = MarginTest(
    reference="champion",
    challenger_ndcg=0.31,
    reference_ndcg=0.3,
    difference=0.01,
    lower_bound=0.001,
    threshold=0.0,
    passed=True,
)
GOOD_VERDICT = Verdict(released=True, rule="changed", sentence=f"Released: {BETTER_TEXT} (900 held-out baskets).",
               reasons=(BETTER_TEXT,), margin_tests=(PASSED_MARGIN,), n_cases=900)  # fmt: skip
TOO_FEW_VERDICT = Verdict(released=False, rule="changed", sentence="Not released: only 9 held-out baskets.",
                  reasons=("only 9 held-out baskets",), margin_tests=(), n_cases=9)  # fmt: skip


class ReleaseShop:
    """A lake with two bundles: `champion`, which is release 1, and `challenger`, the challenger."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.settings = Settings(_env_file=None, lake=str(folder / "lake"), cache_dir=folder / "cache")
        self.store: Store = open_store(self.settings.lake)
        self.champion, self.challenger = self.bundle("champion"), self.bundle("challenger", lineage=LINEAGE)
        journal.append_entry(self.store, journal_entry(1, self.champion))

    def bundle(self, note: str, **overrides) -> str:
        """Seal a bundle with these parameters and changes in the lake; return its id."""
        folder = self.folder / f"{note} {len(overrides)}"
        tiny_bundle.write_bundle(folder, note=note)
        return self.reseal(folder, **overrides)

    def reseal(self, folder: Path, **overrides) -> str:
        """The manifest over the files as they are now, with these changes."""
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
        bundle_id = write_manifest(folder, manifest.info.model_copy(update=overrides))
        self.store.put_folder(folder, bundle_path(bundle_id), MANIFEST)
        return bundle_id

    def write_evaluation(self, bundle: str = "", verdict: Verdict = GOOD_VERDICT) -> EvaluationRef:
        """An evaluation on the journal as it is now."""
        number = journal.entry_count(self.store)
        evaluation = Evaluation(
            train_until=1, as_of=2, n_cases=verdict.n_cases, n_targets=1, n_unknown_targets=0, ks=(10,),
            table=METRICS_TABLE, slices={}, scoring_seconds={},
        )  # fmt: skip
        record = EvaluationRecord(
            bundle=bundle or self.challenger,
            champion=self.champion,
            decided_on=number,
            evaluation=evaluation,
            verdict=verdict,
        )
        return self.write_evaluation_text(record.model_dump_json(indent=1).encode())

    def write_evaluation_text(self, content: bytes) -> EvaluationRef:
        """An evaluation under its own hash."""
        name = hashlib.sha256(content).hexdigest()
        self.store.put(evaluation_path(name), content)
        evaluation, data = (
            json.loads(content),
            TrainingSetRef(as_of=date(2026, 1, 2), train_until=date(2026, 1, 1), snapshots={}),
        )
        model = ModelRef(id="m", training_set=data, parameters={}, metrics={})
        return EvaluationRef(
            id=name, bundle=BundleRef(id=evaluation["bundle"], model=model), decided_on=evaluation["decided_on"]
        )

    def release(self, ref: EvaluationRef):
        return release_bundle(self.store, ref, self.settings, by="dagster run 1234")

    def release_by_name(self, bundle: str = "") -> JournalEntry:
        return release_held_bundle(
            self.store, self.settings, bundle or self.challenger, "the tracker is mended", "bob", NOW
        )

    def roll_back_challenger(self) -> None:
        """The challenger was release 2, and ann rolled it back."""
        journal.append_entry(self.store, journal_entry(2, self.challenger))
        roll_back(self.store, self.settings.cache_dir, None, "conversion fell", "ann", NOW)

    def hold_releases(self) -> None:
        serves = journal.last_release_entry(self.store)
        hold_releases(self.store, journal.entry_count(self.store), serves.bundle, "conversion fell", "ann", NOW)

    def resume_releases(self) -> None:
        resume_releases(self.store, "", "ann", NOW)

    @property
    def entry_kinds(self) -> list[str]:
        return [entry.kind for entry in journal.read_entries(self.store)]


@pytest.fixture
def shop(tmp_path) -> ReleaseShop:
    return ReleaseShop(tmp_path)


def journal_entry(number: int, bundle: str, kind: str = "release") -> JournalEntry:
    return JournalEntry(
        number=number, decided_on=number - 1, kind=kind, bundle=bundle, verdict="Released.", why="", at=NOW, by="test"
    )


# Held


def test_while_releases_are_held_no_release_is_written_and_the_run_succeeds(shop):
    shop.hold_releases()
    release_result = shop.release(shop.write_evaluation())
    assert (release_result.ref, release_result.message()) == (None, "")
    assert {row.rule.name: row.passed for row in release_result.gate.results} == {
        "challenger_may_serve": True,
        "no_bundle_waits_for_a_person": True,
        "releases_are_open": False,
    }
    assert release_result.value.sentence == (
        "Not released: releases are held by ann since 2026-11-28 09:30 UTC: conversion fell. "
        f"Released: {BETTER_TEXT} (900 held-out baskets)."
    )
    assert shop.entry_kinds == ["release", "hold"]


def test_a_bundle_evaluated_before_a_hold_is_released_after_it(shop):
    ref = shop.write_evaluation()
    shop.hold_releases()
    assert shop.release(ref).ref is None
    shop.resume_releases()
    assert shop.release(ref).ref.id == "4"
    last = journal.champion_entry(shop.store)
    assert (last.number, last.decided_on, last.bundle) == (4, 3, shop.challenger)


def test_a_rollback_during_a_hold_outdates_earlier_evaluations(shop):
    journal.append_entry(shop.store, journal_entry(2, shop.bundle("other")))
    ref = shop.write_evaluation()
    shop.hold_releases()
    roll_back(shop.store, shop.settings.cache_dir, 1, "conversion fell", "ann", NOW)
    shop.resume_releases()
    with pytest.raises(JournalError, match=r"00000004\.json: another process wrote release 4 first; decide again"):
        shop.release(ref)


def test_a_concurrent_hold_stops_the_release(shop, monkeypatch):
    ref, append = shop.write_evaluation(), journal.append_entry

    def append_after_hold(store, entry_to_write):
        monkeypatch.undo()
        shop.hold_releases()
        append(store, entry_to_write)

    monkeypatch.setattr(journal, "append_entry", append_after_hold)
    with pytest.raises(JournalError, match=r"00000002\.json: another process wrote release 2 first"):
        shop.release(ref)
    assert shop.entry_kinds == ["release", "hold"]


def test_an_evaluation_on_a_missing_release_is_refused(shop):
    shop.hold_releases()
    ref = shop.write_evaluation()
    shop.store.local_path("releases/00000002.json").unlink()
    with pytest.raises(JournalError, match="was decided on release 2, which does not exist"):
        shop.release(ref)


# Rolled back


def test_a_rolled_back_bundle_is_not_released_automatically(shop):
    shop.roll_back_challenger()
    release_result = shop.release(shop.write_evaluation())
    assert (release_result.ref, shop.entry_kinds) == (None, ["release", "release", "rollback"])
    held_message = f"Held for a person: it was rolled back by {ROLLBACK_TEXT}. Otherwise: {GOOD_VERDICT.sentence}"
    assert release_result.value.sentence == held_message
    refusal, waits = (rule_result for rule_result in release_result.gate.results if not rule_result.passed)
    assert (refusal.rule.name, waits.rule.name) == ("challenger_may_serve", "no_bundle_waits_for_a_person")
    assert refusal.violations[0].message == (
        f'{held_message} A person can release it: `freshet release {shop.challenger[:12]} --why "…"`.'
    )
    assert (
        waits.violations[0].message
        == f"bundle {shop.challenger[:12]} waits for a person: it was rolled back by {ROLLBACK_TEXT}"
    )
    assert waits.fix_for(waits.violations[0]).startswith(
        'look at its evaluation, then run `freshet release BUNDLE --why "…"`'
    )


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"created_by": "another version", "lineage": LINEAGE}, True),
        ({"lineage": {"model": "trained once more"}}, True),
        ({"lineage": {"model": "trained once more"}, "parameters": {"hidden_dim": 7}}, False),
        ({"lineage": {"model": "trained once more"}, "created_by": "another version"}, False),
    ],
)
def test_a_rebuilt_bundle_of_a_rolled_back_model_counts_as_rolled_back(shop, changes, same):
    shop.roll_back_challenger()
    remade_bundle = shop.bundle("challenger", **changes)
    release_result = shop.release(shop.write_evaluation(remade_bundle))
    assert (release_result.ref is None) == same
    assert release_result.value.holds == ((
        f"it is the same model as bundle {shop.challenger[:12]}, which was rolled back by {ROLLBACK_TEXT}",
    ) if same else ())  # fmt: skip


# By name


def test_a_rolled_back_bundle_is_released_by_name_with_a_reason(shop):
    shop.roll_back_challenger()
    shop.write_evaluation()
    entry = shop.release_by_name()
    assert journal.champion_entry(shop.store) == entry
    assert (entry.number, entry.kind, entry.bundle) == (4, "release", shop.challenger)
    assert (entry.why, entry.by) == ("the tracker is mended", "bob")
    assert (
        entry.verdict == f"Released by name, although it was rolled back by {ROLLBACK_TEXT}. Otherwise: {BETTER_TEXT}."
    )
    assert entry.metrics == METRICS_TABLE
    assert journal.rolled_back_bundles(journal.read_entries(shop.store)) == {}


def test_a_held_bundle_is_released_by_name(shop):
    ref = shop.write_evaluation(verdict=add_holds(GOOD_VERDICT, ["it is too good to be true"]))
    assert shop.release(ref).ref is None
    entry = shop.release_by_name()
    assert entry.verdict == f"Released by name, although it is too good to be true. Otherwise: {BETTER_TEXT}."


def test_after_a_hold_the_last_evaluation_is_released_by_name(shop):
    shop.hold_releases()
    shop.write_evaluation()
    with pytest.raises(JournalError, match=r"held by ann since .*; end the hold first: `freshet release --resume`"):
        shop.release_by_name()
    shop.resume_releases()
    assert shop.release_by_name().verdict == GOOD_VERDICT.sentence


def test_a_copy_beside_the_evaluations_does_not_matter(shop):
    ref = shop.write_evaluation()
    shop.store.put("evaluations/a copy.json", shop.store.get(evaluation_path(ref.id)) + b" ")
    assert shop.release_by_name().bundle == shop.challenger


def test_a_rejected_bundle_is_not_released_by_name(shop):
    shop.write_evaluation(verdict=TOO_FEW_VERDICT)
    with pytest.raises(LakeError) as exc_info:
        shop.release_by_name()
    assert str(exc_info.value) == (
        f"{shop.store.root}/bundles/{shop.challenger}: it did not pass its evaluation, so it cannot be released: "
        f"{TOO_FEW_VERDICT.sentence}; train another model when more days have landed: a bundle is evaluated on its own "
        "training set's days only"
    )
    assert shop.entry_kinds == ["release"]


def test_the_evaluation_on_the_latest_release_counts(shop):
    shop.write_evaluation()
    journal.append_entry(shop.store, journal_entry(2, shop.champion))
    shop.write_evaluation(verdict=TOO_FEW_VERDICT)
    with pytest.raises(LakeError, match="it did not pass its evaluation"):
        shop.release_by_name()


def test_a_bundle_evaluated_on_an_older_release_is_not_released_by_name(shop):
    shop.write_evaluation()
    journal.append_entry(shop.store, journal_entry(2, shop.champion))
    with pytest.raises(JournalError) as exc_info:
        shop.release_by_name()
    assert str(exc_info.value) == (
        f"{shop.store.root}/bundles/{shop.challenger}: it was evaluated before release 2; evaluate it: run "
        "`dagster asset materialize -m pipelines.definitions --select evaluation` while it is the last bundle built"
    )


def test_the_error_for_a_just_replaced_bundle_suggests_a_rollback(shop):
    shop.write_evaluation()
    shop.roll_back_challenger()
    with pytest.raises(JournalError) as exc_info:
        shop.release_by_name()
    assert str(exc_info.value) == (
        f"{shop.store.root}/bundles/{shop.challenger}: it was evaluated before release 3 (rollback); go back to it: "
        '`freshet rollback --to 2 --why "…"`, or evaluate it: run '
        "`dagster asset materialize -m pipelines.definitions --select evaluation` while it is the last bundle built"
    )
    assert (
        roll_back(shop.store, shop.settings.cache_dir, 2, "the tracker is mended", "ann", NOW)[0].bundle
        == shop.challenger
    )


# What is released is opened first


@pytest.mark.parametrize("method", ["release", "by name"])
@pytest.mark.parametrize("damage", ["byte", "gone", "other answers"])
def test_a_bundle_damaged_after_its_evaluation_is_not_released(shop, method, damage):
    bundle = write_wrong_bundle(shop) if damage == "other answers" else shop.challenger
    ref = shop.write_evaluation(bundle)
    folder = shop.store.local_path(bundle_path(bundle))
    if damage == "byte":
        content = bytearray((folder / "item_embeddings.npy").read_bytes())
        content[-3] ^= 1
        (folder / "item_embeddings.npy").write_bytes(content)
    if damage == "gone":
        for path in folder.iterdir():
            path.unlink()
    with pytest.raises(BundleError) as exc_info:
        shop.release(ref) if method == "release" else shop.release_by_name(bundle)
    assert exc_info.value.what.endswith(f": bundle {bundle[:12]} was not released")
    assert exc_info.value.fix == (
        "build it again and evaluate it: run "
        "`dagster asset materialize -m pipelines.definitions --select bundle,evaluation,release`"
    )
    assert shop.entry_kinds == ["release"]


def test_an_edited_evaluation_is_not_released(shop):
    ref = shop.write_evaluation(verdict=TOO_FEW_VERDICT)
    path = evaluation_path(ref.id)
    shop.store.put(path, shop.store.get(path).replace(b'"released": false', b'"released": true'))
    for release in (lambda: shop.release(ref), shop.release_by_name):
        with pytest.raises(LakeError) as exc_info:
            release()
        assert str(exc_info.value) == (
            f"{shop.store.root}/{path}: has changed since it was written: its hash is not its name; evaluate the "
            "bundle again: run `dagster asset materialize -m pipelines.definitions --select evaluation`"
        )
    assert shop.entry_kinds == ["release"]


def test_a_contradictory_verdict_is_not_released(shop):
    ref = shop.write_evaluation(verdict=TOO_FEW_VERDICT.model_copy(update={"released": True}))
    with pytest.raises(LakeError, match="its verdict does not release it: Not released: only"):
        shop.release(ref)
    assert shop.entry_kinds == ["release"]


def test_an_edited_reference_is_not_released(shop):
    ref = shop.write_evaluation()
    with pytest.raises(LakeError, match=r"is of bundle .* on release 1, which differs from its reference"):
        shop.release(ref.model_copy(update={"decided_on": 0}))


def write_wrong_bundle(shop) -> str:
    """A bundle with valid hashes and golden requests of other weights."""
    folder = shop.folder / "other answers"
    tiny_bundle.write_bundle(folder, note="other answers")
    arrays = dict(np.load(folder / "golden.npz"))
    np.savez(folder / "golden.npz", **{**arrays, "vectors": arrays["vectors"][::-1] + 1})
    return shop.reseal(folder)

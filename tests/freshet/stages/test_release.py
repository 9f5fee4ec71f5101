"""The stage that releases, with real bundles, evaluation files and a journal. Judging: test_evaluation.py."""

import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from freshet.errors import BundleError, JournalError, LakeError
from freshet.judge.comparison import Evaluation
from freshet.judge.holds import hold
from freshet.judge.margins import Margin
from freshet.judge.verdict import Verdict
from freshet.live import journal
from freshet.live.holds import hold_releases, resume_releases
from freshet.live.journal import Entry, bundle_path
from freshet.live.manifest import MANIFEST, Manifest, seal
from freshet.live.rollback import roll_back
from freshet.references import BundleRef, EvaluationRef, ModelRef, TrainingSetRef
from freshet.settings import Settings
from freshet.stages.evaluation import Judged, evaluation_path
from freshet.stages.named_release import release_named
from freshet.stages.release import release_bundle
from freshet.store import Store, open_store
from tests import tiny_bundle

NOW = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
WHEN = "ann on 2026-11-28 (release 3): conversion fell"
LINEAGE = {"model": "m", "snapshots": {"training_set": 7}}
BETTER = "the new model is better than the model that serves now"
TABLE = {"challenger": {"ndcg@10": 0.31}, "champion": {"ndcg@10": 0.30}}
PASSED = Margin(against="champion", challenger=0.31, other=0.3, difference=0.01, lower=0.001, needed=0.0, passed=True)
GOOD = Verdict(released=True, rule="changed", sentence=f"Released: {BETTER} (900 baskets asked for).",
               reasons=(BETTER,), margins=(PASSED,), cases=900)  # fmt: skip
TOO_FEW = Verdict(released=False, rule="changed", sentence="Not released: only 9 baskets to ask for.",
                  reasons=("only 9 baskets to ask for",), margins=(), cases=9)  # fmt: skip


class Shop:
    """A lake with two bundles: `served`, which is release 1, and `made`, the challenger."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.settings = Settings(_env_file=None, lake=str(folder / "lake"), cache=folder / "cache")
        self.store: Store = open_store(self.settings.lake)
        self.served, self.made = self.bundle("served"), self.bundle("made", lineage=LINEAGE)
        journal.append(self.store, entry(1, self.served))

    def bundle(self, note: str, **changes) -> str:
        """A bundle of its own parameters, sealed with these changes, in the lake; returns its id."""
        folder = self.folder / f"{note} {len(changes)}"
        tiny_bundle.write_bundle(folder, note=note)
        return self.seal(folder, **changes)

    def seal(self, folder: Path, **changes) -> str:
        """The manifest over the files as they are now, with these changes."""
        sealed = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
        given = {name: getattr(sealed, name) for name in type(sealed).model_fields} | changes
        name = seal(folder, **{key: value for key, value in given.items() if key not in ("schema_version", "files")})
        self.store.put_folder(folder, bundle_path(name), MANIFEST)
        return name

    def judge(self, bundle: str = "", verdict: Verdict = GOOD) -> EvaluationRef:
        """An evaluation on the journal as it is now."""
        number = journal.length(self.store)
        table = Evaluation(cut=1, as_of=2, cases=verdict.cases, targets=1, unknown_targets=0, ks=(10,), table=TABLE,
                           slices={}, seconds={})  # fmt: skip
        kept = Judged(bundle=bundle or self.made, champion=self.served, decided_on=number, evaluation=table,
                      verdict=verdict)  # fmt: skip
        return self.write(kept.model_dump_json(indent=1).encode())

    def write(self, content: bytes) -> EvaluationRef:
        """An evaluation under its own hash."""
        name = hashlib.sha256(content).hexdigest()
        self.store.put(evaluation_path(name), content)
        said, data = json.loads(content), TrainingSetRef(as_of=date(2026, 1, 2), cut=date(2026, 1, 1), snapshots={})
        model = ModelRef(id="m", training_set=data, parameters={}, metrics={})
        return EvaluationRef(id=name, bundle=BundleRef(id=said["bundle"], model=model), decided_on=said["decided_on"])

    def release(self, ref: EvaluationRef):
        return release_bundle(self.store, ref, self.settings, by="dagster run 1234")

    def by_name(self, bundle: str = "") -> Entry:
        return release_named(self.store, self.settings, bundle or self.made, "the tracker is mended", "bob", NOW)

    def take_back(self) -> None:
        """The challenger was release 2, and ann rolled it back."""
        journal.append(self.store, entry(2, self.made))
        roll_back(self.store, self.settings.cache, None, "conversion fell", "ann", NOW)

    def hold(self) -> None:
        serves = journal.serving(self.store)
        hold_releases(self.store, journal.length(self.store), serves.bundle, "conversion fell", "ann", NOW)

    def resume(self) -> None:
        resume_releases(self.store, "", "ann", NOW)

    @property
    def kinds(self) -> list[str]:
        return [one.kind for one in journal.read(self.store)]


@pytest.fixture
def shop(tmp_path) -> Shop:
    return Shop(tmp_path)


def entry(number: int, bundle: str, kind: str = "release") -> Entry:
    return Entry(
        number=number, decided_on=number - 1, kind=kind, bundle=bundle, verdict="Released.", why="", at=NOW, by="test"
    )


# Held


def test_while_releases_are_held_nothing_is_released_and_the_run_is_green(shop):
    shop.hold()
    held = shop.release(shop.judge())
    assert (held.ref, held.message()) == (None, "")
    assert {finding.rule.name: finding.holds for finding in held.judgement.findings} == {
        "challenger_may_serve": True,
        "no_bundle_waits_for_a_person": True,
        "releases_are_open": False,
    }
    assert held.made.sentence == (
        "Not released: releases are held by ann since 2026-11-28 09:30 UTC: conversion fell. "
        f"Released: {BETTER} (900 baskets asked for)."
    )
    assert shop.kinds == ["release", "hold"]


def test_after_the_hold_what_was_judged_before_it_is_released(shop):
    ref = shop.judge()
    shop.hold()
    assert shop.release(ref).ref is None
    shop.resume()
    assert shop.release(ref).ref.id == "4"
    last = journal.current(shop.store)
    assert (last.number, last.decided_on, last.bundle) == (4, 3, shop.made)


def test_a_rollback_during_a_hold_makes_what_was_judged_before_it_old(shop):
    journal.append(shop.store, entry(2, shop.bundle("other")))
    ref = shop.judge()
    shop.hold()
    roll_back(shop.store, shop.settings.cache, 1, "conversion fell", "ann", NOW)
    shop.resume()
    with pytest.raises(JournalError, match=r"00000004\.json: another process wrote release 4 first; decide again"):
        shop.release(ref)


def test_a_hold_that_comes_while_it_is_written_wins(shop, monkeypatch):
    ref, append = shop.judge(), journal.append

    def held_meanwhile(store, one):
        monkeypatch.undo()
        shop.hold()
        append(store, one)

    monkeypatch.setattr(journal, "append", held_meanwhile)
    with pytest.raises(JournalError, match=r"00000002\.json: another process wrote release 2 first"):
        shop.release(ref)
    assert shop.kinds == ["release", "hold"]


def test_an_evaluation_of_a_journal_that_was_longer_is_refused(shop):
    shop.hold()
    ref = shop.judge()
    shop.store.local_path("releases/00000002.json").unlink()
    with pytest.raises(JournalError, match="was decided on release 2, which does not exist"):
        shop.release(ref)


# Taken back


def test_a_bundle_that_was_taken_back_is_not_released_again_by_itself(shop):
    shop.take_back()
    refused = shop.release(shop.judge())
    assert (refused.ref, shop.kinds) == (None, ["release", "release", "rollback"])
    held = f"Held for a person: it was taken back by {WHEN}. Otherwise: {GOOD.sentence}"
    assert refused.made.sentence == held
    refusal, waits = (one for one in refused.judgement.findings if not one.holds)
    assert (refusal.rule.name, waits.rule.name) == ("challenger_may_serve", "no_bundle_waits_for_a_person")
    assert refusal.culprits[0].finding == (
        f'{held} A person may still say so: `freshet release {shop.made[:12]} --why "…"`.'
    )
    assert waits.culprits[0].finding == f"bundle {shop.made[:12]} waits for a person: it was taken back by {WHEN}"
    assert waits.fix(waits.culprits[0]).startswith('look at its evaluation, then `freshet release BUNDLE --why "…"`')


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"created_by": "another version", "lineage": LINEAGE}, True),
        ({"lineage": {"model": "trained once more"}}, True),
        ({"lineage": {"model": "trained once more"}, "parameters": {"width": 7}}, False),
        ({"lineage": {"model": "trained once more"}, "created_by": "another version"}, False),
    ],
)
def test_the_same_model_made_once_more_counts_as_taken_back_and_another_does_not(shop, changes, same):
    shop.take_back()
    again = shop.bundle("made", **changes)
    done = shop.release(shop.judge(again))
    assert (done.ref is None) == same
    assert done.made.held == ((
        f"it is the same model as bundle {shop.made[:12]}, which was taken back by {WHEN}",
    ) if same else ())  # fmt: skip


# By name


def test_a_person_releases_by_name_what_was_taken_back_and_says_why(shop):
    shop.take_back()
    shop.judge()
    written = shop.by_name()
    assert journal.current(shop.store) == written
    assert (written.number, written.kind, written.bundle) == (4, "release", shop.made)
    assert (written.why, written.by) == ("the tracker is mended", "bob")
    assert written.verdict == f"Released by name, although it was taken back by {WHEN}. Otherwise: {BETTER}."
    assert written.metrics == TABLE
    assert journal.taken_back(journal.read(shop.store)) == {}


def test_a_person_releases_by_name_what_the_judge_holds(shop):
    ref = shop.judge(verdict=hold(GOOD, ["it is too good to be true"]))
    assert shop.release(ref).ref is None
    written = shop.by_name()
    assert written.verdict == f"Released by name, although it is too good to be true. Otherwise: {BETTER}."


def test_after_a_hold_the_last_evaluation_is_released_by_name(shop):
    shop.hold()
    shop.judge()
    with pytest.raises(JournalError, match=r"held by ann since .*; end the hold first: `freshet release --resume`"):
        shop.by_name()
    shop.resume()
    assert shop.by_name().verdict == GOOD.sentence


def test_a_copy_beside_the_evaluations_does_not_matter(shop):
    ref = shop.judge()
    shop.store.put("evaluations/a copy.json", shop.store.get(evaluation_path(ref.id)) + b" ")
    assert shop.by_name().bundle == shop.made


def test_what_was_not_judged_good_is_released_by_nobody(shop):
    shop.judge(verdict=TOO_FEW)
    with pytest.raises(LakeError) as caught:
        shop.by_name()
    assert str(caught.value) == (
        f"{shop.store.root}/bundles/{shop.made}: it was not judged good, so it cannot be released: "
        f"{TOO_FEW.sentence}; make another model when more days have landed: a bundle is judged on its own training "
        "set's days only"
    )
    assert shop.kinds == ["release"]


def test_of_several_evaluations_the_one_on_the_latest_release_counts(shop):
    shop.judge()
    journal.append(shop.store, entry(2, shop.served))
    shop.judge(verdict=TOO_FEW)
    with pytest.raises(LakeError, match="it was not judged good"):
        shop.by_name()


def test_what_was_judged_against_another_release_is_not_released_by_name(shop):
    shop.judge()
    journal.append(shop.store, entry(2, shop.served))
    with pytest.raises(JournalError) as caught:
        shop.by_name()
    assert str(caught.value) == (
        f"{shop.store.root}/bundles/{shop.made}: it was judged before release 2 served; judge it: run "
        "`dagster asset materialize -m pipelines.definitions --select evaluation` while it is the last bundle made"
    )


def test_what_was_just_taken_back_is_gone_back_to_and_not_released(shop):
    shop.judge()
    shop.take_back()
    with pytest.raises(JournalError) as caught:
        shop.by_name()
    assert str(caught.value) == (
        f"{shop.store.root}/bundles/{shop.made}: it was judged before release 3 (rollback) served; go back to it: "
        '`freshet rollback --to 2 --why "…"`, or judge it: run '
        "`dagster asset materialize -m pipelines.definitions --select evaluation` while it is the last bundle made"
    )
    assert roll_back(shop.store, shop.settings.cache, 2, "the tracker is mended", "ann", NOW)[0].bundle == shop.made


# What is released is opened first


@pytest.mark.parametrize("how", ["release", "by name"])
@pytest.mark.parametrize("damage", ["byte", "gone", "other answers"])
def test_a_bundle_that_is_damaged_after_it_was_judged_is_not_released(shop, how, damage):
    bundle = answering_otherwise(shop) if damage == "other answers" else shop.made
    ref = shop.judge(bundle)
    folder = shop.store.local_path(bundle_path(bundle))
    if damage == "byte":
        content = bytearray((folder / "item_vectors.npy").read_bytes())
        content[-3] ^= 1
        (folder / "item_vectors.npy").write_bytes(content)
    if damage == "gone":
        for path in folder.iterdir():
            path.unlink()
    with pytest.raises(BundleError) as caught:
        shop.release(ref) if how == "release" else shop.by_name(bundle)
    assert caught.value.what.endswith(f": bundle {bundle[:12]} was not released")
    assert caught.value.fix == (
        "make it again and judge it: run "
        "`dagster asset materialize -m pipelines.definitions --select bundle,evaluation,release`"
    )
    assert shop.kinds == ["release"]


def test_an_evaluation_that_was_edited_releases_nothing(shop):
    ref = shop.judge(verdict=TOO_FEW)
    path = evaluation_path(ref.id)
    shop.store.put(path, shop.store.get(path).replace(b'"released": false', b'"released": true'))
    for release in (lambda: shop.release(ref), shop.by_name):
        with pytest.raises(LakeError) as caught:
            release()
        assert str(caught.value) == (
            f"{shop.store.root}/{path}: has changed since it was written: its hash is not its name; judge the bundle "
            "again: run `dagster asset materialize -m pipelines.definitions --select evaluation`"
        )
    assert shop.kinds == ["release"]


def test_a_verdict_that_contradicts_itself_releases_nothing(shop):
    ref = shop.judge(verdict=TOO_FEW.model_copy(update={"released": True}))
    with pytest.raises(LakeError, match="its verdict does not release it: Not released: only"):
        shop.release(ref)
    assert shop.kinds == ["release"]


def test_a_reference_that_was_edited_releases_nothing(shop):
    ref = shop.judge()
    with pytest.raises(LakeError, match=r"is of bundle .* on release 1, its reference says otherwise"):
        shop.release(ref.model_copy(update={"decided_on": 0}))


def answering_otherwise(shop) -> str:
    """A bundle sealed whole, whose golden requests were answered by other weights."""
    folder = shop.folder / "other answers"
    tiny_bundle.write_bundle(folder, note="other answers")
    arrays = dict(np.load(folder / "golden.npz"))
    np.savez(folder / "golden.npz", **{**arrays, "vectors": arrays["vectors"][::-1] + 1})
    return shop.seal(folder)

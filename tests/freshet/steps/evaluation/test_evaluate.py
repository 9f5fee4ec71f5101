"""The asset `evaluation` on a real bundle, with a champion of another catalogue and a journal."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from freshet.data.day_numbers import day_number
from freshet.errors import JournalError
from freshet.evaluation.params import EvaluationParams
from freshet.inference.manifest import MANIFEST
from freshet.releases import journal
from freshet.releases.journal import JournalEntry, bundle_path
from freshet.steps.evaluation.evaluate import evaluate_bundle, is_same_configuration
from freshet.steps.evaluation.windows import first_evaluated_bundle, window_path
from freshet.steps.release.release import release_bundle
from freshet.store import Store, open_store
from tests import tiny_bundle

pytestmark = pytest.mark.spark

# How well so small a model does beside the baselines differs between processors, so the margin is wide.
FEW_PARAMS = EvaluationParams(min_cases=20, min_shoppers=10, bootstrap_samples=200, non_inferiority_margin=0.5)


def journal_entry(number: int, bundle: str, kind: str = "release") -> JournalEntry:
    return JournalEntry(
        number=number,
        decided_on=number - 1,
        kind=kind,
        bundle=bundle,
        verdict="Released: it was the first.",
        why="",
        at=datetime(2024, 3, 1, tzinfo=UTC),
        by="test",
    )


@pytest.fixture
def store(small_shop, tmp_path) -> Store:
    """The shop's bundle beside one whose vocabulary has none of its items; no release."""
    store = open_store(str(tmp_path / "store"))
    bundle_folder = bundle_path(small_shop.bundle.id)
    store.put_folder(small_shop.store.local_path(bundle_folder), bundle_folder, MANIFEST)
    other_bundle = tiny_bundle.write_bundle(tmp_path / "other")
    store.put_folder(tmp_path / "other", bundle_path(other_bundle), MANIFEST)
    return store


@pytest.fixture
def other_bundle(store, small_shop) -> str:
    """The bundle with another vocabulary."""
    return next(p.split("/")[1] for p in store.list("bundles") if p.split("/")[1] != small_shop.bundle.id)


def evaluate_small_shop(small_shop, store, params=FEW_PARAMS):
    return evaluate_bundle(small_shop.settings, store, small_shop.bundle, params)


def release_evaluated(small_shop, store, evaluation):
    return release_bundle(store, evaluation.ref, small_shop.settings, by="dagster run 1234")


def test_an_evaluation_stores_the_model_card_with_its_results(small_shop, store):
    evaluation = evaluate_small_shop(small_shop, store)
    card = store.get(f"evaluations/{evaluation.ref.id}.md").decode()
    assert card == evaluation.value.card
    assert f"**Verdict.** {evaluation.value.record.verdict.sentence}" in card
    assert "slice (NDCG@10)" in card
    assert "## Limits" in card


def test_without_a_champion_the_challenger_meets_both_baselines(small_shop, store):
    evaluation = evaluate_small_shop(small_shop, store)
    evaluation_record = evaluation.value.record
    assert (evaluation_record.champion, evaluation_record.decided_on, evaluation_record.verdict.rule) == (
        None,
        0,
        "first",
    )
    baselines = {"popular", "item-to-item", "sequential rules"}
    assert set(evaluation_record.evaluation.table) == {"challenger", *baselines, "encoder alone", "blend alone"}
    assert [margin.reference for margin in evaluation_record.verdict.margin_tests] == [
        "popular",
        "item-to-item",
        "sequential rules",
    ]


def test_champion_and_challenger_rank_the_same_cases(small_shop, store, other_bundle):
    journal.append_entry(store, journal_entry(1, other_bundle))
    evaluation = evaluate_small_shop(small_shop, store)
    scores = evaluation.value.comparison.scores
    assert {len(scores[name].n_targets) for name in scores} == {evaluation.value.record.evaluation.n_cases}
    assert (scores["champion"].n_targets == scores["challenger"].n_targets).all()
    assert (
        evaluation.value.record.evaluation.table["champion"]["ndcg@10"] < 0.1
    )  # all items are new to it: it has their content only
    assert (evaluation.value.record.champion, evaluation.value.record.decided_on) == (other_bundle, 1)


def test_a_better_challenger_becomes_the_journals_next_entry(small_shop, store, other_bundle):
    journal.append_entry(store, journal_entry(1, other_bundle))
    evaluation = evaluate_small_shop(small_shop, store)
    released = release_evaluated(small_shop, store, evaluation)
    assert released.ref.bundle == small_shop.bundle.id
    last = journal.champion_entry(store)
    assert (last.number, last.decided_on, last.kind, last.by) == (2, 1, "release", "dagster run 1234")
    assert last.verdict.startswith("Released: the new model is better than the released model (NDCG@10 0.")
    assert last.metrics["challenger"] == evaluation.value.record.evaluation.table["challenger"]


def test_a_rejected_challenger_adds_no_entry_and_does_not_fail_the_run(small_shop, store, other_bundle):
    journal.append_entry(store, journal_entry(1, other_bundle))
    evaluation = evaluate_small_shop(small_shop, store, EvaluationParams(min_cases=10_000))
    rejected = release_evaluated(small_shop, store, evaluation)
    assert (rejected.ref, rejected.message()) == (None, "")
    assert [finding.rule.name for finding in rejected.gate.results if not finding.passed] == ["challenger_may_serve"]
    assert rejected.value.sentence == (
        f"Not released: only {evaluation.value.record.evaluation.n_cases} held-out baskets, at least 10000 are "
        "needed. Train a new model when more days have landed, or hold out more days."
    )
    assert journal.entry_count(store) == 1


def test_a_journal_that_moved_on_meanwhile_refuses_the_release(small_shop, store, other_bundle):
    journal.append_entry(store, journal_entry(1, other_bundle))
    evaluation = evaluate_small_shop(small_shop, store)
    journal.append_entry(store, journal_entry(2, other_bundle, "rollback"))
    with pytest.raises(JournalError) as error:
        release_evaluated(small_shop, store, evaluation)
    assert str(error.value) == (
        f"{store.root}/releases/00000002.json: another process wrote release 2 first; "
        "decide again on the journal as it is now"
    )
    assert journal.champion_entry(store).kind == "rollback"


def test_a_second_model_on_the_same_days_waits_for_a_person(small_shop, store, other_bundle):
    journal.append_entry(store, journal_entry(1, other_bundle))
    first = evaluate_small_shop(small_shop, store).value.record
    assert first.verdict.released
    days = first.evaluation.as_of
    assert first_evaluated_bundle(store, other_bundle, days) == small_shop.bundle.id
    assert (
        evaluate_small_shop(small_shop, store).value.record.verdict == first.verdict
    )  # the same model may be evaluated again
    store.put(window_path(other_bundle, days), other_bundle.encode())
    second = evaluate_small_shop(small_shop, store)
    assert (second.value.record.verdict.passed, second.value.record.verdict.released) == (True, False)
    assert f"have already been used to evaluate bundle {other_bundle[:12]}" in second.value.record.verdict.holds[0]
    assert release_evaluated(small_shop, store, second).ref is None


def test_the_bundle_that_serves_already_is_not_released_again(small_shop, store):
    journal.append_entry(store, journal_entry(1, small_shop.bundle.id))
    evaluation = evaluate_small_shop(small_shop, store)
    rerun = release_evaluated(small_shop, store, evaluation)
    assert rerun.ref is None
    assert rerun.value.sentence == "Nothing to release: this bundle is already released, since release 1."
    assert "champion" not in evaluation.value.record.evaluation.table
    assert journal.entry_count(store) == 1
    assert (
        first_evaluated_bundle(store, small_shop.bundle.id, evaluation.value.record.evaluation.as_of) is None
    )  # no new model was evaluated


def test_a_rolled_back_bundle_is_held_and_its_card_gives_the_reason(small_shop, store, other_bundle):
    journal.append_entry(store, journal_entry(1, other_bundle))
    journal.append_entry(store, journal_entry(2, small_shop.bundle.id))
    journal.append_entry(
        store, journal_entry(3, other_bundle, "rollback").model_copy(update={"by": "ann", "why": "conversion fell"})
    )
    evaluation = evaluate_small_shop(small_shop, store)
    verdict = evaluation.value.record.verdict
    reason = "it was rolled back by ann on 2024-03-01 (release 3): conversion fell"
    assert (verdict.released, verdict.passed, verdict.holds) == (False, True, (reason,))
    assert verdict.sentence.startswith(f"Held for a person: {reason}. Otherwise: Released: ")
    assert f"**Verdict.** Held for a person: {reason}" in evaluation.value.card
    assert release_evaluated(small_shop, store, evaluation).ref is None
    assert journal.entry_count(store) == 3


def test_a_champion_that_does_not_load_is_an_error_and_not_a_zero(small_shop, store, other_bundle):
    journal.append_entry(store, journal_entry(1, small_shop.bundle.id))
    journal.append_entry(store, journal_entry(2, other_bundle))
    path = f"{bundle_path(other_bundle)}/item_embeddings.npy"
    original = store.get(path)
    store.put(path, original[:-4])
    with pytest.raises(JournalError) as error:
        evaluate_small_shop(small_shop, store)
    assert str(error.value) == (
        f"{store.root}/releases/00000002.json: its bundle {other_bundle[:12]} does not load ({store.root}/{path}: "
        f'it has {len(original) - 4} bytes instead of {len(original)}); run `freshet rollback --to 1 --why "…"`, '
        "or restore it from a backup of the lake"
    )
    assert store.list("evaluations") == ()


def test_a_champion_that_is_gone_names_the_rollback(small_shop, store, other_bundle):
    journal.append_entry(store, journal_entry(1, small_shop.bundle.id))
    journal.append_entry(store, journal_entry(2, other_bundle))
    store.local_path(f"{bundle_path(other_bundle)}/{MANIFEST}").unlink()
    with pytest.raises(JournalError) as error:
        evaluate_small_shop(small_shop, store)
    assert str(error.value) == (
        f"{store.root}/releases/00000002.json: names the bundle {other_bundle[:12]}, which is gone; "
        'run `freshet rollback --to 1 --why "…"`, or restore it from a backup of the lake'
    )


def test_a_lost_champion_without_an_earlier_release_leaves_the_baselines(small_shop, store, other_bundle):
    journal.append_entry(store, journal_entry(1, other_bundle))
    store.local_path(f"{bundle_path(other_bundle)}/{MANIFEST}").unlink()
    evaluation_record = evaluate_small_shop(small_shop, store).value.record
    assert (evaluation_record.champion, evaluation_record.decided_on, evaluation_record.verdict.rule) == (
        None,
        1,
        "first",
    )
    suffix = f" The released bundle is lost: release 1 names the bundle {other_bundle[:12]}, which is gone."
    assert evaluation_record.verdict.sentence.endswith(suffix)


def fake_ranker(**parameters: object) -> SimpleNamespace:
    return SimpleNamespace(bundle=SimpleNamespace(manifest=SimpleNamespace(parameters=parameters)))


def test_a_warm_start_is_not_another_configuration():
    champion = fake_ranker(hidden_dim=64, warm_start="off", warm_epochs=2)
    assert is_same_configuration(fake_ranker(hidden_dim=64, warm_start="auto", warm_epochs=1), champion)
    assert not is_same_configuration(fake_ranker(hidden_dim=128, warm_start="off", warm_epochs=2), champion)


@pytest.fixture
def third_bundle(store, tmp_path) -> str:
    """Another bundle of other items, of a model that has learned up to a day of the shop."""

    def write_bundle_until(train_until: str) -> str:
        name = tiny_bundle.write_bundle(tmp_path / "third", note="third", lineage={"train_until": train_until})
        store.put_folder(tmp_path / "third", bundle_path(name), MANIFEST)
        return name

    return write_bundle_until


def test_the_anchor_is_evaluated_beside_every_challenger(small_shop, store, other_bundle, third_bundle):
    journal.append_entry(store, journal_entry(1, other_bundle))
    journal.append_entry(store, journal_entry(2, third_bundle(str(small_shop.days[0]))))
    evaluation_record = evaluate_small_shop(small_shop, store).value.record
    assert list(evaluation_record.evaluation.table)[:3] == ["challenger", "champion", "anchor"]


def test_a_missing_anchor_is_reported_and_not_replaced(small_shop, store, other_bundle, third_bundle):
    journal.append_entry(store, journal_entry(1, other_bundle))
    journal.append_entry(store, journal_entry(2, third_bundle(str(small_shop.days[0]))))
    store.local_path(f"{bundle_path(other_bundle)}/{MANIFEST}").unlink()
    evaluation_record = evaluate_small_shop(small_shop, store).value.record
    assert "anchor" not in evaluation_record.evaluation.table
    assert evaluation_record.verdict.warnings[0].startswith("the anchor, release 1, was not evaluated (")


def test_days_of_the_champions_training_set_have_no_cases(small_shop, store, third_bundle):
    journal.append_entry(store, journal_entry(1, third_bundle(str(small_shop.days[-2]))))
    record = evaluate_small_shop(small_shop, store).value.record
    assert record.evaluation.train_until == day_number(small_shop.days[-2])
    assert record.verdict.warnings[0] == (
        f"only baskets after {small_shop.days[-2]} are evaluated, the last training day of the champion or the anchor"
    )


def test_the_gate_sees_the_cases_counted_twice(small_shop, store, other_bundle):
    journal.append_entry(store, journal_entry(1, other_bundle))
    evaluation = evaluate_small_shop(small_shop, store)
    holds = {finding.rule.name: finding.passed for finding in evaluation.gate.results}
    counted = ("cases_match_events", "nothing_leaked", "metrics_match_a_recount", "every_list_is_full")
    assert [holds[rule] for rule in counted] == [True] * 4

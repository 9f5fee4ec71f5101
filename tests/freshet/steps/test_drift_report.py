"""The drift report on a real lake: a champion trained on the first days, compared with the days after them."""

import shutil
from datetime import UTC, date, datetime, timedelta

import pytest

from freshet.data.day_numbers import day_number
from freshet.errors import BundleError
from freshet.inference.manifest import MANIFEST, BundleInfo, load_verified_manifest, write_manifest
from freshet.monitoring.params import DriftParams
from freshet.releases import journal
from freshet.releases.journal import JournalEntry, bundle_path
from freshet.steps.drift_report import DriftReport, html_path, make_drift_report, read_verdict, verdict_path
from freshet.store import Store, open_store

pytestmark = pytest.mark.spark

FEW_PARAMS = DriftParams(min_events=50, min_cases=10, bootstrap_samples=100)
STRICT_PARAMS = FEW_PARAMS.model_copy(
    update={"psi_limit": 1e-6, "baseline_multiplier": 1.0}
)  # no two days are that alike


def release_bundle(small_shop, store: Store, folder, lineage: dict) -> str:
    """Release the shop's bundle with another lineage."""
    bundle_folder = small_shop.store.local_path(bundle_path(small_shop.bundle.id))
    shutil.copytree(bundle_folder, folder)
    _, manifest = load_verified_manifest(folder)
    name = write_manifest(
        folder,
        BundleInfo(
            created_by="test",
            precision=manifest.precision,
            max_history=manifest.max_history,
            event_type=manifest.event_type,
            lineage=lineage,
            parameters=manifest.parameters,
            metrics=manifest.metrics,
        ),
    )
    store.put_folder(folder, bundle_path(name), MANIFEST)
    number = journal.entry_count(store) + 1
    at = datetime(2024, 3, 1, tzinfo=UTC)
    entry = JournalEntry(
        number=number, decided_on=number - 1, kind="release", bundle=name, verdict="", why="", at=at, by="test"
    )
    journal.append_entry(store, entry)
    return name


@pytest.fixture
def store(small_shop, tmp_path) -> Store:
    """A store with the shop's record of days and an empty journal; the tables are the shop's own."""
    shutil.copytree(f"{small_shop.settings.lake}/days", tmp_path / "store" / "days")
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def release_champion(small_shop, store, tmp_path):
    """Release a champion with these days of the shop in its lineage."""

    def release(train_until: int, as_of: int) -> str:
        days = small_shop.days
        return release_bundle(
            small_shop, store, tmp_path / "bundle", {"train_until": str(days[train_until]), "as_of": str(days[as_of])}
        )

    return release


def make_report(small_shop, store, params: DriftParams = FEW_PARAMS, today: date | None = None):
    report_day = small_shop.days[-1] + timedelta(days=1)
    return make_drift_report(small_shop.settings, store, params, today or report_day)


def failed_rules(result) -> list[str]:
    return [violation.message for rule in result.gate.results for violation in rule.violations]


def test_days_after_the_training_set_are_compared_with_its_training_days(small_shop, store, release_champion):
    bundle = release_champion(train_until=1, as_of=3)
    result = make_report(small_shop, store)
    verdict, days = result.value.verdict, small_shop.days
    assert (verdict.bundle, verdict.release) == (bundle, 1)
    assert verdict.reference == (days[0], days[1])
    assert verdict.current == (days[4], days[5])
    assert [column.name for column in verdict.columns if not column.reference or not column.current] == []
    assert len(verdict.columns) == 9
    assert verdict.unknown_share == 0.0  # its vocabulary has all items of the shop
    assert (result.ref.release, result.ref.last_day, result.ref.drifted) == (1, days[5], verdict.drifted)


def test_quality_is_measured_as_in_the_evaluation(small_shop, store, release_champion):
    from freshet.data.eval_cases import next_basket_cases
    from freshet.evaluation.evaluate import evaluate_cases
    from freshet.inference.ranker import open_ranker
    from freshet.releases.current import fetch_bundle
    from freshet.tables.reader import load_training_set

    bundle = release_champion(train_until=1, as_of=3)
    quality = make_report(small_shop, store).value.verdict.quality
    days = [day_number(day) for day in small_shop.days]
    data = load_training_set(small_shop.settings, small_shop.training_set)
    ranker = open_ranker(fetch_bundle(store, bundle, small_shop.settings.cache_dir))
    for start, end, expected_range, cases in (
        (days[1], days[3], quality.reference, quality.reference_cases),
        (days[3], days[5], quality.current, quality.current_cases),
    ):
        expected_cases = next_basket_cases(data.histories, start, end)
        assert cases == len(expected_cases)
        assert expected_range == pytest.approx(evaluate_cases(ranker, expected_cases).means()["ndcg@10"])


def test_quality_and_columns_are_compared_on_the_same_days(small_shop, store, release_champion):
    from freshet.data.eval_cases import next_basket_cases
    from freshet.tables.reader import load_training_set

    release_champion(train_until=1, as_of=2)
    verdict = make_report(small_shop, store, FEW_PARAMS.model_copy(update={"current_days": 2})).value.verdict
    days = small_shop.days
    assert verdict.current == (days[4], days[5])  # day 3 landed after the training set, too, but two days are enough
    histories = load_training_set(small_shop.settings, small_shop.training_set).histories
    cases = next_basket_cases(histories, day_number(days[3]), day_number(days[5]))
    assert verdict.quality.current_cases == len(cases)


def test_columns_are_not_compared_with_a_small_reference(small_shop, store, release_champion):
    from freshet.steps.drift_inputs import load_events

    release_champion(train_until=0, as_of=3)
    counts = [
        len(load_events(small_shop.settings, store, span, 10**6)) for span in (small_shop.days[:1], small_shop.days[4:])
    ]
    assert counts[0] < counts[1]
    verdict = make_report(small_shop, store, FEW_PARAMS.model_copy(update={"min_events": counts[1]})).value.verdict
    assert (verdict.columns, verdict.unknown_share) == ((), 0.0)
    assert (
        f"columns not compared: {counts[0]} events in the reference window, {counts[1]} are needed" in verdict.sentence
    )


def test_a_report_with_drift_is_published_with_a_warning(small_shop, store, release_champion):
    release_champion(train_until=1, as_of=3)
    result = make_report(small_shop, store, STRICT_PARAMS)
    verdict = result.value.verdict
    assert verdict.drifted
    assert failed_rules(result) == [verdict.sentence]
    assert result.gate.refusal_reasons() == {}  # a warning: the report is published
    assert verdict.sentence.startswith("The shop has drifted since release 1: ")
    assert read_verdict(store, result.ref.id) == verdict
    assert result.value.html_location == store.full_path(html_path(result.ref.id))
    assert b"Dataset Drift is detected" in store.get(html_path(result.ref.id))


def test_the_same_days_give_the_same_report(small_shop, store, release_champion):
    release_champion(train_until=1, as_of=3)
    assert make_report(small_shop, store).ref == make_report(small_shop, store).ref
    assert len(store.list("drift")) == 2  # the verdict and its page


def test_without_days_after_the_training_set_there_is_no_report_and_no_failure(small_shop, store, release_champion):
    release_champion(train_until=3, as_of=5)
    result = make_report(small_shop, store)
    assert (result.ref, result.value, result.message()) == (None, DriftReport(None), "")
    assert failed_rules(result) == [
        f"no complete day is published after {small_shop.days[5]}, the last in the data of release 1"
    ]
    assert store.list("drift") == ()


def test_an_incomplete_day_is_left_out(small_shop, store, release_champion):
    release_champion(train_until=1, as_of=3)
    verdict = make_report(small_shop, store, today=small_shop.days[5]).value.verdict
    assert verdict.current == (small_shop.days[4], small_shop.days[4])


def test_without_a_release_there_is_no_report(small_shop, store):
    result = make_report(small_shop, store)
    assert (result.ref, failed_rules(result)) == (None, ["there is no release yet"])


def test_missing_training_days_are_named(small_shop, store, tmp_path):
    lineage = {"cut": "2024-01-01", "as_of": str(small_shop.days[3])}
    release_bundle(small_shop, store, tmp_path / "old", lineage)
    assert failed_rules(make_report(small_shop, store)) == [
        "no published day is left up to 2024-01-01, the training days of release 1"
    ]


def test_too_few_events_and_baskets_are_named_and_no_drift(small_shop, store, release_champion):
    release_champion(train_until=1, as_of=3)
    strict_params = DriftParams(min_events=1_000_000, min_cases=1_000_000)
    result = make_report(small_shop, store, strict_params)
    verdict = result.value.verdict
    assert (verdict.columns, verdict.unknown_share, verdict.quality, verdict.drifted) == ((), None, None, False)
    assert "quality not compared: fewer than 1000000 baskets" in verdict.sentence
    assert (result.value.html_location, store.list("drift")) == (None, (verdict_path(result.ref.id),))


def test_a_large_shop_is_reduced_to_a_sample_of_its_shoppers(small_shop, store):
    from freshet.steps.drift_inputs import load_events, shopper_share

    days = small_shop.days
    all_events = load_events(small_shop.settings, store, days, 1_000_000)
    share = shopper_share(store, "events", days, len(all_events) // 2)
    sampled_events = load_events(small_shop.settings, store, days, len(all_events) // 2)
    assert share == pytest.approx(0.5, abs=0.001)
    assert 0.3 < len(sampled_events) / len(all_events) < 0.7


def test_a_bundle_without_a_training_set_in_its_manifest_is_an_error(small_shop, store, tmp_path):
    bundle = release_bundle(small_shop, store, tmp_path / "other", {})
    with pytest.raises(BundleError) as error:
        make_report(small_shop, store)
    assert str(error.value) == (
        f"bundle {bundle[:12]}: its manifest names no training set; release a bundle of the asset `bundle`"
    )


def test_the_current_days_are_compared_with_the_anchors_days_too(small_shop, store, tmp_path):
    days = small_shop.days
    for number, (train_until, as_of) in enumerate([(0, 1), (1, 2), (2, 3)]):
        release_bundle(
            small_shop,
            store,
            tmp_path / str(number),
            {"train_until": str(days[train_until]), "as_of": str(days[as_of])},
        )
    strict_params = FEW_PARAMS.model_copy(update={"anchor_psi_limit": 1e-6, "baseline_multiplier": 1.0})
    verdict = make_report(small_shop, store, strict_params).value.verdict
    assert verdict.release == 3
    assert verdict.reference == (days[0], days[2])
    assert (verdict.anchor, verdict.anchor_days) == (1, (days[0], days[0]))
    assert verdict.slow_reasons[0].startswith(f"since release 1 ({days[0]}) ")
    after = days[-1] + timedelta(days=1)
    settings = small_shop.settings.model_copy(update={"anchor_release": 2})
    drift_verdict = make_drift_report(settings, store, strict_params, after).value.verdict
    assert (drift_verdict.anchor, drift_verdict.anchor_days) == (2, (days[0], days[1]))


def test_the_anchor_itself_is_not_compared_with_its_own_days(small_shop, store, release_champion):
    release_champion(train_until=1, as_of=3)
    verdict = make_report(small_shop, store).value.verdict
    assert (verdict.anchor, verdict.anchor_columns, verdict.slow_reasons) == (None, (), ())

"""The drift verdict: what counts as drift, and its sentence."""

from datetime import date

from freshet.monitoring.params import DriftParams
from freshet.monitoring.quality import QualityDrift
from freshet.monitoring.verdict import DriftMeasurements, DriftVerdict, column_drifts, decide_drift

CALM_QUALITY = QualityDrift(
    reference=0.5,
    current=0.49,
    relative_drop=0.02,
    drop_lower_bound=-0.01,
    reference_cases=900,
    current_cases=400,
    degraded=False,
)
WORSE_QUALITY = QualityDrift(
    reference=0.5,
    current=0.4,
    relative_drop=0.2,
    drop_lower_bound=0.15,
    reference_cases=900,
    current_cases=400,
    degraded=True,
)
CATEGORY_SHARES = {
    "category": ({"shoes": 0.12, "books": 0.88}, {"shoes": 0.3, "books": 0.7}),
    "hour": ({"am": 1.0}, {"am": 1.0}),
}
LIMITS = {"category": 0.1, "hour": 0.15}
PARAMS = DriftParams()


def measurements(category: float = 0.02, **overrides: object) -> DriftMeasurements:
    fields = {
        "bundle": "b" * 64, "release": 3, "reference": (date(2024, 2, 1), date(2024, 2, 20)),
        "current": (date(2024, 3, 1), date(2024, 3, 2)), "current_events": 900, "unknown_share": 0.01,
        "quality": CALM_QUALITY,
        "columns": column_drifts({"hour": 0.01, "category": category}, LIMITS, CATEGORY_SHARES),
    }  # fmt: skip
    return DriftMeasurements(**(fields | overrides))


def test_a_verdict_without_drift_names_the_measurements():
    verdict = decide_drift(measurements(), PARAMS)
    assert (verdict.drifted, verdict.reasons) == (False, ())
    assert verdict.sentence == (
        "No drift since release 3 (NDCG@10 0.5000 → 0.4900, largest drift of 2 columns: category, PSI 0.02; "
        "2024-03-01…2024-03-02)."
    )


def test_a_drifted_column_is_named_with_its_psi_and_most_changed_value():
    verdict = decide_drift(measurements(category=0.31), PARAMS)
    assert verdict.drifted
    assert verdict.sentence == (
        "The shop has drifted since release 3: category drifted (PSI 0.31, limit 0.10; books 88% → 70%) "
        "(2024-03-01…2024-03-02)."
    )


def test_a_fall_of_quality_is_drift_without_a_drifted_column():
    verdict = decide_drift(measurements(quality=WORSE_QUALITY, current=(date(2024, 3, 1), date(2024, 3, 1))), PARAMS)
    assert verdict.drifted
    assert verdict.sentence == (
        "The shop has drifted since release 3: the champion's quality fell (NDCG@10 0.5000 → 0.4000, "
        "a fall of 20%, at least 15%) (2024-03-01)."
    )


def test_unknown_items_are_drift_above_the_limit():
    assert not decide_drift(measurements(unknown_share=0.2), PARAMS).drifted
    verdict = decide_drift(measurements(unknown_share=0.25), PARAMS)
    assert verdict.reasons == ("25% of the events have items that it does not know (limit 20%)",)


def test_too_few_events_and_baskets_are_no_drift_and_are_named():
    verdict = decide_drift(measurements(columns=(), unknown_share=None, quality=None, current_events=12), PARAMS)
    assert not verdict.drifted
    assert verdict.sentence == (
        "No drift since release 3 (quality not compared: fewer than 100 baskets, columns not compared: 12 events, "
        "500 are needed; 2024-03-01…2024-03-02)."
    )


def test_columns_are_sorted_by_their_psi_relative_to_the_limit():
    table = column_drifts({"hour": 0.12, "category": 0.09}, LIMITS, CATEGORY_SHARES)
    assert [(row.name, row.drifted) for row in table] == [("category", False), ("hour", False)]


def test_a_psi_of_exactly_the_limit_is_no_drift():
    assert not column_drifts({"category": 0.1}, LIMITS, CATEGORY_SHARES)[0].drifted


def test_a_verdict_is_read_as_it_was_stored():
    verdict = decide_drift(measurements(category=0.31, quality=WORSE_QUALITY), PARAMS)
    assert DriftVerdict.model_validate_json(verdict.model_dump_json()) == verdict


def test_drift_since_the_anchor_is_a_warning_only():
    slow = column_drifts({"hour": 0.01, "category": 0.41}, {"category": 0.25, "hour": 0.25}, CATEGORY_SHARES)
    days = (date(2023, 1, 1), date(2023, 1, 28))
    verdict = decide_drift(
        measurements(
            anchor_columns=slow,
            anchor=1,
            anchor_days=days,
            baseline_regression="release 9 is worse than ones before it",
        ),
        PARAMS,
    )
    assert (verdict.drifted, verdict.reasons) == (False, ())
    assert verdict.slow_reasons == (
        "since release 1 (2023-01-01…2023-01-28) category drifted (PSI 0.41, limit 0.25; books 88% → 70%)",
        "release 9 is worse than ones before it",
    )
    assert verdict.sentence.endswith(f" Warning: {verdict.slow_reasons[0]}. Warning: {verdict.slow_reasons[1]}.")


def test_an_implausible_rise_of_quality_is_a_warning_only():
    risen_quality = CALM_QUALITY.model_copy(update={"current": 0.65, "relative_drop": -0.3, "implausible_rise": True})
    verdict = decide_drift(measurements(quality=risen_quality), PARAMS)
    assert not verdict.drifted
    assert verdict.rise_reasons == (
        "the quality of an unchanged champion rose implausibly (NDCG@10 0.5000 → 0.6500): look for "
        "events that are written twice",
    )


def test_a_verdict_without_the_fields_of_later_versions_is_read():
    new_fields = {"anchor_columns", "baseline_regression", "anchor", "anchor_days", "slow_reasons", "rise_reasons"}
    verdict = decide_drift(measurements(), PARAMS)
    assert DriftVerdict.model_validate_json(verdict.model_dump_json(exclude=new_fields)) == verdict


def test_a_stored_verdict_is_read_under_its_former_field_names():
    stored = {
        "bundle": "b", "release": 3, "reference": ["2024-02-01", "2024-02-20"], "fresh": ["2024-03-01", "2024-03-02"],
        "fresh_events": 900, "unknown": 0.01, "slow": [], "loss": "worse", "drifted": True, "sentence": "Drift.",
        "reasons": ["hour drifted"], "slowly": ["worse"], "too_good": [],
        "columns": [
            {"name": "hour", "score": 0.3, "limit": 0.1, "drifted": True, "reference": {"am": 1}, "fresh": {"pm": 1}}
        ],
        "quality": {
            "before": 0.5, "fresh": 0.4, "fall": 0.2, "surely": 0.15, "cases_before": 900, "cases_fresh": 400,
            "fell": True, "rose": False,
        },
    }  # fmt: skip
    verdict = DriftVerdict.model_validate(stored)
    assert verdict.quality == WORSE_QUALITY
    assert (verdict.current_events, verdict.unknown_share, verdict.baseline_regression) == (900, 0.01, "worse")
    assert (verdict.columns[0].psi, verdict.columns[0].current, verdict.slow_reasons) == (0.3, {"pm": 1.0}, ("worse",))

"""The verdict: what counts as drift, and the sentence a person reads."""

from datetime import date

from freshet.monitoring.params import DriftParams
from freshet.monitoring.quality import QualityDrift
from freshet.monitoring.verdict import DriftMeasurements, DriftVerdict, column_drifts, decide

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
        "fresh": (date(2024, 3, 1), date(2024, 3, 2)), "fresh_events": 900, "unknown": 0.01, "quality": CALM_QUALITY,
        "columns": column_drifts({"hour": 0.01, "category": category}, LIMITS, CATEGORY_SHARES),
    }  # fmt: skip
    return DriftMeasurements(**(fields | overrides))


def test_a_shop_as_it_was_is_told_with_what_speaks_for_it():
    verdict = decide(measurements(), PARAMS)
    assert (verdict.drifted, verdict.reasons) == (False, ())
    assert verdict.sentence == (
        "The shop is as release 3 knows it (NDCG@10 0.5000 → 0.4900, of 2 columns category moved most, PSI 0.02; "
        "2024-03-01…2024-03-02)."
    )


def test_a_column_beyond_its_limit_is_named_with_figures_and_the_value_that_moved_most():
    verdict = decide(measurements(category=0.31), PARAMS)
    assert verdict.drifted
    assert verdict.sentence == (
        "The shop has drifted away from release 3: category drifted (PSI 0.31, limit 0.10; books 88% → 70%) "
        "(2024-03-01…2024-03-02)."
    )


def test_worse_answers_are_drift_even_where_no_column_moved():
    verdict = decide(measurements(quality=WORSE_QUALITY, fresh=(date(2024, 3, 1), date(2024, 3, 1))), PARAMS)
    assert verdict.drifted
    assert verdict.sentence == (
        "The shop has drifted away from release 3: the champion's answers have become worse (NDCG@10 0.5000 → 0.4000, "
        "a fall of 20%, surely more than 15%) (2024-03-01)."
    )


def test_items_that_the_champion_does_not_know_are_drift_above_the_limit():
    assert not decide(measurements(unknown=0.2), PARAMS).drifted
    verdict = decide(measurements(unknown=0.25), PARAMS)
    assert verdict.reasons == ("25% of the events are about items it does not know (limit 20%)",)


def test_too_few_events_and_baskets_are_no_drift_and_said():
    verdict = decide(measurements(columns=(), unknown=None, quality=None, fresh_events=12), PARAMS)
    assert not verdict.drifted
    assert verdict.sentence == (
        "The shop is as release 3 knows it (fewer than 100 baskets to ask the champion for, 12 events, 500 are needed "
        "to compare columns; 2024-03-01…2024-03-02)."
    )


def test_the_table_begins_with_what_is_nearest_to_its_limit():
    table = column_drifts({"hour": 0.12, "category": 0.09}, LIMITS, CATEGORY_SHARES)
    assert [(row.name, row.drifted) for row in table] == [("category", False), ("hour", False)]


def test_a_score_of_exactly_the_limit_is_no_drift():
    assert not column_drifts({"category": 0.1}, LIMITS, CATEGORY_SHARES)[0].drifted


def test_a_verdict_is_the_same_after_a_while_in_the_lake():
    from freshet.monitoring.verdict import DriftVerdict

    verdict = decide(measurements(category=0.31, quality=WORSE_QUALITY), PARAMS)
    assert DriftVerdict.model_validate_json(verdict.model_dump_json()) == verdict


def test_what_moved_since_the_anchors_days_is_a_warning_and_no_drift():
    slow = column_drifts({"hour": 0.01, "category": 0.41}, {"category": 0.25, "hour": 0.25}, CATEGORY_SHARES)
    days = (date(2023, 1, 1), date(2023, 1, 28))
    verdict = decide(
        measurements(slow=slow, anchor=1, anchor_days=days, loss="release 9 is worse than ones before it"), PARAMS
    )
    assert (verdict.drifted, verdict.reasons) == (False, ())
    assert verdict.slow_reasons == (
        "since release 1 (2023-01-01…2023-01-28) category drifted (PSI 0.41, limit 0.25; books 88% → 70%)",
        "release 9 is worse than ones before it",
    )
    assert verdict.sentence.endswith(f" Warning: {verdict.slow_reasons[0]}. Warning: {verdict.slow_reasons[1]}.")


def test_answers_that_became_better_by_themselves_are_too_good_and_no_drift():
    rose = CALM_QUALITY.model_copy(update={"fresh": 0.65, "fall": -0.3, "rose": True})
    verdict = decide(measurements(quality=rose), PARAMS)
    assert not verdict.drifted
    assert verdict.rise_reasons == (
        "the champion's answers have become better than they can by themselves (NDCG@10 0.5000 → 0.6500): look for "
        "events that are written twice",
    )


def test_a_verdict_of_before_reads_as_nothing_slow_and_nothing_too_good():
    new = {"slow", "loss", "anchor", "anchor_days", "slowly", "too_good"}
    old = decide(measurements(), PARAMS)
    assert DriftVerdict.model_validate_json(old.model_dump_json(exclude=new)) == old

"""Six weeks of counts of a shop, and days with one anomaly each. No Spark, no files."""

import json
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from freshet.anomalies.acceptance import Acceptance
from freshet.anomalies.comparison import ComparisonConfig, FirstSeenCounts, compare_days
from freshet.anomalies.limits import DEFAULT_LIMITS, parse_limits

FIRST_DAY = date(2024, 1, 1)  # a Monday
LAST_DAY = date(2024, 12, 31)
BAD_DAY = FIRST_DAY + timedelta(days=42)  # a Monday, too


def good_counts(day, seed=1, level=1.0):
    """The counts of a day: more at weekends, noise of a tenth, a catalogue of 600 items, guests."""
    rng = np.random.default_rng([seed, (day - FIRST_DAY).days])
    rows = int(2_000 * level * (1.3 if day.weekday() >= 5 else 1.0) * rng.normal(1, 0.08))
    views = int(rows * rng.normal(0.88, 0.01))
    purchases = int(rows * rng.normal(0.03, 0.003))
    users = rows // 8
    return {
        "rows": rows, "landed": rows + rows // 200, "files": 1, "skipped": 0, "quarantined": 3,
        "duplicate": rows // 250, "candidates": rows + rows // 200, "views": views, "purchases": purchases,
        "carts": rows - views - purchases - 2, "returns": 2, "with_user": int(rows * rng.normal(0.75, 0.04)),
        "with_session": rows, "sessions": int(rows / rng.normal(5.2, 0.4)), "distinct_times": int(rows * 0.97),
        "hours": 24,
        "old_events": 0, "priced": rows, "zero_prices": 0, "median_price": int(rng.normal(54e4, 3e4)),
        "huge_quantities": 0,
        "items": 380, "titled_items": 380, "max_item_events": int(rows * rng.uniform(0.02, 0.03)),
        "shoppers": rows // 6, "max_shopper_events": int(rows * rng.choice([0.02, 0.03, 0.08])), "users": users,
    }  # fmt: skip


def shop_counts(days=42, **overrides):
    return {day: good_counts(day, **overrides) for day in (FIRST_DAY + timedelta(days=n) for n in range(days))}


def name_arrivals(known_share=0.97, users=0.9, renamed_items=0, days=(BAD_DAY,)):
    """Counts of items and users that the first day had, too, and of those that are new."""
    return FirstSeenCounts(
        {day: {FIRST_DAY: int(2_000 * known_share), day: int(2_000 * (1 - known_share))} for day in days},
        {day: {FIRST_DAY: int(250 * users), day: int(250 * (1 - users))} for day in days},
        {day: {FIRST_DAY: 380 - renamed_items, day: renamed_items} if renamed_items else {} for day in days},
    )


PAST_COUNTS = {
    day: {**counts, "seen_item_events": int(counts["rows"] * 0.97), "compared_events": counts["rows"],
          "renamed_items": 0, "seen_users": int(counts["users"] * 0.9), "compared_users": counts["users"]}
    for day, counts in shop_counts().items()
}  # fmt: skip


def comparison_terms(limits="", acceptances=(), days=28, today=LAST_DAY):
    return ComparisonConfig(parse_limits(limits), days, acceptances, today)


def day_comparison(counts, past_counts=PAST_COUNTS, terms_=None, arrivals=None, day=BAD_DAY):
    terms_ = terms_ or comparison_terms()
    result = compare_days({day: counts}, past_counts, arrivals or name_arrivals(days=(day,)), terms_, lambda _: True)[
        day
    ]
    return {
        check: "refused" if result.factors[check] > limit.refuse else "warned"
        for check, limit in terms_.limits.items()
        if limit and result.factors[check] > limit.warn
    }


def bad_counts(**overrides):
    counts = good_counts(BAD_DAY)
    return {**counts, **{name: int(value(counts) if callable(value) else value) for name, value in overrides.items()}}


def scaled_counts(factor):
    """A day with a share of the events, or more of them."""
    unscaled = ("files", "hours", "median_price", "items", "titled_items")
    return {name: count if name in unscaled else int(count * factor) for name, count in good_counts(BAD_DAY).items()}


def with_rows(counts):
    return counts["rows"]


WRONG_DAYS = [
    ("a tenth of the events", scaled_counts(0.1), name_arrivals(), {"volume": "refused"}),
    ("ten times the events", scaled_counts(10), name_arrivals(), {"volume": "refused"}),
    ("half of the events", scaled_counts(0.5), name_arrivals(), {"volume": "warned"}),
    ("half of the hours", bad_counts(hours=12), name_arrivals(), {"volume": "warned"}),
    ("a header and no row", bad_counts(rows=0, landed=0, candidates=0), name_arrivals(), {"volume": "refused"}),
    (
        "every row skipped",
        bad_counts(rows=0, candidates=0, skipped=with_rows),
        name_arrivals(),
        {"volume": "refused", "skipped": "refused"},
    ),
    (
        "yesterday's file again",
        bad_counts(rows=0, duplicate=lambda c: c["candidates"] - 3),
        name_arrivals(),
        {"volume": "refused", "duplicates": "refused"},
    ),
    (
        "no purchase",
        bad_counts(purchases=0, carts=lambda c: c["carts"] + c["purchases"]),
        name_arrivals(),
        {"event_types": "refused"},
    ),
    (
        "all returns",
        bad_counts(views=0, carts=0, purchases=0, returns=with_rows),
        name_arrivals(),
        {"event_types": "refused"},
    ),
    ("no user", bad_counts(with_user=0), name_arrivals(), {"users": "refused"}),
    ("users of another hash", bad_counts(), name_arrivals(users=0), {"users": "refused"}),
    (
        "one user for all",
        bad_counts(max_shopper_events=with_rows, shoppers=1),
        name_arrivals(),
        {"shoppers": "refused"},
    ),
    (
        "half the day is one shopper's",
        bad_counts(max_shopper_events=lambda c: c["rows"] / 2),
        name_arrivals(),
        {"shoppers": "refused"},
    ),
    ("one session for all", bad_counts(sessions=1), name_arrivals(), {"sessions": "refused"}),
    ("no session", bad_counts(with_session=0, sessions=0), name_arrivals(), {"sessions": "refused"}),
    ("items of other ids", bad_counts(), name_arrivals(known_share=0), {"items": "refused"}),
    ("one item", bad_counts(max_item_events=with_rows, items=1, titled_items=1), name_arrivals(), {"items": "refused"}),
    ("ids dealt out anew", bad_counts(), name_arrivals(renamed_items=370), {"item_names": "refused"}),
    ("no title", bad_counts(titled_items=0), name_arrivals(), {"item_names": "refused"}),
    ("prices all 0", bad_counts(zero_prices=with_rows, median_price=0), name_arrivals(), {"prices": "refused"}),
    ("prices a hundredfold", bad_counts(median_price=54e6), name_arrivals(), {"prices": "refused"}),
    ("no price", bad_counts(priced=0, median_price=0), name_arrivals(), {"prices": "refused"}),
    ("a quantity of a billion", bad_counts(huge_quantities=1), name_arrivals(), {"quantities": "warned"}),
    ("all quantities a billion", bad_counts(huge_quantities=with_rows), name_arrivals(), {"quantities": "refused"}),
    (
        "all at midnight",
        bad_counts(distinct_times=1, hours=1),
        name_arrivals(),
        {"moments": "refused", "volume": "refused"},
    ),
    ("a clock a year behind", bad_counts(old_events=with_rows), name_arrivals(), {"moments": "refused"}),
]


@pytest.mark.parametrize(
    ("counts", "what", "expected"), [case[1:] for case in WRONG_DAYS], ids=[case[0] for case in WRONG_DAYS]
)
def test_an_anomaly_is_found_by_its_check(counts, what, expected):
    assert day_comparison(counts, arrivals=what) == expected


@pytest.mark.parametrize("seed", range(5))
def test_no_day_of_a_good_or_growing_shop_is_flagged(seed):
    days = {
        day: good_counts(day, seed, level=1.01**n)
        for n, day in enumerate(FIRST_DAY + timedelta(days=n) for n in range(120))
    }
    results = compare_days(days, {}, name_arrivals(days=tuple(days)), comparison_terms(), lambda _: True)
    assert {day: result.messages for day, result in results.items() if any(result.messages.values())} == {}


def test_a_campaign_of_twice_the_events_is_a_warning():
    assert day_comparison(scaled_counts(2.2)) == {"volume": "warned"}


def test_a_weekend_is_compared_with_weekends():
    closed_days = {
        day: {**counts, "rows": 90 if day.weekday() == 6 else counts["rows"]} for day, counts in PAST_COUNTS.items()
    }
    sunday = BAD_DAY + timedelta(days=6)
    assert day_comparison({**good_counts(sunday), "rows": 95}, past_counts=closed_days, day=sunday) == {}
    assert day_comparison({**good_counts(BAD_DAY), "rows": 95}, past_counts=closed_days)["volume"] == "refused"


def test_the_message_names_the_value_the_usual_value_and_the_reference_days():
    result = compare_days(
        {BAD_DAY: {**good_counts(BAD_DAY), "rows": 150}},
        PAST_COUNTS,
        name_arrivals(),
        comparison_terms(),
        lambda _: True,
    )[BAD_DAY]
    typical_rows = int(np.median([PAST_COUNTS[BAD_DAY - timedelta(days=7 * n)]["rows"] for n in (1, 2, 3, 4)]))
    assert result.messages["volume"] == f"events 150, usually {typical_rows:,} (4 Mondays before)"


def test_a_new_shop_is_checked_with_fixed_limits_only():
    young = {day: PAST_COUNTS[day] for day in sorted(PAST_COUNTS)[:4]}
    day = max(young) + timedelta(days=1)
    one_item_each = {**scaled_counts(1), "items": scaled_counts(1)["rows"]}
    assert day_comparison(scaled_counts(10), past_counts=young, day=day) == {}
    assert day_comparison(
        {**scaled_counts(1), "max_shopper_events": scaled_counts(1)["rows"]}, past_counts=young, day=day
    ) == {"shoppers": "refused"}
    assert day_comparison(one_item_each, past_counts={}) == {"items": "refused"}
    assert day_comparison({**scaled_counts(1), "duplicate": scaled_counts(1)["candidates"] - 1}, past_counts={}) == {
        "duplicates": "refused"
    }
    assert day_comparison({**scaled_counts(1), "distinct_times": 1}, past_counts={}) == {"moments": "warned"}
    assert day_comparison({**scaled_counts(1), "old_events": scaled_counts(1)["rows"]}, past_counts={}) == {
        "moments": "warned"
    }
    assert day_comparison({**scaled_counts(1), "sessions": 1}, past_counts={}) == {"sessions": "refused"}


def test_the_comparison_starts_with_five_days_and_that_of_volume_with_seven():
    days = sorted(PAST_COUNTS)
    no_user = {**scaled_counts(0.1), "with_user": 0}
    assert day_comparison(no_user, past_counts={day: PAST_COUNTS[day] for day in days[:5]}, day=days[5]) == {
        "users": "refused"
    }
    week = day_comparison(no_user, past_counts={day: PAST_COUNTS[day] for day in days[:7]}, day=days[7])
    assert week == {"users": "refused", "volume": "refused"}


def test_very_small_days_are_not_compared():
    tiny = {name: 20 if name == "rows" else min(count, 20) for name, count in good_counts(BAD_DAY).items()}
    assert day_comparison({**tiny, "max_shopper_events": 20, "max_item_events": 20}, past_counts={}) == {}


def test_a_refused_day_is_no_reference_day():
    days = [BAD_DAY + timedelta(days=n) for n in range(3)]
    renamed_items = FirstSeenCounts({day: {BAD_DAY: 2_000} for day in days}, name_arrivals(days=days).users, {})
    results = compare_days(
        {day: good_counts(day) for day in days}, PAST_COUNTS, renamed_items, comparison_terms(), lambda _: True
    )
    assert [results[day].counts["seen_item_events"] for day in days] == [0, 0, 0]
    assert all(results[day].factors["items"] > DEFAULT_LIMITS["items"].refuse for day in days)


def test_a_persistent_fault_stays_refused():
    days = [BAD_DAY + timedelta(days=n) for n in range(60)]
    dear = {day: {**good_counts(day), "median_price": good_counts(day)["median_price"] * 100} for day in days}
    results = compare_days(dear, PAST_COUNTS, name_arrivals(days=tuple(days)), comparison_terms(), lambda _: True)
    limit = comparison_terms().limits["prices"]
    assert limit is not None
    assert [day for day in days if results[day].factors["prices"] <= limit.refuse] == []


def test_a_day_refused_by_another_rule_is_no_reference_day():
    days = [BAD_DAY, BAD_DAY + timedelta(days=1)]
    first_met = FirstSeenCounts({days[0]: {days[0]: 2_000}, days[1]: {days[0]: 500, FIRST_DAY: 1_500}})
    results = compare_days(
        {day: good_counts(day) for day in days}, PAST_COUNTS, first_met, comparison_terms(), lambda day: day != BAD_DAY
    )
    assert results[days[1]].counts["seen_item_events"] == 1_500


def test_a_title_of_a_refused_day_stays_new():
    days = [BAD_DAY + timedelta(days=n) for n in range(3)]
    names = {days[0]: {days[0]: 380}, days[1]: {days[0]: 380}, days[2]: {FIRST_DAY: 1}}
    arrivals = name_arrivals(days=days)
    results = compare_days(
        {day: good_counts(day) for day in days},
        PAST_COUNTS,
        FirstSeenCounts(arrivals.item_events, arrivals.users, names),
        comparison_terms(),
        bool,
    )
    assert [results[day].counts["renamed_items"] for day in days] == [380, 380, 0]


def acceptance(day, onwards=False):
    return Acceptance(day=day, onwards=onwards, why="campaign", by="ann", at=datetime(2024, 3, 1, tzinfo=UTC))


def test_items_seen_before_are_counted_from_the_third_day():
    days = sorted(PAST_COUNTS)[:3]
    results = compare_days(
        {day: good_counts(day) for day in days}, {}, name_arrivals(days=tuple(days)), comparison_terms(), lambda _: True
    )
    assert ["seen_item_events" in results[day].counts for day in days] == [False, False, True]


def test_an_accepted_day_is_a_reference_day_and_keeps_its_messages():
    days = [BAD_DAY, BAD_DAY + timedelta(days=1)]
    accepted_terms = comparison_terms(acceptances=[acceptance(BAD_DAY)])
    first_met = FirstSeenCounts({days[0]: {BAD_DAY: 2_000}, days[1]: {BAD_DAY: 2_000}})
    results = compare_days(
        {day: good_counts(day) for day in days}, PAST_COUNTS, first_met, accepted_terms, lambda _: True
    )
    assert (results[BAD_DAY].accepted, results[days[1]].accepted) == (True, False)
    assert results[BAD_DAY].messages["items"] == "events on items seen before 0.0%, usually 97.0% (28 days before)"
    assert results[days[1]].counts["seen_item_events"] == 2_000


def test_a_new_level_needs_one_acceptance_and_is_the_reference_after_a_week():
    days = {BAD_DAY + timedelta(days=n): good_counts(BAD_DAY + timedelta(days=n), level=10) for n in range(10)}
    old = compare_days(days, PAST_COUNTS, name_arrivals(days=tuple(days)), comparison_terms(), lambda _: True)
    new = compare_days(
        days,
        PAST_COUNTS,
        name_arrivals(days=tuple(days)),
        comparison_terms(acceptances=[acceptance(BAD_DAY, onwards=True)]),
        lambda _: True,
    )
    assert sum(result.factors["volume"] > 5 for result in old.values()) == 10
    assert [day for day, one in new.items() if any(one.messages.values())] == []
    eighth = BAD_DAY + timedelta(days=8)
    back = compare_days({**days, eighth: good_counts(eighth)}, PAST_COUNTS, name_arrivals(days=tuple(days)),
                   comparison_terms(acceptances=[acceptance(BAD_DAY, onwards=True)]), lambda _: True)  # fmt: skip
    assert back[eighth].factors["volume"] > 5


def test_a_day_that_is_not_over_may_have_few_events():
    morning = {**scaled_counts(0.1), "with_user": 0, "hours": 3}
    afternoon = {**scaled_counts(0.6), "with_user": 0, "hours": 15}
    assert day_comparison(morning, terms_=comparison_terms(today=BAD_DAY)) == {}
    assert day_comparison(afternoon, terms_=comparison_terms(today=BAD_DAY)) == {"users": "refused"}
    assert day_comparison(scaled_counts(10), terms_=comparison_terms(today=BAD_DAY)) == {"volume": "refused"}


def test_a_day_without_landed_rows_is_not_compared():
    zero_counts = dict.fromkeys(good_counts(BAD_DAY), 0)
    assert day_comparison(zero_counts) == {}


def test_a_day_with_unreadable_files_is_not_compared():
    assert day_comparison(bad_counts(rows=0, landed=0, hours=0, upstream_missing=1)) == {}


def test_a_check_can_be_turned_off_and_its_factors_changed():
    assert day_comparison(scaled_counts(0.1), terms_=comparison_terms("volume:off")) == {}
    assert day_comparison(scaled_counts(0.1), terms_=comparison_terms("volume:2:50")) == {"volume": "warned"}


def test_metrics_that_old_records_lack_are_not_compared():
    older_counts = {
        day: {"rows": counts["rows"], "shoppers": counts["shoppers"]} for day, counts in PAST_COUNTS.items()
    }
    assert day_comparison({**scaled_counts(0.1), "with_user": 0}, past_counts=older_counts) == {"volume": "refused"}


def test_a_year_is_compared_in_a_second_with_plain_numbers():
    days = {day: good_counts(day) for day in (FIRST_DAY + timedelta(days=n) for n in range(100))}
    results = compare_days(days, {}, name_arrivals(days=tuple(days)), comparison_terms(), lambda _: True)
    assert json.loads(json.dumps([result.factors for result in results.values()]))[99]["volume"] == 1.0

"""A shop of plain counts over six weeks, and days that differ from it in one thing each. No Spark, no files."""

import json
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from freshet.past.acceptance import Acceptance
from freshet.past.comparison import Met, Terms, compare
from freshet.past.limits import DEFAULTS, parse_limits

FIRST = date(2024, 1, 1)  # a Monday
TODAY = date(2024, 12, 31)
BAD = FIRST + timedelta(days=42)  # a Monday, too


def good(day, seed=1, level=1.0):
    """The counts of a day: more at weekends, noise of a tenth, a catalogue of 600 items, guests."""
    rng = np.random.default_rng([seed, (day - FIRST).days])
    rows = int(2_000 * level * (1.3 if day.weekday() >= 5 else 1.0) * rng.normal(1, 0.08))
    views = int(rows * rng.normal(0.88, 0.01))
    purchases = int(rows * rng.normal(0.03, 0.003))
    users = rows // 8
    return {
        "rows": rows, "landed": rows + rows // 200, "files": 1, "skipped": 0, "quarantined": 3,
        "duplicate": rows // 250, "candidates": rows + rows // 200, "views": views, "purchases": purchases,
        "carts": rows - views - purchases - 2, "returns": 2, "with_user": int(rows * rng.normal(0.75, 0.04)),
        "with_session": rows, "sessions": int(rows / rng.normal(5.2, 0.4)), "instants": int(rows * 0.97), "hours": 24,
        "late": 0, "priced": rows, "free": 0, "median_price": int(rng.normal(54e4, 3e4)), "huge_quantities": 0,
        "items": 380, "titled_items": 380, "largest_item": int(rows * rng.uniform(0.02, 0.03)),
        "shoppers": rows // 6, "largest_shopper": int(rows * rng.choice([0.02, 0.03, 0.08])), "users": users,
    }  # fmt: skip


def shop(days=42, **more):
    return {day: good(day, **more) for day in (FIRST + timedelta(days=n) for n in range(days))}


def met(known=0.97, users=0.9, renamed=0, days=(BAD,)):
    """What the days hold that the first day had met already, and what they met first themselves."""
    return Met(
        {day: {FIRST: int(2_000 * known), day: int(2_000 * (1 - known))} for day in days},
        {day: {FIRST: int(250 * users), day: int(250 * (1 - users))} for day in days},
        {day: {FIRST: 380 - renamed, day: renamed} if renamed else {} for day in days},
    )


PAST = {
    day: {**counts, "known_events": int(counts["rows"] * 0.97), "compared_events": counts["rows"],
          "renamed_items": 0, "known_users": int(counts["users"] * 0.9), "compared_users": counts["users"]}
    for day, counts in shop().items()
}  # fmt: skip


def terms(limits="", accepted=(), days=28, today=TODAY):
    return Terms(parse_limits(limits), days, accepted, today)


def judged(counts, past=PAST, how=None, what=None, day=BAD):
    how = how or terms()
    result = compare({day: counts}, past, what or met(days=(day,)), how, lambda _: True)[day]
    return {
        truth: "refused" if result.off[truth] > limit.refuse else "warned"
        for truth, limit in how.limits.items()
        if limit and result.off[truth] > limit.warn
    }


def bad(**changes):
    counts = good(BAD)
    return {**counts, **{name: int(value(counts) if callable(value) else value) for name, value in changes.items()}}


def scaled(factor):
    """A day with a share of the events, or more of them."""
    same = ("files", "hours", "median_price", "items", "titled_items")
    return {name: count if name in same else int(count * factor) for name, count in good(BAD).items()}


def rows(counts):
    return counts["rows"]


WRONG = [
    ("a tenth of the events", scaled(0.1), met(), {"volume": "refused"}),
    ("ten times the events", scaled(10), met(), {"volume": "refused"}),
    ("half of the events", scaled(0.5), met(), {"volume": "warned"}),
    ("half of the hours", bad(hours=12), met(), {"volume": "warned"}),
    ("a header and no row", bad(rows=0, landed=0, candidates=0), met(), {"volume": "refused"}),
    ("every row skipped", bad(rows=0, candidates=0, skipped=rows), met(), {"volume": "refused", "skipped": "refused"}),
    ("yesterday's file again", bad(rows=0, duplicate=lambda c: c["candidates"] - 3), met(),
     {"volume": "refused", "duplicates": "refused"}),
    ("no purchase", bad(purchases=0, carts=lambda c: c["carts"] + c["purchases"]), met(), {"event_types": "refused"}),
    ("all returns", bad(views=0, carts=0, purchases=0, returns=rows), met(), {"event_types": "refused"}),
    ("no user", bad(with_user=0), met(), {"users": "refused"}),
    ("users of another hash", bad(), met(users=0), {"users": "refused"}),
    ("one user for all", bad(largest_shopper=rows, shoppers=1), met(), {"shoppers": "refused"}),
    ("half the day is one shopper's", bad(largest_shopper=lambda c: c["rows"] / 2), met(), {"shoppers": "refused"}),
    ("one session for all", bad(sessions=1), met(), {"sessions": "refused"}),
    ("no session", bad(with_session=0, sessions=0), met(), {"sessions": "refused"}),
    ("items of other ids", bad(), met(known=0), {"items": "refused"}),
    ("one item", bad(largest_item=rows, items=1, titled_items=1), met(), {"items": "refused"}),
    ("ids dealt out anew", bad(), met(renamed=370), {"item_names": "refused"}),
    ("no title", bad(titled_items=0), met(), {"item_names": "refused"}),
    ("prices all 0", bad(free=rows, median_price=0), met(), {"prices": "refused"}),
    ("prices a hundredfold", bad(median_price=54e6), met(), {"prices": "refused"}),
    ("no price", bad(priced=0, median_price=0), met(), {"prices": "refused"}),
    ("a quantity of a billion", bad(huge_quantities=1), met(), {"quantities": "warned"}),
    ("all quantities a billion", bad(huge_quantities=rows), met(), {"quantities": "refused"}),
    ("all at midnight", bad(instants=1, hours=1), met(), {"moments": "refused", "volume": "refused"}),
    ("a clock a year behind", bad(late=rows), met(), {"moments": "refused"}),
]  # fmt: skip


@pytest.mark.parametrize(("counts", "what", "expected"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_a_day_that_differs_in_one_thing_is_seen_by_the_truth_it_breaks(counts, what, expected):
    assert judged(counts, what=what) == expected


@pytest.mark.parametrize("seed", range(5))
def test_no_day_of_a_good_shop_with_weekends_is_flagged_and_growth_is_none_either(seed):
    days = {day: good(day, seed, level=1.01**n) for n, day in enumerate(FIRST + timedelta(days=n) for n in range(120))}
    results = compare(days, {}, met(days=tuple(days)), terms(), lambda _: True)
    assert {day: one.says for day, one in results.items() if any(one.says.values())} == {}


def test_a_campaign_of_twice_the_events_is_warned_of_and_published():
    assert judged(scaled(2.2)) == {"volume": "warned"}


def test_a_weekend_is_compared_with_weekends():
    closed = {day: {**counts, "rows": 90 if day.weekday() == 6 else counts["rows"]} for day, counts in PAST.items()}
    sunday = BAD + timedelta(days=6)
    assert judged({**good(sunday), "rows": 95}, past=closed, day=sunday) == {}
    assert judged({**good(BAD), "rows": 95}, past=closed)["volume"] == "refused"


def test_what_is_said_names_the_figure_the_usual_one_and_the_days_compared_with():
    result = compare({BAD: {**good(BAD), "rows": 150}}, PAST, met(), terms(), lambda _: True)[BAD]
    usual = int(np.median([PAST[BAD - timedelta(days=7 * n)]["rows"] for n in (1, 2, 3, 4)]))
    assert result.says["volume"] == f"events 150, usually {usual:,} (4 Mondays before)"


def test_a_shop_of_a_few_days_is_judged_by_what_is_wrong_anywhere_only():
    young = {day: PAST[day] for day in sorted(PAST)[:4]}
    day = max(young) + timedelta(days=1)
    one_item_each = {**scaled(1), "items": scaled(1)["rows"]}
    assert judged(scaled(10), past=young, day=day) == {}
    assert judged({**scaled(1), "largest_shopper": scaled(1)["rows"]}, past=young, day=day) == {"shoppers": "refused"}
    assert judged(one_item_each, past={}) == {"items": "refused"}
    assert judged({**scaled(1), "duplicate": scaled(1)["candidates"] - 1}, past={}) == {"duplicates": "refused"}
    assert judged({**scaled(1), "instants": 1}, past={}) == {"moments": "warned"}
    assert judged({**scaled(1), "late": scaled(1)["rows"]}, past={}) == {"moments": "warned"}
    assert judged({**scaled(1), "sessions": 1}, past={}) == {"sessions": "refused"}


def test_comparing_begins_with_five_days_and_that_of_volume_with_a_week():
    days = sorted(PAST)
    no_user = {**scaled(0.1), "with_user": 0}
    assert judged(no_user, past={day: PAST[day] for day in days[:5]}, day=days[5]) == {"users": "refused"}
    week = judged(no_user, past={day: PAST[day] for day in days[:7]}, day=days[7])
    assert week == {"users": "refused", "volume": "refused"}


def test_days_of_a_shop_that_somebody_tries_out_are_not_judged():
    tiny = {name: 20 if name == "rows" else min(count, 20) for name, count in good(BAD).items()}
    assert judged({**tiny, "largest_shopper": 20, "largest_item": 20}, past={}) == {}


def test_a_refused_day_of_a_range_is_no_past_of_the_days_after_it():
    days = [BAD + timedelta(days=n) for n in range(3)]
    renamed = Met({day: {BAD: 2_000} for day in days}, met(days=days).users, {})
    results = compare({day: good(day) for day in days}, PAST, renamed, terms(), lambda _: True)
    assert [results[day].counts["known_events"] for day in days] == [0, 0, 0]
    assert all(results[day].off["items"] > DEFAULTS["items"].refuse for day in days)


def test_a_fault_that_lasts_is_refused_for_as_long_as_it_lasts():
    days = [BAD + timedelta(days=n) for n in range(60)]
    dear = {day: {**good(day), "median_price": good(day)["median_price"] * 100} for day in days}
    results = compare(dear, PAST, met(days=tuple(days)), terms(), lambda _: True)
    limit = terms().limits["prices"]
    assert limit is not None
    assert [day for day in days if results[day].off["prices"] <= limit.refuse] == []


def test_a_day_that_another_rule_refuses_is_no_past_either():
    days = [BAD, BAD + timedelta(days=1)]
    first_met = Met({days[0]: {days[0]: 2_000}, days[1]: {days[0]: 500, FIRST: 1_500}})
    results = compare({day: good(day) for day in days}, PAST, first_met, terms(), lambda day: day != BAD)
    assert results[days[1]].counts["known_events"] == 1_500


def test_a_name_that_a_refused_day_brought_stays_new_and_the_old_one_is_right_again():
    days = [BAD + timedelta(days=n) for n in range(3)]
    names = {days[0]: {days[0]: 380}, days[1]: {days[0]: 380}, days[2]: {FIRST: 1}}
    what = met(days=days)
    results = compare({day: good(day) for day in days}, PAST, Met(what.item_events, what.users, names), terms(), bool)
    assert [results[day].counts["renamed_items"] for day in days] == [380, 380, 0]


def accepted(day, onwards=False):
    return Acceptance(day=day, onwards=onwards, why="campaign", who="ann", at=datetime(2024, 3, 1, tzinfo=UTC))


def test_the_first_two_days_of_a_shop_say_nothing_of_what_was_met_before():
    days = sorted(PAST)[:3]
    results = compare({day: good(day) for day in days}, {}, met(days=tuple(days)), terms(), lambda _: True)
    assert ["known_events" in results[day].counts for day in days] == [False, False, True]


def test_an_accepted_day_becomes_past_and_says_what_is_unusual_all_the_same():
    days = [BAD, BAD + timedelta(days=1)]
    how = terms(accepted=[accepted(BAD)])
    first_met = Met({days[0]: {BAD: 2_000}, days[1]: {BAD: 2_000}})
    results = compare({day: good(day) for day in days}, PAST, first_met, how, lambda _: True)
    assert (results[BAD].accepted, results[days[1]].accepted) == (True, False)
    assert results[BAD].says["items"] == "events on items met before 0.0%, usually 97.0% (28 days before)"
    assert results[days[1]].counts["known_events"] == 2_000


def test_a_new_level_needs_one_acceptance_and_is_usual_after_a_week():
    days = {BAD + timedelta(days=n): good(BAD + timedelta(days=n), level=10) for n in range(10)}
    old = compare(days, PAST, met(days=tuple(days)), terms(), lambda _: True)
    new = compare(days, PAST, met(days=tuple(days)), terms(accepted=[accepted(BAD, onwards=True)]), lambda _: True)
    assert sum(one.off["volume"] > 5 for one in old.values()) == 10
    assert [day for day, one in new.items() if any(one.says.values())] == []
    eighth = BAD + timedelta(days=8)
    back = compare({**days, eighth: good(eighth)}, PAST, met(days=tuple(days)),
                   terms(accepted=[accepted(BAD, onwards=True)]), lambda _: True)  # fmt: skip
    assert back[eighth].off["volume"] > 5


def test_a_day_that_is_not_over_may_have_few_events_and_is_judged_by_its_shares_later():
    morning = {**scaled(0.1), "with_user": 0, "hours": 3}
    afternoon = {**scaled(0.6), "with_user": 0, "hours": 15}
    assert judged(morning, how=terms(today=BAD)) == {}
    assert judged(afternoon, how=terms(today=BAD)) == {"users": "refused"}
    assert judged(scaled(10), how=terms(today=BAD)) == {"volume": "refused"}


def test_a_day_on_which_nothing_landed_is_not_compared():
    nothing = dict.fromkeys(good(BAD), 0)
    assert judged(nothing) == {}


def test_a_day_whose_files_could_not_be_read_is_not_compared():
    assert judged(bad(rows=0, landed=0, hours=0, upstream_missing=1)) == {}


def test_a_truth_that_is_switched_off_is_not_judged_and_factors_can_be_changed():
    assert judged(scaled(0.1), how=terms("volume:off")) == {}
    assert judged(scaled(0.1), how=terms("volume:2:50")) == {"volume": "warned"}


def test_days_recorded_by_an_older_freshet_lack_most_figures_and_only_the_others_are_compared():
    older = {day: {"rows": counts["rows"], "shoppers": counts["shoppers"]} for day, counts in PAST.items()}
    assert judged({**scaled(0.1), "with_user": 0}, past=older) == {"volume": "refused"}


def test_a_year_is_compared_within_moments_and_everything_is_plain_numbers():
    days = {day: good(day) for day in (FIRST + timedelta(days=n) for n in range(100))}
    results = compare(days, {}, met(days=tuple(days)), terms(), lambda _: True)
    assert json.loads(json.dumps([one.off for one in results.values()]))[99]["volume"] == 1.0

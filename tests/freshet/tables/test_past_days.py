"""Three weeks of a shop through the gate of `events`, with bad days among them, in one run."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from freshet.past.acceptance import accept
from freshet.tables import features, schemas
from tests import tiny_lake
from tests.world import HEADER

pytestmark = pytest.mark.spark

FIRST = date(2024, 3, 4)
GOOD = [FIRST + timedelta(days=n) for n in range(10)]
TYPES = ["view"] * 16 + ["cart"] * 3 + ["purchase"]


def lines(day, rows=240, items=40, users=60, seed=0):
    """The columns of a day's file, a list for each name of the header, in the order of time."""
    rng = np.random.default_rng([seed, day.toordinal()])
    item, user = rng.integers(0, items, rows), rng.integers(0, users, rows)
    moments = np.sort(rng.integers(0, 86_400, rows))
    return {
        "id": [f"{day}-{n}" for n in range(rows)],
        "at": [f"{day} {m // 3600:02}:{m // 60 % 60:02}:{m % 60:02}" for m in moments],
        "who": [f"u{n}" for n in user],
        "visit": [f"s{day}-{n}" for n in user],
        "item": [f"i{n}" for n in item],
        "kind": list(rng.choice(TYPES, rows)),
        "pieces": ["1"] * rows,
        "price": [f"{5 + n}.50" for n in item],
        "title": [f"Thing number {n}" for n in item],
        "category": ["things"] * rows,
    }


def csv(columns):
    rows = [",".join(row) for row in zip(*columns.values(), strict=True)]
    return HEADER + "\n".join(rows) + "\n"


def every(name, change):
    """The day with one column changed: a value, or what a function makes of the old ones."""

    def change_day(day):
        columns = lines(day)
        new = [change(old, day) if callable(change) else change for old in columns[name]]
        return {**columns, name: new}

    return change_day


BAD = {
    "volume_is_as_usual": lambda day: lines(day, rows=20),
    "duplicates_are_as_usual": lambda day: lines(GOOD[-1]),
    "event_types_are_as_usual": every("kind", "return"),
    "users_are_as_usual": every("who", lambda old, day: f"{old}-{day}"),
    "shoppers_are_as_usual": every("who", "null"),
    "sessions_are_as_usual": every("visit", "s1"),
    "items_are_as_usual": every("item", lambda old, day: "new" + old),  # and the same new ids on the next such day
    "item_names_are_as_usual": every("title", lambda old, day: f"Thing number {(int(old[13:]) + 7) % 40}"),
    "prices_are_as_usual": every("price", "0"),
    "quantities_are_plausible": every("pieces", "1000000000"),
    "moments_are_as_usual": every("at", lambda old, day: f"2023-{old[5:]}"),
}
DAYS = {rule: GOOD[-1] + timedelta(days=1 + n) for n, rule in enumerate(BAD)}
AFTER = max(DAYS.values()) + timedelta(days=1)
AGAIN = AFTER + timedelta(days=1)


@pytest.fixture(scope="module")
def lake(spark, tmp_path_factory):
    settings = tiny_lake.shop(tmp_path_factory.mktemp("past"))
    own = tiny_lake.session_on(spark, settings)
    files = {day: csv(lines(day)) for day in (*GOOD, AFTER)}
    files |= {DAYS[rule]: csv(columns(DAYS[rule])) for rule, columns in BAD.items()}
    files[AGAIN] = csv(BAD["items_are_as_usual"](AGAIN))
    for day, text in files.items():
        tiny_lake.deliver(settings, day, {"a.csv": text})
    return own, settings


@pytest.fixture(scope="module")
def publication(lake):
    own, settings = lake
    run = tiny_lake.day_run(own, settings, [*GOOD, *DAYS.values(), AFTER, AGAIN])
    events = tiny_lake.run_events(run)["events"]
    run.from_events(schemas.ITEMS, features.items, "items", None)
    run.from_events(schemas.USER_FEATURES, features.user_features, "rows", None)
    return events


@pytest.mark.parametrize("rule", BAD)
def test_a_bad_day_within_a_range_breaks_its_rule_and_is_not_published(publication, rule):
    finding = next(one for one in publication.judgement.findings if one.rule.name == rule)
    assert str(DAYS[rule]) in [culprit.where for culprit in finding.culprits if culprit.stops]
    assert DAYS[rule] not in publication.published


def test_good_days_among_them_are_published_and_a_refused_day_makes_nothing_known(publication):
    assert publication.published == (*GOOD, AFTER)
    assert publication.profile.at[AGAIN, "known_events"] == 0
    assert publication.profile.at[AFTER, "known_events"] == 240


def test_a_day_alone_is_compared_with_the_days_that_were_published_before(lake, publication):
    own, settings = lake
    day = DAYS["items_are_as_usual"]
    run = tiny_lake.day_run(own, settings, [day])
    (why,) = tiny_lake.run_events(run)["events"].refused.values()
    assert why == [
        f"events on items met before 0.0%, usually 100.0% ({len(GOOD) - 2} days before); "
        "mend the export and land it again; where the day is right as it is, accept it with "
        f"`freshet days accept {day} --why REASON` and run it again"
    ]
    accept(run.store, day, "all items are new", datetime(2024, 4, 1, tzinfo=UTC))
    again = tiny_lake.run_events(run)["events"]
    assert (again.published, again.message()) == ((day,), "")
    warned = [f.rule.name for f in again.judgement.findings if f.culprits and f.rule.pardon]
    assert warned == ["items_are_as_usual"]

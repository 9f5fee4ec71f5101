"""Three weeks of a shop through the gate of `events` in one run, some days with an anomaly."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from freshet.anomalies.acceptance import accept
from freshet.features import daily
from freshet.tables import schemas
from tests import tiny_lake
from tests.gate_cases import refusal_reason
from tests.world import HEADER

pytestmark = pytest.mark.spark

FIRST_DAY = date(2024, 3, 4)
GOOD_DAYS = [FIRST_DAY + timedelta(days=n) for n in range(10)]
EVENT_TYPE_MIX = ["view"] * 16 + ["cart"] * 3 + ["purchase"]


def day_columns(day, rows=240, items=40, users=60, seed=0):
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
        "kind": list(rng.choice(EVENT_TYPE_MIX, rows)),
        "pieces": ["1"] * rows,
        "price": [f"{5 + n}.50" for n in item],
        "title": [f"Thing number {n}" for n in item],
        "category": ["things"] * rows,
    }


def csv_text(columns):
    rows = [",".join(row) for row in zip(*columns.values(), strict=True)]
    return HEADER + "\n".join(rows) + "\n"


def change_column(name, change):
    """The day with one column changed: a value, or what a function makes of the old ones."""

    def change_day(day):
        columns = day_columns(day)
        new = [change(old, day) if callable(change) else change for old in columns[name]]
        return {**columns, name: new}

    return change_day


BAD_DAY_KINDS = {
    "volume_is_as_usual": lambda day: day_columns(day, rows=20),
    "duplicates_are_as_usual": lambda day: day_columns(GOOD_DAYS[-1]),
    "event_types_are_as_usual": change_column("kind", "return"),
    "users_are_as_usual": change_column("who", lambda old, day: f"{old}-{day}"),
    "shoppers_are_as_usual": change_column("who", "null"),
    "sessions_are_as_usual": change_column("visit", "s1"),
    "items_are_as_usual": change_column(
        "item", lambda old, day: "new" + old
    ),  # and the same new ids on the next such day
    "item_names_are_as_usual": change_column("title", lambda old, day: f"Thing number {(int(old[13:]) + 7) % 40}"),
    "prices_are_as_usual": change_column("price", "0"),
    "quantities_are_plausible": change_column("pieces", "1000000000"),
    "moments_are_as_usual": change_column("at", lambda old, day: f"2023-{old[5:]}"),
}
BAD_DAYS = {rule: GOOD_DAYS[-1] + timedelta(days=1 + n) for n, rule in enumerate(BAD_DAY_KINDS)}
DAY_AFTER = max(BAD_DAYS.values()) + timedelta(days=1)
SECOND_DAY_AFTER = DAY_AFTER + timedelta(days=1)


@pytest.fixture(scope="module")
def lake(spark, tmp_path_factory):
    settings = tiny_lake.shop_settings(tmp_path_factory.mktemp("past"))
    session = tiny_lake.lake_session(spark, settings)
    files = {day: csv_text(day_columns(day)) for day in (*GOOD_DAYS, DAY_AFTER)}
    files |= {BAD_DAYS[rule]: csv_text(columns(BAD_DAYS[rule])) for rule, columns in BAD_DAY_KINDS.items()}
    files[SECOND_DAY_AFTER] = csv_text(BAD_DAY_KINDS["items_are_as_usual"](SECOND_DAY_AFTER))
    for day, text in files.items():
        tiny_lake.deliver_files(settings, day, {"a.csv": text})
    return session, settings


@pytest.fixture(scope="module")
def publish_result(lake):
    session, settings = lake
    run = tiny_lake.day_run(session, settings, [*GOOD_DAYS, *BAD_DAYS.values(), DAY_AFTER, SECOND_DAY_AFTER])
    events = tiny_lake.run_events(run)["events"]
    run.publish_from_events(schemas.ITEMS, daily.items, "items", None)
    run.publish_from_events(schemas.USER_FEATURES, daily.user_features, "rows", None)
    return events


@pytest.mark.parametrize("rule", BAD_DAY_KINDS)
def test_a_bad_day_within_a_range_breaks_its_rule_and_is_not_published(publish_result, rule):
    result = next(rule_result for rule_result in publish_result.gate_report.results if rule_result.rule.name == rule)
    assert str(BAD_DAYS[rule]) in [violation.where for violation in result.violations if violation.is_blocking]
    assert BAD_DAYS[rule] not in publish_result.published


def test_good_days_are_published_and_items_of_a_refused_day_stay_unseen(publish_result):
    assert publish_result.published == (*GOOD_DAYS, DAY_AFTER)
    assert publish_result.profile.at[SECOND_DAY_AFTER, "seen_item_events"] == 0
    assert publish_result.profile.at[DAY_AFTER, "seen_item_events"] == 240


def test_a_single_day_is_compared_with_days_published_in_earlier_runs(lake, publish_result):
    session, settings = lake
    day = BAD_DAYS["items_are_as_usual"]
    run = tiny_lake.day_run(session, settings, [day])
    (reason,) = tiny_lake.run_events(run)["events"].refused.values()
    assert reason == [
        refusal_reason(
            "events",
            "items_are_as_usual",
            where=str(day),
            items_message=f"events on items seen before 0.0%, usually 100.0% ({len(GOOD_DAYS) - 2} days before)",
        )
    ]
    accept(run.store, day, "all items are new", datetime(2024, 4, 1, tzinfo=UTC))
    rerun = tiny_lake.run_events(run)["events"]
    assert (rerun.published, rerun.message()) == ((day,), "")
    warned = [f.rule.name for f in rerun.gate_report.results if f.violations and f.rule.waiver_column]
    assert warned == ["items_are_as_usual"]

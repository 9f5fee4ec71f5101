"""Deliveries of many days in any order: copies, rewrites, withdrawals, single days, ranges, killed runs.

Several shops share one lake. Their days are farther apart than the look-back, so that one run serves all shops. The
expected rows are computed here, without Spark.
"""

import random
import shutil
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pytest

from freshet.data.pseudonym import pseudonym
from freshet.features import daily
from freshet.features.deduplication import publish_events
from freshet.ingest.mapping.source_mapping import read_mapping
from freshet.landing import EVENTS_PREFIX as LANDING
from freshet.tables.schemas import HISTORIES
from tests import tiny_lake
from tests.world import HEADER, KEY

pytestmark = [pytest.mark.drill, pytest.mark.spark]

LOOKBACK_DAYS = 2
N_DAYS = 5  # of every shop
N_STEPS = 4
N_RANDOM_SHOPS = 10
Row = tuple[str, str, str]  # event id, item ("" breaks the contract), kind (`ping` is no event)


@dataclass
class LandingPlan:
    """Files by (day, name); for every step what changes in them and which days are run, table by table."""

    first_day: date
    files: dict[tuple[int, str], list[Row]] = field(default_factory=dict)

    def day(self, number: int) -> date:
        return self.first_day + timedelta(days=number)

    def expected_events(self) -> dict[int, list[tuple[Row, str, int]]]:
        """Day → its events with file and row: a valid row is one unless an earlier copy landed within the look-back."""
        last_seen: dict[str, int] = {}
        events_by_day = defaultdict(list)
        for (day, name), rows in sorted(self.files.items()):
            for number, row in enumerate(rows, start=1):
                if row[1] == "" or row[2] == "ping":
                    continue
                if day - last_seen.get(row[0], -99) > LOOKBACK_DAYS:
                    events_by_day[day].append((row, name, number))
                last_seen[row[0]] = day
        return events_by_day


def random_row(rng: random.Random) -> Row:
    return f"e{rng.randrange(12)}", rng.choice(["mug", "pen", "cup", ""]), rng.choice(["view", "view", "ping"])


def change_file(shop: LandingPlan, rng: random.Random) -> int:
    """Deliver, rewrite or withdraw a file of some day; the day."""
    day, name = rng.randrange(N_DAYS), rng.choice("abc")
    if (day, name) in shop.files and rng.random() < 0.4:
        del shop.files[day, name]
    else:
        shop.files[day, name] = [random_row(rng) for _ in range(rng.randrange(1, 7))]
    return day


def random_plan(shop: LandingPlan, rng: random.Random) -> list[tuple[set[int], ...]]:
    """Per step the days of (raw_events, quarantined_events, events, histories) to run, after changing files.

    A killed run leaves out the later tables. The last step runs what is left and, always, the day in the middle.
    """
    waiting: set[int] = set(range(N_DAYS))
    for step in range(N_STEPS):
        waiting |= {change_file(shop, rng) for _ in range(rng.randrange(1, 4) if step < N_STEPS - 1 else 1)}
        days = {day for day in waiting if rng.random() < 0.6} if step < N_STEPS - 1 else waiting | {N_DAYS // 2}
        waiting -= days
        tables = 4 if step == N_STEPS - 1 else rng.choice([1, 2, 3, 4, 4, 4])
        yield tuple(days if number < tables else set() for number in range(4))


def many_rows(day: int) -> list[Row]:
    return [(f"d{day}.{number}", "mug", "view") for number in range(200)]


def late_copies_plan(shop: LandingPlan):
    """100 events of day 3 land under day 1, too, when all days have been run; then they are removed."""
    shop.files = {(day, "a"): many_rows(day) for day in range(N_DAYS)}
    yield (set(range(N_DAYS)),) * 4
    shop.files[1, "late"] = many_rows(3)[:100]
    yield ({1},) * 4
    del shop.files[1, "late"]
    yield ({1},) * 4
    yield (set(),) * 4


def backwards_plan(shop: LandingPlan):
    """Every day delivers 39 events of the day before again; the days are run singly, the last one first."""
    shop.files = {(day, "a"): many_rows(day) + (many_rows(day - 1)[:39] if day else []) for day in range(N_STEPS)}
    for day in reversed(range(N_STEPS)):
        yield ({day},) * 4


@dataclass(frozen=True)
class RunHistory:
    """The shops and, for every step, the events that each of them had (all days) and should have had."""

    shops: list[LandingPlan]
    counts: list[list[tuple[int, int]]]
    spark: object
    settings: object


def land_files(settings, shop: LandingPlan) -> None:
    for number in range(N_DAYS):
        shutil.rmtree(Path(settings.lake) / LANDING / f"dt={shop.day(number)}", ignore_errors=True)
    for (day, name), rows in shop.files.items():
        at = f"{shop.day(day)} 09:00:00"
        lines = [f"{shop.first_day}.{id_},{at},ann,,{item},{kind},,,,\n" for id_, item, kind in rows]
        tiny_lake.deliver_files(settings, shop.day(day), {f"{name}.csv": HEADER + "".join(lines)})


def run_days(spark, settings, days: list[list[date]]) -> None:
    raw, quarantined, events, histories_run = (
        tiny_lake.day_run(spark, settings, table_days) if table_days else None for table_days in days
    )
    if raw:
        raw.publish_raw_events(read_mapping(settings.mapping), KEY)
    if quarantined:
        assert quarantined.publish_quarantined_events().message() == ""
    if events:
        assert publish_events(events).message() == ""
    if histories_run:
        assert histories_run.publish_from_events(HISTORIES, daily.histories, "rows", None).message() == ""


@pytest.fixture(scope="module")
def run_history(spark, tmp_path_factory):
    # No day is refused for what it holds; and the shops lie behind one another, but none is the past of the next.
    setting_values = {
        "dedup_lookback_days": LOOKBACK_DAYS,
        "max_invalid_share": 1.0,
        "max_skipped_share": 1.0,
        "anomaly_window_days": 0,
    }
    settings = tiny_lake.shop_settings(tmp_path_factory.mktemp("order"), **setting_values)
    session = tiny_lake.lake_session(spark, settings)
    shops = [LandingPlan(date(2024, 2, 1) + timedelta(days=10 * number)) for number in range(N_RANDOM_SHOPS + 2)]
    plans = [late_copies_plan(shops[0]), backwards_plan(shops[1])]
    plans += [random_plan(shop, random.Random(number)) for number, shop in enumerate(shops[2:])]
    counts = []
    for _ in range(N_STEPS):
        steps = [next(plan) for plan in plans]
        for shop in shops:
            land_files(settings, shop)
        shop_steps = list(zip(shops, steps, strict=True))
        run_days(
            session,
            settings,
            [[shop.day(n) for shop, step in shop_steps for n in sorted(step[table])] for table in range(4)],
        )
        rows = session.table("lake.shop.events").groupBy("landing_date").count().collect()
        by_day = {row.landing_date: row["count"] for row in rows}
        counts.append(
            [
                (
                    sum(by_day.get(shop.day(n), 0) for n in range(N_DAYS)),
                    sum(map(len, shop.expected_events().values())),
                )
                for shop in shops
            ]
        )
    return RunHistory(shops, counts, session, settings)


def test_copies_under_an_older_day_neither_double_nor_lose_events(run_history):
    assert [step[0] for step in run_history.counts] == [(1000, 1000)] * N_STEPS


def test_days_run_singly_from_the_last_to_the_first_hold_every_event_once(run_history):
    assert run_history.counts[-1][1] == (800, 800)


def test_after_any_order_of_runs_events_are_those_of_one_clean_range(run_history):
    rows = (
        run_history.spark.table("lake.shop.events")
        .select("event_id", "landing_date", "source_file", "source_row")
        .collect()
    )
    should = {
        (f"{shop.first_day}.{row[0]}", shop.day(day), f"dt={shop.day(day)}/{name}.csv", number)
        for shop in run_history.shops
        for day, events in shop.expected_events().items()
        for row, name, number in events
    }
    assert Counter(tuple(row) for row in rows) == Counter(should)


def test_after_any_order_of_runs_histories_match_events(run_history):
    rows = run_history.spark.table("lake.shop.histories").collect()
    items_by_shopper = {(row.shopper, row.landing_date): [event.item_id for event in row.events] for row in rows}
    ann = pseudonym(KEY, "user", "ann")
    assert items_by_shopper == {
        (ann, shop.day(day)): [row[1] for row, _, _ in sorted(events, key=lambda entry: entry[1:])]
        for shop in run_history.shops
        for day, events in shop.expected_events().items()
    }

"""Deliveries of many days in any order: copies, rewrites, withdrawals, single days, ranges, runs that were killed.

Several shops share one lake, each on days of its own and farther from the others than anything looks back, so that one
run serves them all. What must come out is worked out here, without Spark.
"""

import random
import shutil
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pytest

from freshet.landing import EVENTS as LANDING
from freshet.pseudonym import pseudonym
from freshet.tables import features
from freshet.tables.mapping import read
from freshet.tables.schemas import HISTORIES
from tests import tiny_lake
from tests.world import HEADER, KEY

pytestmark = [pytest.mark.drill, pytest.mark.spark]

LOOKBACK = 2
DAYS = 5  # of every shop
STEPS = 4
RANDOM_SHOPS = 10
Row = tuple[str, str, str]  # event id, item ("" breaks the contract), kind (`ping` is no event)


@dataclass
class Shop:
    """Files by (day, name); for every step what changes in them and which days are run, table by table."""

    first: date
    files: dict[tuple[int, str], list[Row]] = field(default_factory=dict)

    def day(self, number: int) -> date:
        return self.first + timedelta(days=number)

    def published(self) -> dict[int, list[tuple[Row, str, int]]]:
        """Day → its events with file and row: a valid row is one unless an earlier copy landed within the look-back."""
        last_seen: dict[str, int] = {}
        found = defaultdict(list)
        for (day, name), rows in sorted(self.files.items()):
            for number, row in enumerate(rows, start=1):
                if row[1] == "" or row[2] == "ping":
                    continue
                if day - last_seen.get(row[0], -99) > LOOKBACK:
                    found[day].append((row, name, number))
                last_seen[row[0]] = day
        return found


def random_row(dice: random.Random) -> Row:
    return f"e{dice.randrange(12)}", dice.choice(["mug", "pen", "cup", ""]), dice.choice(["view", "view", "ping"])


def change(shop: Shop, dice: random.Random) -> int:
    """Deliver, rewrite or withdraw a file of some day; the day."""
    day, name = dice.randrange(DAYS), dice.choice("abc")
    if (day, name) in shop.files and dice.random() < 0.4:
        del shop.files[day, name]
    else:
        shop.files[day, name] = [random_row(dice) for _ in range(dice.randrange(1, 7))]
    return day


def random_plan(shop: Shop, dice: random.Random) -> list[tuple[set[int], ...]]:
    """Per step the days of (raw_events, quarantined_events, events, histories) to run, after changing files.

    A killed run leaves out the later tables. The last step runs what is left and, always, the day in the middle.
    """
    waiting: set[int] = set(range(DAYS))
    for step in range(STEPS):
        waiting |= {change(shop, dice) for _ in range(dice.randrange(1, 4) if step < STEPS - 1 else 1)}
        days = {day for day in waiting if dice.random() < 0.6} if step < STEPS - 1 else waiting | {DAYS // 2}
        waiting -= days
        tables = 4 if step == STEPS - 1 else dice.choice([1, 2, 3, 4, 4, 4])
        yield tuple(days if number < tables else set() for number in range(4))


def many(day: int) -> list[Row]:
    return [(f"d{day}.{number}", "mug", "view") for number in range(200)]


def late_copies(shop: Shop):
    """100 events of day 3 land under day 1, too, when all days have been run; then they are taken back."""
    shop.files = {(day, "a"): many(day) for day in range(DAYS)}
    yield (set(range(DAYS)),) * 4
    shop.files[1, "late"] = many(3)[:100]
    yield ({1},) * 4
    del shop.files[1, "late"]
    yield ({1},) * 4
    yield (set(),) * 4


def backwards(shop: Shop):
    """Every day delivers 39 events of the day before again; the days are run singly, the last one first."""
    shop.files = {(day, "a"): many(day) + (many(day - 1)[:39] if day else []) for day in range(STEPS)}
    for day in reversed(range(STEPS)):
        yield ({day},) * 4


@dataclass(frozen=True)
class World:
    """The shops and, for every step, the events that each of them had (all days) and should have had."""

    shops: list[Shop]
    counts: list[list[tuple[int, int]]]
    spark: object
    settings: object


def land(settings, shop: Shop) -> None:
    for number in range(DAYS):
        shutil.rmtree(Path(settings.lake) / LANDING / f"dt={shop.day(number)}", ignore_errors=True)
    for (day, name), rows in shop.files.items():
        at = f"{shop.day(day)} 09:00:00"
        lines = [f"{shop.first}.{id_},{at},ann,,{item},{kind},,,,\n" for id_, item, kind in rows]
        tiny_lake.deliver(settings, shop.day(day), {f"{name}.csv": HEADER + "".join(lines)})


def run(spark, settings, days: list[list[date]]) -> None:
    raw, quarantined, events, made = (tiny_lake.day_run(spark, settings, own) if own else None for own in days)
    if raw:
        raw.raw_events(read(settings.mapping), KEY)
    if quarantined:
        assert quarantined.quarantined_events().message() == ""
    if events:
        assert events.events().message() == ""
    if made:
        assert made.from_events(HISTORIES, features.histories, "rows", None).message() == ""


@pytest.fixture(scope="module")
def world(spark, tmp_path_factory):
    # No day is refused for what it holds; and the shops lie behind one another, but none is the past of the next.
    given = {"lookback_days": LOOKBACK, "bad_share_limit": 1.0, "skipped_share_limit": 1.0, "usual_days": 0}
    settings = tiny_lake.shop(tmp_path_factory.mktemp("order"), **given)
    own = tiny_lake.session_on(spark, settings)
    shops = [Shop(date(2024, 2, 1) + timedelta(days=10 * number)) for number in range(RANDOM_SHOPS + 2)]
    plans = [late_copies(shops[0]), backwards(shops[1])]
    plans += [random_plan(shop, random.Random(number)) for number, shop in enumerate(shops[2:])]
    counts = []
    for _ in range(STEPS):
        steps = [next(plan) for plan in plans]
        for shop in shops:
            land(settings, shop)
        both = list(zip(shops, steps, strict=True))
        run(own, settings, [[shop.day(n) for shop, step in both for n in sorted(step[table])] for table in range(4)])
        rows = own.table("lake.shop.events").groupBy("landing_date").count().collect()
        by_day = {row.landing_date: row["count"] for row in rows}
        counts.append(
            [
                (
                    sum(by_day.get(shop.day(n), 0) for n in range(DAYS)),
                    sum(map(len, shop.published().values())),
                )
                for shop in shops
            ]
        )
    return World(shops, counts, own, settings)


def test_copies_that_land_under_an_older_day_and_go_again_neither_double_nor_lose_events(world):
    assert [step[0] for step in world.counts] == [(1000, 1000)] * STEPS


def test_days_run_singly_from_the_last_to_the_first_hold_every_event_once(world):
    assert world.counts[-1][1] == (800, 800)


def test_after_any_order_of_runs_events_are_those_of_one_clean_range(world):
    rows = (
        world.spark.table("lake.shop.events").select("event_id", "landing_date", "source_file", "source_row").collect()
    )
    should = {
        (f"{shop.first}.{row[0]}", shop.day(day), f"dt={shop.day(day)}/{name}.csv", number)
        for shop in world.shops
        for day, found in shop.published().items()
        for row, name, number in found
    }
    assert Counter(tuple(row) for row in rows) == Counter(should)


def test_after_any_order_of_runs_what_is_made_from_events_fits_them(world):
    rows = world.spark.table("lake.shop.histories").collect()
    found = {(row.shopper, row.landing_date): [event.item_id for event in row.events] for row in rows}
    ann = pseudonym(KEY, "user", "ann")
    assert found == {
        (ann, shop.day(day)): [row[1] for row, _, _ in sorted(events, key=lambda entry: entry[1:])]
        for shop in world.shops
        for day, events in shop.published().items()
    }

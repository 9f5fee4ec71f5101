"""The daily tables: processor seconds of Freshet and of DuckDB over the same landed rows, table by table.

    python -m benchmarks.tables [--events 3300000] [--days 10] [--shoppers 100000] [--items 20000] [--skip-peer]

Lands csv files of made-up events (1 % copies of earlier ones, 0.5 % rows that break the contract) and makes every daily
table: all days but the last in one run, then the last day by itself. Freshet stages, judges and publishes each table;
DuckDB reads the same files, gives the same pseudonyms, drops the same copies and writes parquet: no gate, no snapshots.
The counts of events must agree. The figure is processor time, user and system, of the process and all below it; Spark's
start is not counted. Days are not compared with their past here. DuckDB is no part of Freshet: it has to be installed.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.report import finish, say
from benchmarks.tables_peer import duckdb_tables
from freshet.settings import Settings
from freshet.store import open_store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from freshet.tables.publication import Publication

FIRST = date(2024, 3, 1)
KEY = b"benchmark"
HEADER = "id,at,user,visit,item,kind,pieces,price,title,category"
MAPPING = """shop: benchmark
time_zone: UTC
currency: EUR
source: {format: csv}
landing: {split_by: at, date_format: "%Y-%m-%d %H:%M:%S"}
events:
  event_id: id
  user_id: user
  session_id: visit
  item_id: item
  event_type: kind
  event_time: to_timestamp(at)
  quantity: pieces
  price: price
  title: title
  category: category
"""


@dataclass(frozen=True)
class Cost:
    """What a piece of work took. processor: seconds of user and system time, all processes; seconds: by the clock."""

    processor: float
    seconds: float


def main() -> None:
    """Land, make the tables with both, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=3_300_000)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--shoppers", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--skip-peer", action="store_true", help="without DuckDB")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        settings = _shop(Path(temporary))
        days = [FIRST + timedelta(days=number) for number in range(given.days)]
        _land(settings, days, given.events, given.shoppers, given.items)
        spark = _session(settings)
        ours = _freshet(spark, settings, days[:-1])
        further = _freshet(spark, settings, days[-1:])
        counted = spark.table("lake.shop.events").count()
        spark.stop()
        peer = {} if given.skip_peer else _duckdb(Path(settings.lake), counted)
    finish("tables", {**vars(given), "published": counted, **_figures(ours, further, peer)})


def processor_seconds() -> float:
    """User and system time of this process and all below it so far; of children that have ended, too."""
    ticks, parents = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        ticks[int(path.parent.name)] = sum(map(int, fields[11:15]))
        parents[int(path.parent.name)] = int(fields[1])
    family = {os.getpid()}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(ticks[number] for number in family) / os.sysconf("SC_CLK_TCK")


def measured(work: Callable[[], object]) -> Cost:
    """What it took."""
    before, begun = processor_seconds(), time.perf_counter()
    work()
    return Cost(processor_seconds() - before, time.perf_counter() - begun)


def _shop(root: Path) -> Settings:
    mapping = root / "mapping.yaml"
    mapping.write_text(MAPPING)
    (root / "lake").mkdir()
    # A laptop's memory is enough; days are made up and compared with none before them.
    return Settings(_env_file=None, lake=str(root / "lake"), mapping=mapping, first_day=FIRST, usual_days=0)


def _session(settings: Settings) -> "SparkSession":
    from freshet.tables import session

    say("starting Spark")
    spark = session.start(settings)
    spark.range(1).count()
    return spark


def _land(settings: Settings, days: list[date], events: int, shoppers: int, items: int) -> None:
    rng = np.random.default_rng(7)
    per_day, copies = events // len(days), max(1, events // len(days) // 100)
    earlier: list[str] = []
    for number, day in enumerate(days):
        say(f"landing {day}: {per_day:,} events")
        lines = _lines(rng, day, number * per_day, per_day - (copies if earlier else 0), shoppers, items)
        lines += [earlier[place] for place in rng.integers(0, len(earlier), copies)] if earlier else []
        earlier = (earlier + lines)[-200_000:]
        folder = Path(settings.lake) / "landing" / "events" / f"dt={day}"
        folder.mkdir(parents=True)
        (folder / "events.csv").write_text("\n".join([HEADER, *lines]) + "\n")


def _lines(rng: np.random.Generator, day: date, start: int, count: int, shoppers: int, items: int) -> list[str]:
    """csv lines in the order of time; one in 200 has no item."""
    item = (items * rng.random(count) ** 3).astype(int)
    user = (shoppers * rng.random(count) ** 2).astype(int)
    second = np.sort(rng.integers(0, 86_400, count))
    kind = rng.choice(["view", "view", "view", "view", "cart", "purchase"], count)
    broken = rng.random(count) < 0.005
    return [
        f"e{start + n:012d},{day} {s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d},"
        f"{'' if u % 3 else f'user{u}'},visit{u}-{day.day},"
        f"{'' if b else f'item{i}'},{k},1,{i % 90 + 1}.90,Plain title number {i},category {i % 40}"
        for n, (s, u, i, k, b) in enumerate(zip(second, user, item, kind, broken, strict=True))
    ]


def _freshet(spark: "SparkSession", settings: Settings, days: list[date]) -> dict[str, Cost]:
    """Every daily table of these days, as its asset makes it."""
    from freshet.tables import features
    from freshet.tables.day_run import DayRun
    from freshet.tables.mapping import read
    from freshet.tables.schemas import HISTORIES, ITEM_FEATURES, ITEMS, USER_FEATURES

    assert settings.mapping is not None
    mapping = read(settings.mapping)
    run = DayRun(spark, settings, open_store(settings.lake), days)
    tables: dict[str, Callable[[], Publication]] = {
        "raw_events": lambda: run.raw_events(mapping, KEY),
        "quarantined_events": run.quarantined_events,
        "events": run.events,
        "items": lambda: run.from_events(ITEMS, features.items, "items", None),
        "item_features": lambda: run.from_events(ITEM_FEATURES, features.item_features, "rows", "returns"),
        "user_features": lambda: run.from_events(USER_FEATURES, features.user_features, "rows", None),
        "histories": lambda: run.from_events(HISTORIES, features.histories, "rows", None),
    }
    return {name: _published(name, make) for name, make in tables.items()}


def _published(name: str, make: "Callable[[], Publication]") -> Cost:
    done: list[Publication] = []
    cost = measured(lambda: done.append(make()))
    if done[0].refused:
        raise SystemExit(f"{name} was refused, so there is no figure:\n{done[0].message()}")
    say(f"{name}: {cost.processor:.1f} s of processor time, {cost.seconds:.1f} s")
    return cost


def _duckdb(lake: Path, counted: int) -> dict[str, Cost]:
    costs: dict[str, Cost] = {}
    for name, work in duckdb_tables(lake / "landing" / "events", lake.parent / "duckdb", KEY):
        rows: list[int] = []
        costs[name] = measured(lambda work=work, rows=rows: rows.append(work()))  # type: ignore[misc]
        say(f"DuckDB {name}: {costs[name].processor:.1f} s of processor time, {rows[0]:,} rows")
        if name == "events" and rows[0] != counted:
            raise SystemExit(f"Freshet published {counted:,} events and DuckDB {rows[0]:,}: they do not do the same")
    return costs


def _figures(ours: Mapping[str, Cost], further: Mapping[str, Cost], peer: Mapping[str, Cost]) -> dict[str, object]:
    both = {name: ours[name].processor + further[name].processor for name in ours}
    total, peers = sum(both.values()), sum(cost.processor for cost in peer.values())
    return {
        "processor_seconds": _rounded(both),
        "duckdb_processor_seconds": _rounded({name: cost.processor for name, cost in peer.items()}),
        "total": round(total, 1),
        "duckdb_total": round(peers, 1),
        "times_duckdb": round(total / peers, 2) if peers else None,
        "further_day_seconds": _rounded({name: cost.seconds for name, cost in further.items()}),
        "further_day_total_seconds": round(sum(cost.seconds for cost in further.values()), 1),
        "further_day_total_processor_seconds": round(sum(cost.processor for cost in further.values()), 1),
    }


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 1) for name, value in values.items()}


if __name__ == "__main__":
    main()

"""The daily tables: processor seconds of Freshet and of DuckDB for the same landed rows, by table.

    python -m benchmarks.tables [--events 3300000] [--days 10] [--shoppers 100000] [--items 20000] [--skip-peer]

Lands csv files of synthetic events (1 % duplicates, 0.5 % invalid rows) and publishes every daily table: all days but
the last in one run, then the last day alone. Freshet stages, gates and publishes each table; DuckDB reads the same
files, computes the same pseudonyms, drops the same duplicates and writes parquet, without gates and snapshots. The
counts of events must agree. The figure is processor time, user and system, of the process and its descendants, without
the start of Spark. Days are not compared with earlier days. DuckDB is not a dependency of Freshet and has to be
installed.
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

from benchmarks.processes import tree_cpu_seconds
from benchmarks.report import print_progress, print_result
from benchmarks.tables_duckdb import duckdb_tables
from freshet.settings import Settings
from freshet.store import open_store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from freshet.publishing.publish import PublishResult

FIRST_DAY = date(2024, 3, 1)
PSEUDONYM_KEY = b"benchmark"
CSV_HEADER = "id,at,user,visit,item,kind,pieces,price,title,category"
MAPPING_YAML = """shop: benchmark
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
class WorkCost:
    """The cost of a piece of work."""

    cpu_s: float  # user and system time of all processes
    wall_s: float


def main() -> None:
    """Land the events, publish the tables with Freshet and DuckDB, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=3_300_000)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--shoppers", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--skip-peer", action="store_true", help="without DuckDB")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        settings = _prepare_shop(Path(temporary))
        days = [FIRST_DAY + timedelta(days=number) for number in range(args.days)]
        _land_events(settings, days, args.events, args.shoppers, args.items)
        spark = _start_spark(settings)
        freshet_costs = _publish_tables(spark, settings, days[:-1])
        next_day_costs = _publish_tables(spark, settings, days[-1:])
        n_published = spark.table("lake.shop.events").count()
        spark.stop()
        duckdb_costs = {} if args.skip_peer else _run_duckdb(Path(settings.lake), n_published)
    print_result(
        "tables", {**vars(args), "published": n_published, **_figures(freshet_costs, next_day_costs, duckdb_costs)}
    )


def measure_cost(work: Callable[[], object]) -> WorkCost:
    """Do the work and return its cost."""
    cpu_before, start = tree_cpu_seconds(os.getpid()), time.perf_counter()
    work()
    return WorkCost(tree_cpu_seconds(os.getpid()) - cpu_before, time.perf_counter() - start)


def _prepare_shop(root: Path) -> Settings:
    mapping = root / "mapping.yaml"
    mapping.write_text(MAPPING_YAML)
    (root / "lake").mkdir()
    return Settings(
        _env_file=None, lake=str(root / "lake"), mapping=mapping, first_day=FIRST_DAY, anomaly_window_days=0
    )


def _start_spark(settings: Settings) -> "SparkSession":
    from freshet.tables import spark_session

    print_progress("starting Spark")
    spark = spark_session.start_session(settings)
    spark.range(1).count()
    return spark


def _land_events(settings: Settings, days: list[date], events: int, shoppers: int, items: int) -> None:
    rng = np.random.default_rng(7)
    per_day, copies = events // len(days), max(1, events // len(days) // 100)
    earlier_lines: list[str] = []
    for number, day in enumerate(days):
        print_progress(f"landing {day}: {per_day:,} events")
        lines = _csv_lines(rng, day, number * per_day, per_day - (copies if earlier_lines else 0), shoppers, items)
        lines += (
            [earlier_lines[index] for index in rng.integers(0, len(earlier_lines), copies)] if earlier_lines else []
        )
        earlier_lines = (earlier_lines + lines)[-200_000:]
        folder = Path(settings.lake) / "landing" / "events" / f"dt={day}"
        folder.mkdir(parents=True)
        (folder / "events.csv").write_text("\n".join([CSV_HEADER, *lines]) + "\n")


def _csv_lines(rng: np.random.Generator, day: date, start: int, count: int, shoppers: int, items: int) -> list[str]:
    """csv lines, ordered by time; one in 200 has no item."""
    item = (items * rng.random(count) ** 3).astype(int)
    user = (shoppers * rng.random(count) ** 2).astype(int)
    second = np.sort(rng.integers(0, 86_400, count))
    kind = rng.choice(["view", "view", "view", "view", "cart", "purchase"], count)
    is_invalid = rng.random(count) < 0.005
    return [
        f"e{start + n:012d},{day} {s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d},"
        f"{'' if u % 3 else f'user{u}'},visit{u}-{day.day},"
        f"{'' if b else f'item{i}'},{k},1,{i % 90 + 1}.90,Plain title number {i},category {i % 40}"
        for n, (s, u, i, k, b) in enumerate(zip(second, user, item, kind, is_invalid, strict=True))
    ]


def _publish_tables(spark: "SparkSession", settings: Settings, days: list[date]) -> dict[str, WorkCost]:
    """Publish every daily table of these days, as its asset does; returns the cost of each."""
    from freshet.features import daily
    from freshet.features.daily_tables import DailyTables
    from freshet.features.deduplication import publish_events
    from freshet.ingest.mapping.source_mapping import read_mapping
    from freshet.tables.schemas import HISTORIES, ITEM_FEATURES, ITEMS, USER_FEATURES

    assert settings.mapping is not None
    mapping = read_mapping(settings.mapping)
    run = DailyTables(spark, settings, open_store(settings.lake), days)
    tables: dict[str, Callable[[], PublishResult]] = {
        "raw_events": lambda: run.publish_raw_events(mapping, PSEUDONYM_KEY),
        "quarantined_events": run.publish_quarantined_events,
        "events": lambda: publish_events(run),
        "items": lambda: run.publish_from_events(ITEMS, daily.items, "items", None),
        "item_features": lambda: run.publish_from_events(ITEM_FEATURES, daily.item_features, "rows", "returns"),
        "user_features": lambda: run.publish_from_events(USER_FEATURES, daily.user_features, "rows", None),
        "histories": lambda: run.publish_from_events(HISTORIES, daily.histories, "rows", None),
    }
    return {name: _publish_table(name, publish) for name, publish in tables.items()}


def _publish_table(name: str, publish: "Callable[[], PublishResult]") -> WorkCost:
    results: list[PublishResult] = []
    cost = measure_cost(lambda: results.append(publish()))
    if results[0].refused:
        raise SystemExit(f"{name} was refused, so there is no figure:\n{results[0].message()}")
    print_progress(f"{name}: {cost.cpu_s:.1f} s of processor time, {cost.wall_s:.1f} s")
    return cost


def _run_duckdb(lake: Path, n_published: int) -> dict[str, WorkCost]:
    costs: dict[str, WorkCost] = {}
    for name, work in duckdb_tables(lake / "landing" / "events", lake.parent / "duckdb", PSEUDONYM_KEY):
        rows: list[int] = []
        costs[name] = measure_cost(lambda work=work, rows=rows: rows.append(work()))  # type: ignore[misc]
        print_progress(f"DuckDB {name}: {costs[name].cpu_s:.1f} s of processor time, {rows[0]:,} rows")
        if name == "events" and rows[0] != n_published:
            raise SystemExit(
                f"Freshet published {n_published:,} events and DuckDB {rows[0]:,}: they are not comparable"
            )
    return costs


def _figures(
    freshet_costs: Mapping[str, WorkCost], next_day_costs: Mapping[str, WorkCost], duckdb_costs: Mapping[str, WorkCost]
) -> dict[str, object]:
    cpu_by_table = {name: freshet_costs[name].cpu_s + next_day_costs[name].cpu_s for name in freshet_costs}
    total, duckdb_total = sum(cpu_by_table.values()), sum(cost.cpu_s for cost in duckdb_costs.values())
    return {
        "processor_seconds": _rounded(cpu_by_table),
        "duckdb_processor_seconds": _rounded({name: cost.cpu_s for name, cost in duckdb_costs.items()}),
        "total": round(total, 1),
        "duckdb_total": round(duckdb_total, 1),
        "times_duckdb": round(total / duckdb_total, 2) if duckdb_total else None,
        "further_day_seconds": _rounded({name: cost.wall_s for name, cost in next_day_costs.items()}),
        "further_day_total_seconds": round(sum(cost.wall_s for cost in next_day_costs.values()), 1),
        "further_day_total_processor_seconds": round(sum(cost.cpu_s for cost in next_day_costs.values()), 1),
    }


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 1) for name, value in values.items()}


if __name__ == "__main__":
    main()

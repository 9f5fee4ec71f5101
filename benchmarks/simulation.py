"""The simulated shop: how fast it is made, how alike it is to real shops, and whether a model finds the order in it.

    python -m benchmarks.simulation [--events 1000000] [--data ../shared/data] [--picture docs/pictures/simulation.png]
    python -m benchmarks.simulation --quality [--seeds 201,202,203] [--drift habit] [--small] [--calm]

Without --quality: seconds to make that many events (median of 3) and to write their files, and the shapes beside the
real data where it is there. With it: per seed, NDCG@10 of model and baselines before a drift, after it, and retrained.
--small: with a model as small as the demo's. --calm: only before the drift.
"""

import argparse
import logging
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from benchmarks.report import median, print_progress, print_result
from benchmarks.simulation_shapes import format_table, real_shapes, simulated_shape
from freshet.simulation.landing_files import write_landing_files
from freshet.simulation.params import DRIFT_KINDS, ShopParams
from freshet.simulation.shop import Shop, generate

EVENTS_PER_SHOPPER = 29.0  # events in 28 days, guests' and bots' shared out
N_ITEMS = 10_000
N_REPEATS = 3


def main() -> None:
    """One of the two halves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--seeds", default="201,202,203,204,205")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--calm", action="store_true")
    parser.add_argument("--drift", choices=DRIFT_KINDS, default="habit")
    args = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    logging.getLogger("freshet").setLevel(logging.INFO)
    if args.quality:
        _measure_quality(
            [int(seed) for seed in args.seeds.split(",")], args.drift, small=args.small, no_drift_only=args.calm
        )
    else:
        _measure_speed_and_shapes(args.events, args.data, args.picture)


def _measure_quality(seeds: list[int], kind: str, *, small: bool, no_drift_only: bool) -> None:
    from typing import cast

    from benchmarks.simulation_quality import (
        DRIFT_DAY,
        N_DAYS,
        SMALL_TRAIN_PARAMS,
        TRAIN_PARAMS,
        measure_with_drift,
        measure_without_drift,
        summarize,
    )
    from freshet.simulation.params import DriftKind

    train = SMALL_TRAIN_PARAMS if small else TRAIN_PARAMS
    settings = {"drift": kind, "drift_day": DRIFT_DAY, "days": N_DAYS, "train": train.model_dump()}
    if no_drift_only:
        print_result(
            "simulation_calm", {**settings, "quality": [asdict(measure_without_drift(seed, train)) for seed in seeds]}
        )
        return
    qualities = [measure_with_drift(seed, cast(DriftKind, kind), train=train) for seed in seeds]
    print_result("simulation_quality", {**settings, **summarize(qualities)})


def _measure_speed_and_shapes(events: int, data: Path, picture: Path | None) -> None:
    params = ShopParams(shoppers=max(1, round(events / EVENTS_PER_SHOPPER)), items=N_ITEMS)
    shop, wall_s, cpu_s = _time_generation(params)
    write_s = _write_seconds(shop)
    shapes = [*real_shapes(data), simulated_shape("demo", generate(ShopParams())), simulated_shape("large", shop)]
    print_progress(format_table(shapes))
    if picture is not None:
        from benchmarks.simulation_picture import plot_shapes

        plot_shapes(shapes, picture)
    figures = {"events": len(shop.events), "generate_s": wall_s, "generate_cpu_s": cpu_s, "write_s": write_s}
    print_result("simulation", {**figures, "shapes": {shape.name: asdict(shape.figures) for shape in shapes}})


def _time_generation(params: ShopParams) -> tuple[Shop, float, float]:
    """(the shop, median seconds, median processor seconds)"""
    times = []
    for number in range(N_REPEATS):
        start = time.perf_counter(), time.process_time()
        shop = generate(params)
        times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
        wall, cpu = times[-1]
        print_progress(
            f"{number + 1} of {N_REPEATS}: {len(shop.events):,} events in {wall:.2f} s, {cpu:.2f} s of processor"
        )
    wall_times, cpu_times = zip(*times, strict=True)
    return shop, round(median(list(wall_times)), 2), round(median(list(cpu_times)), 2)


def _write_seconds(shop: Shop) -> float:
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        export = write_landing_files(shop, Path(folder))
    seconds = round(time.perf_counter() - start, 2)
    print_progress(f"{export.rows:,} rows written in {seconds} s")
    return seconds


if __name__ == "__main__":
    main()

"""The simulated shop: speed of generation, distributions beside real shops, model quality before and after a drift.

    python -m benchmarks.simulation [--events 1000000] [--data ../shared/data] [--picture docs/pictures/simulation.png]
    python -m benchmarks.simulation --quality [--seeds 201,202,203] [--drift habit] [--small] [--before-drift]

Without --quality: seconds to generate that many events (median of 3) and to write their files, and the distributions
beside those of the real data in --data. With --quality: for every seed, NDCG@10 of the model and the baselines before
a drift, after it, and after a retraining. --small: a model as small as the demo's. --before-drift: only before the
drift.
"""

import argparse
import logging
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median

from benchmarks.arguments import parse_ints
from benchmarks.report import print_progress, print_result
from benchmarks.simulation_shapes import format_table, real_shapes, simulated_shape
from freshet.simulation.landing_files import write_landing_files
from freshet.simulation.params import DRIFT_KINDS, DriftKind, ShopParams
from freshet.simulation.shop import Shop, generate

EVENTS_PER_SHOPPER = 29.0  # in 28 days; events of guests and bots are distributed over the shoppers
N_ITEMS = 10_000
N_REPEATS = 3


def main() -> None:
    """Measure the quality, or speed and distributions, and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--seeds", type=parse_ints, default=[201, 202, 203, 204, 205])
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--before-drift", action="store_true")
    parser.add_argument("--drift", choices=DRIFT_KINDS, default="habit")
    args = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    logging.getLogger("freshet").setLevel(logging.INFO)
    if args.quality:
        _measure_quality(args.seeds, args.drift, small=args.small, before_drift=args.before_drift)
    else:
        _measure_speed_and_shapes(args.events, args.data, args.picture)


def _measure_quality(seeds: list[int], kind: DriftKind, *, small: bool, before_drift: bool) -> None:
    from benchmarks.simulation_quality import (
        DRIFT_DAY,
        N_DAYS,
        SMALL_TRAIN_PARAMS,
        TRAIN_PARAMS,
        measure_before_drift,
        measure_with_drift,
        summarize,
    )

    train = SMALL_TRAIN_PARAMS if small else TRAIN_PARAMS
    settings = {"drift": kind, "drift_day": DRIFT_DAY, "days": N_DAYS, "train": train.model_dump()}
    if before_drift:
        quality = [asdict(measure_before_drift(seed, train)) for seed in seeds]
        print_result("simulation_before_drift", {**settings, "quality": quality})
        return
    qualities = [measure_with_drift(seed, kind, train=train) for seed in seeds]
    print_result("simulation_quality", {**settings, **summarize(qualities)})


def _measure_speed_and_shapes(events: int, data: Path, picture: Path | None) -> None:
    params = ShopParams(shoppers=max(1, round(events / EVENTS_PER_SHOPPER)), items=N_ITEMS)
    shop, wall_s, cpu_s = _time_generation(params)
    write_s = _write_seconds(shop)
    shapes = [*real_shapes(data), simulated_shape("demo", generate(ShopParams())), simulated_shape("large", shop)]
    print_progress(format_table(shapes))
    if picture is not None:
        from benchmarks.simulation_plot import plot_shapes

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

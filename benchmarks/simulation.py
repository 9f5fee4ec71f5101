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

from benchmarks.report import finish, median, say
from benchmarks.simulation_shapes import real, simulated, table
from freshet.simulation.landing_files import write_landing_files
from freshet.simulation.params import DRIFT_KINDS, ShopParams
from freshet.simulation.shop import Shop, generate

A_SHOPPER = 29.0  # events in 28 days, guests' and bots' shared out
ITEMS = 10_000
REPEATS = 3


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
    asked = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    logging.getLogger("freshet").setLevel(logging.INFO)
    if asked.quality:
        _quality([int(seed) for seed in asked.seeds.split(",")], asked.drift, small=asked.small, only_calm=asked.calm)
    else:
        _speed_and_shapes(asked.events, asked.data, asked.picture)


def _quality(seeds: list[int], kind: str, *, small: bool, only_calm: bool) -> None:
    from typing import cast

    from benchmarks.simulation_quality import DAYS, DRIFT_DAY, SMALL, TRAIN, calm, figures, quality
    from freshet.simulation.params import DriftKind

    train = SMALL if small else TRAIN
    setting = {"drift": kind, "drift_day": DRIFT_DAY, "days": DAYS, "train": train.model_dump()}
    if only_calm:
        finish("simulation_calm", {**setting, "quality": [asdict(calm(seed, train)) for seed in seeds]})
        return
    qualities = [quality(seed, cast(DriftKind, kind), train=train) for seed in seeds]
    finish("simulation_quality", {**setting, **figures(qualities)})


def _speed_and_shapes(events: int, data: Path, picture: Path | None) -> None:
    params = ShopParams(shoppers=max(1, round(events / A_SHOPPER)), items=ITEMS)
    shop, seconds, processor = _timed_shop(params)
    written = _written(shop)
    shapes = [*real(data), simulated("demo", generate(ShopParams())), simulated("large", shop)]
    say(table(shapes))
    if picture is not None:
        from benchmarks.simulation_picture import draw

        draw(shapes, picture)
    figures = {"events": len(shop.events), "generate_s": seconds, "generate_cpu_s": processor, "write_s": written}
    finish("simulation", {**figures, "shapes": {shape.name: asdict(shape.figures) for shape in shapes}})


def _timed_shop(params: ShopParams) -> tuple[Shop, float, float]:
    """(the shop, median seconds, median processor seconds)"""
    taken = []
    for number in range(REPEATS):
        begun = time.perf_counter(), time.process_time()
        shop = generate(params)
        taken.append((time.perf_counter() - begun[0], time.process_time() - begun[1]))
        wall, processor = taken[-1]
        say(f"{number + 1} of {REPEATS}: {len(shop.events):,} events in {wall:.2f} s, {processor:.2f} s of processor")
    walls, processors = zip(*taken, strict=True)
    return shop, round(median(list(walls)), 2), round(median(list(processors)), 2)


def _written(shop: Shop) -> float:
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        delivered = write_landing_files(shop, Path(folder))
    seconds = round(time.perf_counter() - begun, 2)
    say(f"{delivered.rows:,} rows written in {seconds} s")
    return seconds


if __name__ == "__main__":
    main()

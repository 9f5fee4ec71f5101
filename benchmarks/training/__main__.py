"""Training speed: Freshet beside RecTools' SASRec on the same data, with the same sizes, loss and batch.

    python -m benchmarks.training Beauty.txt --epochs 10
    python -m benchmarks.training Beauty.txt --profile
    python -m benchmarks.training --large

docs/benchmarks.md says what the figures include. Last line: JSON.
"""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.report import print_progress, print_result
from benchmarks.training import large, limits, ours, peer
from benchmarks.training.runs import ModelSizes, TrainingRun, run_figures
from freshet.errors import FreshetError


def main() -> None:
    """Run the chosen measurement and report it."""
    args = _parse_args()
    try:
        name, figures = _measure(args)
    except FreshetError as error:
        sys.exit(str(error))
    print_result(name, figures)


def _measure(args: argparse.Namespace) -> tuple[str, dict[str, object]]:
    sizes = ModelSizes(**{name: getattr(args, name) for name in asdict(ModelSizes())})
    if args.large:
        return "training_large", large.measure(args.items, args.hidden_dim)
    if args.file is None:
        raise FreshetError("benchmarks.training", "no file", "name a file of interactions, or give --large")
    if args.profile:
        return "training_profile", _profile(args.file, sizes, args.set)
    return "training", _compare(args, sizes)


def _compare(args: argparse.Namespace, sizes: ModelSizes) -> dict[str, object]:
    peer_run = None if args.without_peer else peer.measure(args.file, sizes, args.peer_epochs or args.epochs)
    our_run = ours.measure(args.file, sizes, args.epochs, args.set)
    target = args.target if args.target is not None else max((peer_run or our_run).ndcg)
    _print_run("Freshet", our_run)
    if peer_run is not None:
        _print_run("RecTools", peer_run)
    return {
        "ours": run_figures(our_run, target),
        "rectools": None if peer_run is None else run_figures(peer_run, target),
        "ratio": None
        if peer_run is None
        else round(our_run.interactions_per_second / peer_run.interactions_per_second, 2),
        "target_ndcg@10": round(target, 4),
        "sizes": asdict(sizes),
        "set": args.set,
        "device": our_run.device,
    }


def _profile(file: Path, sizes: ModelSizes, overrides: list[str]) -> dict[str, object]:
    table, limit = limits.profile(file, sizes, overrides)
    sys.stdout.write(table + "\n")
    return {
        "mflop_per_interaction": round(limit.flop_per_target / 1e6, 2),
        "kib_of_scores_per_interaction": round(limit.logit_bytes_per_target / 1024, 1),
        "machine_gflops": round(limit.machine_flops / 1e9, 1),
        "machine_gb_per_second": round(limit.machine_bandwidth / 1e9, 1),
        "interactions_per_second_by_flop": round(limit.by_flop),
        "interactions_per_second_by_bytes": round(limit.by_bytes),
        "sizes": asdict(sizes),
        "set": overrides,
    }


def _print_run(name: str, run: TrainingRun) -> None:
    print_progress(
        f"{name}: {run.interactions_per_second:,.0f} interactions a second, best NDCG@10 {max(run.ndcg):.4f}, "
        f"set-up {run.setup_seconds:.1f} s, evaluation {run.evaluation_seconds:.1f} s, peak {run.peak_mib:,.0f} MiB"
    )


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", help="lines `user item item …`, or pairs `user item`")
    for name, value in asdict(ModelSizes()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    parser.add_argument("--epochs", type=int, default=10, help="epochs of both")
    parser.add_argument("--peer-epochs", type=int, help="epochs of RecTools")
    parser.add_argument("--target", type=float, help="validation NDCG@10 to reach; unset: the best of RecTools")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="override a TrainParams field")
    parser.add_argument("--without-peer", action="store_true")
    parser.add_argument("--profile", action="store_true", help="the slowest operations, and the limit of the hardware")
    parser.add_argument("--large", action="store_true", help="synthetic histories over --items items")
    parser.add_argument("--items", type=int, default=1_000_000)
    return parser.parse_args()


if __name__ == "__main__":
    main()

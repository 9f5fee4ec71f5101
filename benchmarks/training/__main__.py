"""Training speed: Freshet beside RecTools' SASRec, same data, width, blocks, length, loss and batch.

    python -m benchmarks.training Beauty.txt --epochs 10
    python -m benchmarks.training Beauty.txt --profile
    python -m benchmarks.training --large

What is counted and what is not stands in docs/benchmarks.md. Last line: JSON.
"""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.report import finish, say
from benchmarks.training import large, limits, ours, peer
from benchmarks.training.runs import Run, Sizes, figures
from freshet.errors import FreshetError


def main() -> None:
    """Measure what was asked for, report."""
    asked = _arguments()
    try:
        name, found = _measured(asked)
    except FreshetError as error:
        sys.exit(str(error))
    finish(name, found)


def _measured(asked: argparse.Namespace) -> tuple[str, dict[str, object]]:
    sizes = Sizes(asked.width, asked.blocks, asked.heads, asked.length, asked.batch, asked.dropout)
    if asked.large:
        return "training_large", large.measure(asked.items, asked.width)
    if asked.file is None:
        raise FreshetError("benchmarks.training", "no file", "name a file of interactions, or ask for --large")
    if asked.profile:
        return "training_profile", _profiled(asked.file, sizes, asked.set)
    return "training", _compared(asked, sizes)


def _compared(asked: argparse.Namespace, sizes: Sizes) -> dict[str, object]:
    theirs = None if asked.without_peer else peer.measure(asked.file, sizes, asked.peer_epochs or asked.epochs)
    mine = ours.measure(asked.file, sizes, asked.epochs, asked.set)
    target = asked.target if asked.target is not None else max((theirs or mine).ndcg)
    _say("Freshet", mine)
    if theirs is not None:
        _say("RecTools", theirs)
    return {
        "ours": figures(mine, target),
        "rectools": None if theirs is None else figures(theirs, target),
        "ratio": None if theirs is None else round(mine.interactions_per_second / theirs.interactions_per_second, 2),
        "target_ndcg@10": round(target, 4),
        "sizes": asdict(sizes),
        "set": asked.set,
        "device": mine.device,
    }


def _profiled(file: Path, sizes: Sizes, overrides: list[str]) -> dict[str, object]:
    table, limit = limits.profile(file, sizes, overrides)
    sys.stdout.write(table + "\n")
    return {
        "mflop_per_interaction": round(limit.flop / 1e6, 2),
        "kib_of_scores_per_interaction": round(limit.logit_bytes / 1024, 1),
        "machine_gflops": round(limit.flops / 1e9, 1),
        "machine_gb_per_second": round(limit.bandwidth / 1e9, 1),
        "interactions_per_second_by_flop": round(limit.by_flop),
        "interactions_per_second_by_bytes": round(limit.by_bytes),
        "sizes": asdict(sizes),
        "set": overrides,
    }


def _say(name: str, run: Run) -> None:
    say(
        f"{name}: {run.interactions_per_second:,.0f} interactions a second, best NDCG@10 {max(run.ndcg):.4f}, "
        f"set-up {run.set_up_seconds:.1f} s, evaluation {run.evaluation_seconds:.1f} s, peak {run.peak_mib:,.0f} MiB"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", help="lines `user item item …`, or pairs `user item`")
    plain = Sizes()
    for name, value in asdict(plain).items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    parser.add_argument("--epochs", type=int, default=10, help="of both")
    parser.add_argument("--peer-epochs", type=int, help="of RecTools alone")
    parser.add_argument("--target", type=float, help="NDCG@10 of the validation; unset: the best of RecTools")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="another TrainParams value")
    parser.add_argument("--without-peer", action="store_true")
    parser.add_argument("--profile", action="store_true", help="where our time goes, and the limit")
    parser.add_argument("--large", action="store_true", help="synthetic histories over --items items")
    parser.add_argument("--items", type=int, default=1_000_000)
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""Recommendation quality on public data: Freshet's model beside baselines and peers; all items are ranked.

    python -m benchmarks.quality --interactions Beauty.txt --seeds 1,2,3 --peers rectools,implicit
    python -m benchmarks.quality --sessions-train train.txt.gz --sessions-test test.txt.gz
    python -m benchmarks.quality --online-retail online-retail-dataset.csv.gz

docs/benchmarks.md describes the protocols. Last line: JSON.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from benchmarks.arguments import parse_ints
from benchmarks.quality import baselines, ours, peers
from benchmarks.quality.files import read_interactions, read_sessions
from benchmarks.quality.measures import Metrics, Summary, format_table, list_metrics, summarize_runs
from benchmarks.quality.splits import Split, leave_one_out, next_click_split
from benchmarks.report import print_progress, print_result
from freshet.errors import FreshetError


def main() -> None:
    """Read the data, split it, evaluate every method, report."""
    start = time.perf_counter()
    args = _parse_args()
    try:
        split = _load_split(args)
        rows = _evaluate_all(split, args)
    except FreshetError as error:
        sys.exit(str(error))
    _print_table(split, rows)
    print_result("quality", {**_report(split, rows, args), "seconds": round(time.perf_counter() - start, 1)})


ResultTable = dict[str, dict[str, Summary]]  # ours / baselines / peers → method → metrics


def _evaluate_all(split: Split, args: argparse.Namespace) -> ResultTable:
    for name, count in split.counts.items():
        print_progress(f"{name}: {count:,}")
    for note in split.notes:
        print_progress(note)
    rows: ResultTable = {"ours": {}, "baselines": {}, "peers": {}}
    for name, result in baselines.rank_all_baselines(split):
        rows["baselines"][name] = summarize_runs([list_metrics(result.lists, split.test, split.metrics)])
    rows["peers"] = _evaluate_peers(split, args)
    if not args.without_ours:
        rows["ours"]["Freshet"] = summarize_runs(_evaluate_ours(split, args))
    return rows


def _evaluate_peers(split: Split, args: argparse.Namespace) -> dict[str, Summary]:
    if not args.peers:
        return {}
    peer_settings = peers.PeerSettings(args.peer_epochs, args.peer_patience, dict(args.peer_set))
    runs_by_name: dict[str, list[Metrics]] = {}
    for name, result in peers.rank_all_peers(split, args.peers, args.seeds, peer_settings):
        runs_by_name.setdefault(name, []).append(list_metrics(result.lists, split.test, split.metrics))
        print_progress(f"{name}: {runs_by_name[name][-1]}, {result.seconds:.0f} s")
    return {name: summarize_runs(runs) for name, runs in runs_by_name.items()}


def _evaluate_ours(split: Split, args: argparse.Namespace) -> list[Metrics]:
    params = ours.parse_params(args.set)
    runs = []
    for seed in args.seeds:
        result = ours.train_and_rank(split, params.model_copy(update={"seed": seed}), args.validation_cases)
        runs.append(list_metrics(result.lists, split.test, split.metrics))
        print_progress(f"Freshet, seed {seed}: {runs[-1]}, {result.seconds:.0f} s")
    return runs


def _report(split: Split, rows: ResultTable, args: argparse.Namespace) -> dict[str, object]:
    return {
        "data": split.counts,
        "notes": split.notes,
        "seeds": args.seeds,
        "peer_settings": dict(args.peer_set),
        "overrides": ours.non_default_params(ours.parse_params(args.set)),
        "ours": rows["ours"].get("Freshet", {}),
        "baselines": rows["baselines"],
        "peers": rows["peers"],
    }


def _print_table(split: Split, rows: ResultTable) -> None:
    summaries = {name: summary for group in rows.values() for name, summary in group.items()}
    sys.stdout.write(format_table(summaries) + f"\n{len(split.test):,} cases; mean ± deviation over the seeds\n")


def _load_split(args: argparse.Namespace) -> Split:
    if args.interactions:
        return leave_one_out(read_interactions(args.interactions))
    if args.online_retail:
        from benchmarks.quality.retail import next_basket_split

        return next_basket_split(args.online_retail)
    if not args.sessions_test:
        raise FreshetError("--sessions-train", "no --sessions-test beside it", "give both files")
    train, test = (read_sessions(path, args.columns) for path in (args.sessions_train, args.sessions_test))
    return next_click_split(train, test)


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument("--interactions", type=Path, help="lines `user item item …`, or pairs `user item`")
    data.add_argument("--sessions-train", type=Path, help="tab-separated session, item, time; .gz is fine")
    data.add_argument("--online-retail", type=Path, help="UCI Online Retail as csv: next basket")
    parser.add_argument("--sessions-test", type=Path)
    parser.add_argument("--columns", type=_parse_columns, help="header names of session, item and time: a,b,c")
    parser.add_argument("--seeds", type=parse_ints, default=[1, 2, 3], help="1,2,3")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="override a TrainParams field")
    parser.add_argument("--validation-cases", type=int, help="score at most so many after an epoch (default: all)")
    parser.add_argument("--peers", type=_parse_peers, default=[], help="rectools,implicit")
    parser.add_argument("--peer-epochs", type=int, default=200, help="RecTools: at most (its benchmark's value)")
    parser.add_argument("--peer-patience", type=int, default=50, help="RecTools: epochs without a better validation")
    parser.add_argument(
        "--peer-set", type=_parse_setting, action="append", default=[], metavar="NAME=VALUE", help="RecTools"
    )
    parser.add_argument("--without-ours", action="store_true", help="baselines and peers only")
    return parser.parse_args()


def _parse_peers(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in peers.METHODS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: no such peer; take {', '.join(peers.METHODS)}")
    return names


def _parse_setting(text: str) -> tuple[str, object]:
    name, _, value = text.partition("=")
    return name, json.loads(value)


def _parse_columns(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if len(names) != 3:
        raise argparse.ArgumentTypeError("give three names: session,item,time")
    return names


if __name__ == "__main__":
    main()

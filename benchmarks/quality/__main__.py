"""Recommendation quality on public data: Freshet's model beside baselines and peers, all items ranked.

    python -m benchmarks.quality --interactions Beauty.txt --seeds 1,2,3 --peers rectools,implicit
    python -m benchmarks.quality --sessions-train train.txt.gz --sessions-test test.txt.gz
    python -m benchmarks.quality --online-retail online-retail-dataset.csv.gz

The protocols stand in docs/benchmarks.md. Last line: JSON.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from benchmarks.quality import baselines, ours, peers
from benchmarks.quality.files import read_interactions, read_sessions
from benchmarks.quality.measures import Figures, Summary, as_table, figures, summary
from benchmarks.quality.splits import Split, leave_one_out, next_clicks
from benchmarks.report import finish, say
from freshet.errors import FreshetError


def main() -> None:
    """Read, split, ask everybody, report."""
    begun = time.perf_counter()
    asked = _arguments()
    try:
        split = _split(asked)
        rows = _answers(split, asked)
    except FreshetError as error:
        sys.exit(str(error))
    _print(split, rows)
    finish("quality", {**_report(split, rows, asked), "seconds": round(time.perf_counter() - begun, 1)})


Rows = dict[str, dict[str, Summary]]  # ours / baselines / peers → method → metrics


def _answers(split: Split, asked: argparse.Namespace) -> Rows:
    for name, count in split.counts.items():
        say(f"{name}: {count:,}")
    for note in split.notes:
        say(note)
    rows: Rows = {"ours": {}, "baselines": {}, "peers": {}}
    for name, answered in baselines.answer_all(split):
        rows["baselines"][name] = summary([figures(answered.lists, split.test, split.metrics)])
    rows["peers"] = _peers(split, asked)
    if not asked.without_ours:
        rows["ours"]["Freshet"] = summary(_ours(split, asked))
    return rows


def _peers(split: Split, asked: argparse.Namespace) -> dict[str, Summary]:
    if not asked.peers:
        return {}
    told = peers.Told(asked.peer_epochs, asked.peer_patience, dict(asked.peer_set))
    found: dict[str, list[Figures]] = {}
    for name, answered in peers.answer_all(split, asked.peers, asked.seeds, told):
        found.setdefault(name, []).append(figures(answered.lists, split.test, split.metrics))
        say(f"{name}: {found[name][-1]}, {answered.seconds:.0f} s")
    return {name: summary(runs) for name, runs in found.items()}


def _ours(split: Split, asked: argparse.Namespace) -> list[Figures]:
    params = ours.parameters(asked.set)
    found = []
    for seed in asked.seeds:
        answered = ours.answer(split, params.model_copy(update={"seed": seed}), asked.validation_cases)
        found.append(figures(answered.lists, split.test, split.metrics))
        say(f"Freshet, seed {seed}: {found[-1]}, {answered.seconds:.0f} s")
    return found


def _report(split: Split, rows: Rows, asked: argparse.Namespace) -> dict[str, object]:
    return {
        "data": split.counts,
        "notes": split.notes,
        "seeds": asked.seeds,
        "peer_settings": dict(asked.peer_set),
        "not_default": ours.differing(ours.parameters(asked.set)),
        "ours": rows["ours"].get("Freshet", {}),
        "baselines": rows["baselines"],
        "peers": rows["peers"],
    }


def _print(split: Split, rows: Rows) -> None:
    everybody = {name: found for group in rows.values() for name, found in group.items()}
    sys.stdout.write(as_table(everybody) + f"\n{len(split.test):,} cases; mean ± deviation over the seeds\n")


def _split(asked: argparse.Namespace) -> Split:
    if asked.interactions:
        return leave_one_out(read_interactions(asked.interactions))
    if asked.online_retail:
        from benchmarks.quality.retail import next_baskets

        return next_baskets(asked.online_retail)
    if not asked.sessions_test:
        raise FreshetError("--sessions-train", "no --sessions-test beside it", "give both files")
    train, test = (read_sessions(path, asked.columns) for path in (asked.sessions_train, asked.sessions_test))
    return next_clicks(train, test)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument("--interactions", type=Path, help="lines `user item item …`, or pairs `user item`")
    data.add_argument("--sessions-train", type=Path, help="tab-separated session, item, time; .gz is fine")
    data.add_argument("--online-retail", type=Path, help="UCI Online Retail as csv: next basket")
    parser.add_argument("--sessions-test", type=Path)
    parser.add_argument("--columns", type=_names, help="header names of session, item and time: a,b,c")
    parser.add_argument("--seeds", type=_numbers, default=[1, 2, 3], help="1,2,3")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="another TrainParams value")
    parser.add_argument("--validation-cases", type=int, help="score at most so many after an epoch (default: all)")
    parser.add_argument("--peers", type=_peer_names, default=[], help="rectools,implicit")
    parser.add_argument("--peer-epochs", type=int, default=200, help="RecTools: at most (its benchmark's value)")
    parser.add_argument("--peer-patience", type=int, default=50, help="RecTools: epochs without a better validation")
    parser.add_argument("--peer-set", type=_setting, action="append", default=[], metavar="NAME=VALUE", help="RecTools")
    parser.add_argument("--without-ours", action="store_true", help="baselines and peers only")
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def _peer_names(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in peers.METHODS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: no peer; there is {', '.join(peers.METHODS)}")
    return names


def _setting(text: str) -> tuple[str, object]:
    name, _, value = text.partition("=")
    return name, json.loads(value)


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if len(names) != 3:
        raise argparse.ArgumentTypeError("give three names: session,item,time")
    return names


if __name__ == "__main__":
    main()

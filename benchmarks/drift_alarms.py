"""How often a drift report cries wolf, and how often it sees what is there: the simulated shop, many seeds, no Spark.

Usage: PYTHONPATH=. .venv/bin/python -m benchmarks.drift_alarms [SEEDS]. The figures of docs/watching.md. The champion
is sequential rules here, so that a seed takes seconds: what matters is how its quality varies from day to day.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np

from benchmarks.simulation_training import training_set
from freshet.cases import next_basket_cases
from freshet.columns import EVENT_TYPES, TYPE_CODE
from freshet.history import Histories
from freshet.judge.evaluation import evaluate, remap
from freshet.judge.metrics import ndcg
from freshet.live.baselines import SequentialRules, build_baselines
from freshet.simulation.landing_files import write_landing_files
from freshet.simulation.params import Drift, DriftKind, ShopParams
from freshet.simulation.shop import Shop, generate
from freshet.training_set import TrainingSet
from freshet.watch.comparison import Side, compare_columns
from freshet.watch.params import DriftParams
from freshet.watch.quality import Quality, compare_quality
from freshet.watch.verdict import Compared, DriftVerdict, decide

if TYPE_CHECKING:
    import pandas as pd

DRIFT_KINDS: tuple[DriftKind, ...] = get_args(DriftKind)
CUT, AS_OF = 17, 20  # numbers of days: the champion learns up to the first and is judged up to the second
FRESH = (1, 2, 3)  # days that have landed since
SHOPPERS = 2_000
FIRST = 201  # seed; `slack` was set on 101 to 120
PARAMS = DriftParams()


def verdicts(shop: Shop, fresh_days: Sequence[int], doubled_looks: float = 0.0) -> list[DriftVerdict]:
    """What the reports say when so many days have landed after those the champion knows.

    doubled_looks: the share of the fresh days' looks that a tracker has written twice, a second apart.
    """
    events, champion = _events(shop), training_set(shop, CUT, AS_OF)
    events = _doubled(events, shop.params.first_day + timedelta(days=AS_OF), doubled_looks)
    return [_verdict(shop, events, champion, days, doubled_looks) for days in fresh_days]


def _doubled(events: "pd.DataFrame", after: date, share: float) -> "pd.DataFrame":
    import pandas as pd

    looks = events[(events["landing_date"] > after) & (events["event_type"] == "view")]
    copies = looks[np.random.default_rng(1).random(len(looks)) < share]
    copies = copies.assign(event_time=copies["event_time"] - pd.Timedelta(seconds=1))
    return pd.concat([events, copies], ignore_index=True)


def doubled_histories(histories: Histories, after: int, share: float) -> Histories:
    """Of the looks landed after day `after` a share with a copy a second before, as a faulty tracker writes them."""
    looks = (histories.days > after) & (histories.types == TYPE_CODE["view"])
    times = 1 + (looks & (np.random.default_rng(1).random(len(looks)) < share))
    rows = np.repeat(np.arange(len(times)), times)
    copy = np.append(rows[1:] == rows[:-1], False)
    return Histories(
        histories.shoppers,
        np.concatenate([[0], np.cumsum(times)])[histories.offsets],
        histories.items[rows],
        histories.types[rows],
        histories.times[rows] - copy,
        histories.days[rows],
    )


def _verdict(
    shop: Shop, events: "pd.DataFrame", champion: TrainingSet, days: int, doubled_looks: float
) -> DriftVerdict:
    first = shop.params.first_day
    reference, fresh = range(CUT + 1), range(AS_OF + 1, AS_OF + 1 + days)
    sides = [_side(events, [first + timedelta(days=n) for n in span]) for span in (reference, fresh)]
    known = champion.vocabulary.index_of([str(item) for item in sides[1].events["item_id"]])
    found = Compared(
        bundle="sequential rules",
        release=1,
        reference=(first, first + timedelta(days=CUT)),
        fresh=(first + timedelta(days=fresh[0]), first + timedelta(days=fresh[-1])),
        fresh_events=len(known),
        columns=compare_columns(sides[0], sides[1], PARAMS),
        unknown=float((known == 0).mean()),
        quality=_quality(shop, champion, fresh[-1], doubled_looks),
    )
    return decide(found, PARAMS)


def _events(shop: Shop) -> "pd.DataFrame":
    """The good rows of the shop's export, as the table `events` has them."""
    import pandas as pd

    with tempfile.TemporaryDirectory() as temporary:
        files = write_landing_files(shop, Path(temporary)).files
        parts = [pd.read_csv(path).assign(landing_date=date.fromisoformat(path.stem[-10:])) for path in files]
    rows = pd.concat(parts, ignore_index=True).drop_duplicates("event_id")
    rows["event_time"] = pd.to_datetime(rows["event_time"])
    late = rows["event_time"].dt.date > rows["landing_date"]
    good: pd.DataFrame = rows[rows["item_id"].notna() & rows["event_type"].isin(EVENT_TYPES) & ~late]
    return good


def _side(events: "pd.DataFrame", days: Sequence[date]) -> Side:
    own = events[events["landing_date"].isin(days)]
    own = own.assign(shopper=own["user_id"].fillna(own["session_id"]))
    grouped = own.assign(bought=own["event_type"] == "purchase").groupby(["landing_date", "shopper"])
    features = grouped.agg(events=("event_id", "size"), purchases=("bought", "sum")).reset_index(level=0)
    return Side(own, features.reset_index(drop=True))


def _quality(shop: Shop, champion: TrainingSet, last: int, doubled_looks: float) -> Quality:
    whole = training_set(shop, CUT, last)
    histories = doubled_histories(whole.histories, champion.cut - CUT + AS_OF, doubled_looks)
    never = np.arange(len(champion.vocabulary) + 1) == 0
    scorer = SequentialRules(build_baselines(champion), never)
    opened = champion.cut - CUT
    sides = []
    for after, until in ((CUT, AS_OF), (AS_OF, last)):
        cases = next_basket_cases(histories, opened + after, opened + until)
        chosen = np.random.default_rng(PARAMS.seed).permutation(len(cases))[: PARAMS.cases]
        own = remap(cases.take(np.sort(chosen)), whole.vocabulary, champion.vocabulary)
        answers = evaluate(scorer, own, (10,))
        sides.append((ndcg(answers.hits, answers.sizes, 10), own.owners))
    return compare_quality(*sides[0], *sides[1], PARAMS)


def shop(seed: int, kind: DriftKind | None, strength: float = 1.0, shoppers: int = SHOPPERS) -> Shop:
    """The demo's shop, with a drift that begins with the fresh days."""
    drifts = () if kind is None else (Drift(kind, AS_OF + 1, strength),)
    return generate(ShopParams(seed=seed, shoppers=shoppers, drifts=drifts))


def main(seeds: int) -> None:
    """One line per kind, strength and number of fresh days: how many of the shops are said to have drifted."""
    kinds: list[tuple[DriftKind | None, float]] = [(None, 0.0)]
    kinds += [(kind, strength) for strength in (1.0, 0.5) for kind in DRIFT_KINDS]
    _report_doubled_looks(seeds)
    for kind, strength in kinds:
        fresh, count = (FRESH, seeds) if kind is None else (FRESH[:2], max(1, seeds // 5))
        shops = (shop(seed, kind, strength) for seed in range(FIRST, FIRST + count))
        told = list(zip(*(verdicts(one, fresh) for one in shops), strict=True))
        name = "no drift" if kind is None else f"{kind} {strength:g}"
        for days, own in zip(fresh, told, strict=True):
            sys.stdout.write(f"{name:<14} {days} fresh days: {sum(v.drifted for v in own)} of {count}\n")
            sys.stdout.writelines(f"      {one.sentence}\n" for one in own if one.drifted == (kind is None))
        sys.stdout.flush()


def _report_doubled_looks(seeds: int) -> None:
    """Looks written twice: in how many shops the column shows it, and in how many the answers are called too good."""
    count = max(1, seeds // 5)
    shops = [shop(seed, None) for seed in range(FIRST, FIRST + count)]
    for share in (1.0, 0.2):
        for days, own in zip(FRESH[:2], zip(*(verdicts(s, FRESH[:2], share) for s in shops), strict=True), strict=True):
            seen = sum(any(c.drifted and c.name == "same item again" for c in v.columns) for v in own)
            rose = sum(bool(v.too_good) for v in own)
            words = f"column {seen}, too good {rose} of {count}"
            sys.stdout.write(f"doubled {share:g} {days} fresh days: {words}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeds", type=int, nargs="?", default=20, help="shops without drift")
    main(parser.parse_args().seeds)

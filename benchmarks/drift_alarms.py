"""False alarms and detections of the drift report, on many seeds of the simulated shop, without Spark.

    python -m benchmarks.drift_alarms [SEEDS]

The champion is sequential rules, so that a seed takes seconds; the benchmark needs only how its quality varies from
day to day. The figures stand in docs/monitoring.md. Last line: JSON.
"""

import argparse
import tempfile
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np

from benchmarks.report import print_progress, print_result
from benchmarks.simulation_training import simulated_training_set
from freshet.data.columns import EVENT_TYPE_CODES, EVENT_TYPES
from freshet.data.eval_cases import next_basket_cases
from freshet.data.history import Histories
from freshet.data.training_set import TrainingSet
from freshet.evaluation.evaluate import evaluate_cases, remap_cases
from freshet.evaluation.metrics import ndcg
from freshet.inference.baselines import SequentialRulesScorer, build_baselines
from freshet.monitoring.column_drift import DriftWindowData, compare_columns
from freshet.monitoring.params import DriftParams
from freshet.monitoring.quality import QualityDrift, compare_quality
from freshet.monitoring.verdict import DriftMeasurements, DriftVerdict, decide_drift
from freshet.simulation.landing_files import write_landing_files
from freshet.simulation.params import Drift, DriftKind, ShopParams
from freshet.simulation.shop import Shop, generate

if TYPE_CHECKING:
    import pandas as pd

DRIFT_KINDS: tuple[DriftKind, ...] = get_args(DriftKind)
TRAIN_UNTIL, AS_OF = 17, 20  # day numbers: the champion is trained up to the first and evaluated up to the second
CURRENT_DAYS = (1, 2, 3)  # days after AS_OF
N_SHOPPERS = 2_000
FIRST_SEED = 201  # `baseline_multiplier` was chosen on seeds 101 to 120
PARAMS = DriftParams()


def drift_verdicts(shop: Shop, current_days: Sequence[int], doubled_view_share: float = 0.0) -> list[DriftVerdict]:
    """The verdicts of the drift report for each number of current days.

    doubled_view_share: the share of the current days' views that a faulty tracker writes twice, a second apart.
    """
    events, train_set = _events_table(shop), simulated_training_set(shop, TRAIN_UNTIL, AS_OF)
    events = _with_doubled_views(events, shop.params.first_day + timedelta(days=AS_OF), doubled_view_share)
    return [_drift_verdict(shop, events, train_set, days, doubled_view_share) for days in current_days]


def _with_doubled_views(events: "pd.DataFrame", after_day: date, share: float) -> "pd.DataFrame":
    import pandas as pd

    views = events[(events["landing_date"] > after_day) & (events["event_type"] == "view")]
    copies = views[np.random.default_rng(1).random(len(views)) < share]
    copies = copies.assign(event_time=copies["event_time"] - pd.Timedelta(seconds=1))
    return pd.concat([events, copies], ignore_index=True)


def with_doubled_views(histories: Histories, after_day: int, share: float) -> Histories:
    """The histories, where a share of the views landed after `after_day` has a copy a second before."""
    views = (histories.days > after_day) & (histories.types == EVENT_TYPE_CODES["view"])
    copies = 1 + (views & (np.random.default_rng(1).random(len(views)) < share))
    rows = np.repeat(np.arange(len(copies)), copies)
    is_copy = np.append(rows[1:] == rows[:-1], False)
    return Histories(
        histories.shoppers,
        np.concatenate([[0], np.cumsum(copies)])[histories.offsets],
        histories.items[rows],
        histories.types[rows],
        histories.times[rows] - is_copy,
        histories.days[rows],
    )


def _drift_verdict(
    shop: Shop, events: "pd.DataFrame", train_set: TrainingSet, n_current_days: int, doubled_view_share: float
) -> DriftVerdict:
    first_day = shop.params.first_day
    reference, current = range(TRAIN_UNTIL + 1), range(AS_OF + 1, AS_OF + 1 + n_current_days)
    windows = [_drift_window(events, [first_day + timedelta(days=n) for n in span]) for span in (reference, current)]
    item_indices = train_set.vocabulary.indices([str(item) for item in windows[1].events["item_id"]])
    measurements = DriftMeasurements(
        bundle="sequential rules",
        release=1,
        reference=(first_day, first_day + timedelta(days=TRAIN_UNTIL)),
        current=(first_day + timedelta(days=current[0]), first_day + timedelta(days=current[-1])),
        current_events=len(item_indices),
        columns=compare_columns(windows[0], windows[1], PARAMS),
        unknown_share=float((item_indices == 0).mean()),
        quality=_quality_drift(shop, train_set, current[-1], doubled_view_share),
    )
    return decide_drift(measurements, PARAMS)


def _events_table(shop: Shop) -> "pd.DataFrame":
    """The valid rows of the shop's export, as in the table `events`."""
    import pandas as pd

    with tempfile.TemporaryDirectory() as temporary:
        files = write_landing_files(shop, Path(temporary)).files
        frames = [pd.read_csv(path).assign(landing_date=date.fromisoformat(path.stem[-10:])) for path in files]
    rows = pd.concat(frames, ignore_index=True).drop_duplicates("event_id")
    rows["event_time"] = pd.to_datetime(rows["event_time"])
    late = rows["event_time"].dt.date > rows["landing_date"]
    valid_events: pd.DataFrame = rows[rows["item_id"].notna() & rows["event_type"].isin(EVENT_TYPES) & ~late]
    return valid_events


def _drift_window(events: "pd.DataFrame", days: Sequence[date]) -> DriftWindowData:
    window_events = events[events["landing_date"].isin(days)]
    window_events = window_events.assign(shopper=window_events["user_id"].fillna(window_events["session_id"]))
    grouped = window_events.assign(bought=window_events["event_type"] == "purchase").groupby(
        ["landing_date", "shopper"]
    )
    features = grouped.agg(events=("event_id", "size"), purchases=("bought", "sum")).reset_index(level=0)
    return DriftWindowData(window_events, features.reset_index(drop=True))


def _quality_drift(shop: Shop, train_set: TrainingSet, last_day: int, doubled_view_share: float) -> QualityDrift:
    full_set = simulated_training_set(shop, TRAIN_UNTIL, last_day)
    histories = with_doubled_views(full_set.histories, train_set.train_until - TRAIN_UNTIL + AS_OF, doubled_view_share)
    excluded_items = np.arange(len(train_set.vocabulary) + 1) == 0
    scorer = SequentialRulesScorer(build_baselines(train_set), excluded_items)
    first_day = train_set.train_until - TRAIN_UNTIL
    windows = []
    for after, until in ((TRAIN_UNTIL, AS_OF), (AS_OF, last_day)):
        cases = next_basket_cases(histories, first_day + after, first_day + until)
        sampled_indices = np.random.default_rng(PARAMS.seed).permutation(len(cases))[: PARAMS.max_cases]
        sampled_cases = remap_cases(cases.take(np.sort(sampled_indices)), full_set.vocabulary, train_set.vocabulary)
        scores = evaluate_cases(scorer, sampled_cases, (10,))
        windows.append((ndcg(scores.hits, scores.n_targets, 10), sampled_cases.shopper_index))
    return compare_quality(*windows[0], *windows[1], PARAMS)


def generate_shop(seed: int, kind: DriftKind | None, strength: float = 1.0, shoppers: int = N_SHOPPERS) -> Shop:
    """The demo's shop, with a drift from the first current day on."""
    drifts = () if kind is None else (Drift(kind, AS_OF + 1, strength),)
    return generate(ShopParams(seed=seed, shoppers=shoppers, drifts=drifts))


def main(seeds: int) -> None:
    """Print, for every kind, strength and number of current days, in how many shops drift is reported."""
    drifts: list[tuple[DriftKind | None, float]] = [(None, 0.0)]
    drifts += [(kind, strength) for strength in (1.0, 0.5) for kind in DRIFT_KINDS]
    doubled_views, rows = _doubled_view_rows(seeds), []
    for kind, strength in drifts:
        current_days, count = (CURRENT_DAYS, seeds) if kind is None else (CURRENT_DAYS[:2], max(1, seeds // 5))
        shops = (generate_shop(seed, kind, strength) for seed in range(FIRST_SEED, FIRST_SEED + count))
        verdicts_by_days = list(zip(*(drift_verdicts(shop, current_days) for shop in shops), strict=True))
        name = "no drift" if kind is None else f"{kind} {strength:g}"
        for days, verdicts in zip(current_days, verdicts_by_days, strict=True):
            n_drifted = sum(verdict.drifted for verdict in verdicts)
            rows.append({"drift": name, "current_days": days, "drifted": n_drifted, "shops": count})
            print_progress(f"{name:<14} {days} current days: {n_drifted} of {count}")
            for verdict in verdicts:
                if verdict.drifted == (kind is None):
                    print_progress(f"      {verdict.sentence}")
    print_result("drift_alarms", {"doubled_views": doubled_views, "drifts": rows})


def _doubled_view_rows(seeds: int) -> list[dict[str, object]]:
    """Print in how many shops doubled views are seen by the column of repeats, and by quality that is too good."""
    count = max(1, seeds // 5)
    shops = [generate_shop(seed, None) for seed in range(FIRST_SEED, FIRST_SEED + count)]
    rows: list[dict[str, object]] = []
    for share in (1.0, 0.2):
        for days, verdicts in zip(
            CURRENT_DAYS[:2],
            zip(*(drift_verdicts(s, CURRENT_DAYS[:2], share) for s in shops), strict=True),
            strict=True,
        ):
            n_drifted = sum(any(c.drifted and c.name == "same item again" for c in v.columns) for v in verdicts)
            n_too_good = sum(bool(v.rise_reasons) for v in verdicts)
            rows.append(
                {"share": share, "current_days": days, "column": n_drifted, "too_good": n_too_good, "shops": count}
            )
            print_progress(
                f"doubled {share:g} {days} current days: column {n_drifted}, too good {n_too_good} of {count}"
            )
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeds", type=int, nargs="?", default=20, help="shops without drift")
    main(parser.parse_args().seeds)

"""The overhead of Dagster: one day through the job `nightly`, and the same functions called without Dagster.

    python -m benchmarks.orchestration [--runs 5]
    python -m benchmarks.orchestration --range-days 374

Both run in one process on the same lake, gates included, and take turns. The budget is 2 s per run, 45 ms per asset and
10 ms per check. With --range-days: the events that Dagster writes for one run over so many days, with its own event log
and with Freshet's (see orchestration_range).
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.report import print_progress, print_result
from freshet.errors import LakeError

if TYPE_CHECKING:
    from freshet.steps.step_result import Ref, StepResult
    from resources.lake import Lake

HOLDOUT_DAYS = 2
TRAINING_CONFIG = {"max_epochs": 1, "hidden_dim": 16, "n_layers": 1, "n_heads": 2}
RUN_CONFIG = {
    "ops": {"trained_model": {"config": TRAINING_CONFIG}, "training_set": {"config": {"holdout_days": HOLDOUT_DAYS}}},
    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
}
RUN_BUDGET_S, ASSET_BUDGET_S, CHECK_BUDGET_S = 2.0, 0.045, 0.010


def main() -> None:
    """Publish all days of a small shop but the last, then run the last one in turns with and without Dagster."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--range-days", type=int, help="measure one run over so many days of stub tables")
    args = parser.parse_args()
    if args.range_days:
        from benchmarks.orchestration_range import measure

        with tempfile.TemporaryDirectory() as temporary:
            measure(Path(temporary), args.range_days)
        return
    with tempfile.TemporaryDirectory() as temporary:
        _prepare(Path(temporary))
        run_bare, run_dagster, counts = _runners()
        print_progress(f"{args.runs} turns, without and with Dagster")
        pairs = [(_time_call(run_bare), _time_call(run_dagster)) for _ in range(args.runs)]
        _report(pairs, *counts)


def _prepare(root: Path) -> None:
    """Set the settings, before the assets are imported and read them."""
    os.environ["FRESHET_LAKE"] = str(root / "lake")
    os.environ["FRESHET_MAPPING"] = str(Path("examples/simulated_shop.yaml").absolute())
    os.environ["FRESHET_FIRST_DAY"] = "2026-01-05"
    os.environ["DAGSTER_HOME"] = str(root / "dagster")
    (root / "dagster").mkdir()
    shutil.copy("deploy/dagster.yaml", root / "dagster")


def _time_call(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _runners() -> tuple[Callable[[], None], Callable[[], None], tuple[int, int]]:
    """(the call without Dagster, the Dagster run, (assets, checks)); both have run once to warm up."""
    import dagster as dg

    from assets.partitions import SETTINGS
    from freshet.simulation.params import ShopParams
    from pipelines.definitions import defs
    from pipelines.jobs import DAILY_TABLES, DERIVED_ASSETS, MODEL_ASSETS, nightly
    from pipelines.load_simulation import deliver
    from resources.lake import Lake

    lake = Lake(SETTINGS)
    days = deliver(SETTINGS, lake.mapping_for([]), ShopParams(shoppers=500, days=9, first_day=SETTINGS.first_day)).days
    job = defs.resolve_job_def(nightly.name)
    instance = dg.DagsterInstance.get()

    def run_dagster() -> None:
        job.execute_in_process(instance=instance, tags={"dagster/partition": str(days[-1])}, run_config=RUN_CONFIG)

    print_progress("the days before, and one turn to warm up")
    publish_daily_tables(lake, days[:-1])
    run_all_steps(lake, days[-1:])
    run_dagster()
    selected = {*DAILY_TABLES, *DERIVED_ASSETS, *MODEL_ASSETS}
    definitions = [definition for definition in defs.assets or () if isinstance(definition, dg.AssetsDefinition)]
    assets = [definition for definition in definitions if selected & {key.to_user_string() for key in definition.keys}]
    checks = sum(spec.asset_key.to_user_string() in selected for asset in assets for spec in asset.check_specs)
    return lambda: run_all_steps(lake, days[-1:]), run_dagster, (len(selected), checks)


def publish_daily_tables(lake: "Lake", days: Sequence[date]) -> None:
    """Publish the daily tables, as their assets do, without Dagster."""
    from freshet.features import daily
    from freshet.features.daily_tables import DailyTables
    from freshet.features.deduplication import publish_events
    from freshet.features.impressions import publish_impressions
    from freshet.tables.schemas import HISTORIES, ITEM_FEATURES, ITEMS, USER_FEATURES

    run = DailyTables(lake.spark, lake.settings, lake.store, days)
    run.publish_raw_events(lake.mapping_for([]), lake.pseudonym_key)
    run.publish_quarantined_events()
    publish_events(run)
    run.publish_from_events(ITEMS, daily.items, "items", None)
    run.publish_from_events(ITEM_FEATURES, daily.item_features, "rows", "returns")
    run.publish_from_events(USER_FEATURES, daily.user_features, "rows", None)
    run.publish_from_events(HISTORIES, daily.histories, "rows", None)
    publish_impressions(run)


def run_all_steps(lake: "Lake", days: Sequence[date]) -> None:
    """Run every step of the job `nightly` without Dagster."""
    from freshet.evaluation.params import EvaluationParams
    from freshet.features.training_set import publish_training_set, publish_vocabulary
    from freshet.model.params import TrainParams
    from freshet.monitoring.params import DriftParams
    from freshet.steps.bundle.build import make_bundle
    from freshet.steps.content_embeddings import make_content_embeddings
    from freshet.steps.drift_report import make_drift_report
    from freshet.steps.evaluation.evaluate import evaluate_bundle
    from freshet.steps.latest_histories import make_latest_histories
    from freshet.steps.new_items import make_new_items
    from freshet.steps.release.release import release_bundle
    from freshet.steps.training.train import train_model

    publish_daily_tables(lake, days)
    settings, store, as_of = lake.settings, lake.store, days[-1]
    publish_vocabulary(lake.spark, settings)
    make_content_embeddings(settings, store)
    make_new_items(settings, store)
    train_until = as_of - timedelta(days=HOLDOUT_DAYS)
    _, training_set = publish_training_set(lake.spark, settings, as_of, train_until, 2000)
    make_latest_histories(settings, store, training_set)
    make_drift_report(settings, store, DriftParams(), datetime.now(UTC).date())
    model = train_model(settings, store, training_set, TrainParams(**TRAINING_CONFIG), lambda _: None)
    bundle = make_bundle(settings, store, _require_ref(model))
    evaluation = evaluate_bundle(settings, store, _require_ref(bundle), EvaluationParams())
    release_bundle(store, _require_ref(evaluation), settings, by="benchmark")


def _require_ref(result: "StepResult[Any, Ref]") -> "Ref":
    if result.ref is None:
        raise LakeError(result.gate.subject, result.message(), "fix it before measuring")
    return result.ref


def _report(pairs: list[tuple[float, float]], assets: int, checks: int) -> None:
    overhead = [dagster - bare for bare, dagster in pairs]
    budget = RUN_BUDGET_S + ASSET_BUDGET_S * assets + CHECK_BUDGET_S * checks
    for bare, dagster in pairs:
        print_progress(f"bare {bare:.2f} s, through Dagster {dagster:.2f} s")
    print_result(
        "orchestration",
        {
            "bare_s": round(median([bare for bare, _ in pairs]), 3),
            "dagster_s": round(median([dagster for _, dagster in pairs]), 3),
            "overhead_s": round(median(overhead), 3),
            "budget_s": round(budget, 3),
            "assets": assets,
            "checks": checks,
            "runs": len(pairs),
        },
    )


if __name__ == "__main__":
    main()

"""The events and seconds of a Dagster run over a range of days: the daily tables as stubs with their real gates.

Called by `python -m benchmarks.orchestration --range-days 374`. No data is read or staged: all time is that of
Dagster, the checks and the event log. Every eighth day is without a delivery, and no impressions have landed.
"""

import os
import resource
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from benchmarks.report import print_progress, print_result
from resources.run_days import range_tags

if TYPE_CHECKING:
    from freshet.publishing.publish import PublishResult

DAGSTER_CONFIG: Final = Path("deploy/dagster.yaml")
EVENT_LOG_CONFIGS: Final = {
    "dagster": "telemetry:\n  enabled: false\n",
    "freshet": DAGSTER_CONFIG.read_text(),
}  # event log → dagster.yaml
QUIET_RUN_CONFIG: Final = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
FIRST_DAY: Final = date(2024, 1, 1)


@dataclass(frozen=True)
class RunCost:
    """Seconds and events of one run."""

    seconds: float
    startup_s: float  # until the first step
    cpu_s: float  # of this process
    events: int
    top_events: dict[str, int]  # event type → count


def measure(root: Path, days: int) -> None:
    """Run the range with Dagster's own event log and with Freshet's, and print the figures."""
    _prepare(root)
    definitions = _definitions()
    costs = {
        name: _measure_run(definitions, _write_home(root / name, text), days)
        for name, text in EVENT_LOG_CONFIGS.items()
    }
    for name, cost in costs.items():
        print_progress(
            f"{name}: {cost.events} events, {cost.seconds:.1f} s, {cost.startup_s:.1f} s of them before the first step"
        )
    print_result("orchestration_range", {"days": days, **{name: vars(cost) for name, cost in costs.items()}})


def _prepare(root: Path) -> None:
    """Set the settings, before the assets are imported and read them."""
    os.environ["FRESHET_LAKE"] = str(root / "lake")
    os.environ["FRESHET_FIRST_DAY"] = FIRST_DAY.isoformat()


def _write_home(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "dagster.yaml").write_text(text)
    return folder


def _measure_run(definitions: dg.Definitions, home: Path, days: int) -> RunCost:
    os.environ["DAGSTER_HOME"] = str(home)
    job = definitions.resolve_implicit_global_asset_job_def()
    tags = range_tags([FIRST_DAY + timedelta(days=number) for number in range(days)])
    with dg.DagsterInstance.from_config(str(home)) as instance:
        start, cpu_s = time.time(), _cpu_seconds()
        result = job.execute_in_process(instance=instance, tags=tags, run_config=QUIET_RUN_CONFIG)
        seconds = time.time() - start
        cpu_s = _cpu_seconds() - cpu_s
        logs = instance.all_logs(result.run_id)
    names = [log.dagster_event.event_type_value if log.dagster_event else "log" for log in logs]
    first_step = next(log.timestamp for log, name in zip(logs, names, strict=True) if name == "STEP_START")
    top_events = dict(Counter(names).most_common(5))
    return RunCost(round(seconds, 2), round(first_step - start, 2), round(cpu_s, 2), len(names), top_events)


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _definitions() -> dg.Definitions:
    """The daily tables with the project's dependencies and checks; each publishes a profile that passes."""
    from assets.partitions import SETTINGS
    from freshet.tables.schemas import TABLES
    from pipelines.definitions import defs
    from resources.lake import Lake
    from resources.lake_io import LakeIO

    tables = {table.name for table in TABLES if table.daily}
    graph = defs.resolve_asset_graph()
    assets = [_stub_asset(key.to_user_string(), graph.get(key).parent_keys) for key in graph.toposorted_asset_keys
           if key.to_user_string() in tables]  # fmt: skip
    return dg.Definitions(assets, resources={"io_manager": LakeIO(Lake(SETTINGS))}, executor=dg.in_process_executor)


def _stub_asset(name: str, parents: Any) -> dg.AssetsDefinition:
    from assets import gates
    from assets.partitions import DAILY_PARTITIONS, SINGLE_RUN, partition_days

    @dg.asset(
        name=name,
        partitions_def=DAILY_PARTITIONS,
        backfill_policy=SINGLE_RUN,
        output_required=False,
        deps=sorted(parents),
        check_specs=gates.check_specs(name),
    )
    def table(context: dg.AssetExecutionContext) -> Iterator[Any]:
        yield from gates.publish_table(context, _stub_publish_result(name, partition_days(context)))

    return table


def _stub_publish_result(name: str, days: Sequence[date]) -> "PublishResult":
    """A result with twelve counts per day, like a real profile; every rule passes."""
    import pandas as pd

    from assets.partitions import SETTINGS
    from freshet.gates.rules import GateReport, RuleResult
    from freshet.gates.suites import suite
    from freshet.publishing.publish import PublishResult
    from freshet.tables.schemas import TABLES

    table = next(table for table in TABLES if table.name == name)
    empty_days = tuple(days) if name == "impressions" else tuple(days[7::8])
    counts = {"rows": 1000, **{f"count_{number}": 0 for number in range(11)}}
    profile = pd.DataFrame([counts] * len(days), index=pd.Index(days, name="landing_date"))
    report = GateReport(name, tuple(RuleResult(rule, ()) for rule in suite(name, SETTINGS)))
    published_days = tuple(day for day in days if day not in set(empty_days))
    return PublishResult(table, published_days, {}, report, profile, 7, empty_days)

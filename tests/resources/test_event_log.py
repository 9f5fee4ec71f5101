"""The batched event log: the same files and results as Dagster's log; a batch is stored completely or not at all."""

from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from resources.event_log import BATCH_SIZE_VARIABLE, BatchedEventLog
from resources.run_days import range_tags

pytestmark = pytest.mark.dagster

DEPLOYED_CONFIG = (Path(__file__).parents[2] / "deploy" / "dagster.yaml").read_text()
DAYS = [date(2024, 3, day) for day in range(1, 4)]
DAILY_PARTITIONS = dg.DailyPartitionsDefinition("2024-01-01")
QUIET_RUN_CONFIG = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def daily_asset(name: str, *parents: str) -> dg.AssetsDefinition:
    @dg.asset(
        name=name, partitions_def=DAILY_PARTITIONS, backfill_policy=dg.BackfillPolicy.single_run(), deps=list(parents),
        check_specs=[dg.AssetCheckSpec("holds", asset=name, blocking=True)],
    )  # fmt: skip
    def daily_table() -> dg.MaterializeResult:
        return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True, check_name="holds")])

    return daily_table


DEFINITIONS = dg.Definitions([daily_asset("events"), daily_asset("items", "events")], executor=dg.in_process_executor)


def run_range(home: Path, text: str) -> tuple[dg.DagsterInstance, str]:
    """A Dagster at `home` in which three days were run as one range; (it, the run)."""
    home.mkdir()
    (home / "dagster.yaml").write_text(text)
    instance = dg.DagsterInstance.from_config(str(home))
    job = DEFINITIONS.resolve_implicit_global_asset_job_def()
    run_result = job.execute_in_process(instance=instance, tags=range_tags(DAYS), run_config=QUIET_RUN_CONFIG)
    assert run_result.success
    return instance, run_result.run_id


@pytest.fixture(scope="module")
def both_logs(tmp_path_factory):
    """The same run in Dagster's own event log and in ours."""
    folder = tmp_path_factory.mktemp("homes")
    with pytest.MonkeyPatch.context() as variables:
        variables.delenv(BATCH_SIZE_VARIABLE, raising=False)
        variables.setenv("DAGSTER_HOME", str(folder / "ours"))
        dagster_log = run_range(folder / "theirs", "telemetry:\n  enabled: false\n")
        freshet_log = run_range(folder / "ours", DEPLOYED_CONFIG)
        yield dagster_log, freshet_log
        for instance, _ in (dagster_log, freshet_log):
            instance.dispose()


def event_names(instance: dg.DagsterInstance, run: str) -> list[str]:
    return [log.dagster_event.event_type_value for log in instance.all_logs(run) if log.dagster_event]


def test_a_range_plans_one_event_per_table_and_stores_all_others_like_dagsters_log(both_logs):
    (dagster_log, their_run), (freshet_log, our_run) = both_logs
    event_type = "ASSET_MATERIALIZATION_PLANNED"
    assert (
        event_names(dagster_log, their_run).count(event_type),
        event_names(freshet_log, our_run).count(event_type),
    ) == (6, 2)
    assert [n for n in event_names(freshet_log, our_run) if n != event_type] == [
        n for n in event_names(dagster_log, their_run) if n != event_type
    ]


@pytest.mark.parametrize("table", ["events", "items"])
def test_partitions_and_last_materializations_equal_dagsters_log(both_logs, table):
    key = dg.AssetKey(table)
    (dagster_log, _), (freshet_log, our_run) = both_logs
    assert (
        freshet_log.get_materialized_partitions(key)
        == {str(day) for day in DAYS}
        == dagster_log.get_materialized_partitions(key)
    )
    assert freshet_log.get_latest_materialization_event(key).asset_materialization.partition == str(DAYS[-1])
    (check,) = freshet_log.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(key, "holds"), limit=1, partition_filter=None
    )
    assert (check.run_id, check.status.value) == (our_run, "SUCCEEDED")


def test_dagsters_log_reads_the_same_files(both_logs):
    _, (freshet_log, our_run) = both_logs
    runs_folder = str(Path(freshet_log.root_directory) / "history" / "runs")
    assert len(SqliteEventLogStorage(runs_folder).get_logs_for_run(our_run)) == len(freshet_log.all_logs(our_run))


def test_a_failed_batch_is_not_stored(tmp_path, both_logs):
    _, (freshet_log, our_run) = both_logs
    log = BatchedEventLog(str(tmp_path / "other"))
    log.register_instance(freshet_log)
    stored_event = next(
        entry for entry in freshet_log.all_logs(our_run) if entry.dagster_event_type.value == "ASSET_MATERIALIZATION"
    )
    with pytest.raises(dg._check.CheckError):
        log.store_event_batch([stored_event, None])
    assert (log.get_logs_for_run(our_run), log.get_materialized_partitions(stored_event.dagster_event.asset_key)) == (
        [],
        set(),
    )
    log.store_event_batch([stored_event, stored_event])
    assert len(log.get_logs_for_run(our_run)) == 2

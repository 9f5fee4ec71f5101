"""Dagster's events stored together: the same files, the same answers as one by one; all of a batch or none of it."""

from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from resources.event_log import BATCH, BatchedEventLog
from resources.run_days import range_tags

pytestmark = pytest.mark.dagster

DEPLOYED = (Path(__file__).parents[2] / "deploy" / "dagster.yaml").read_text()
DAYS = [date(2024, 3, day) for day in range(1, 4)]
DAILY = dg.DailyPartitionsDefinition("2024-01-01")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def asset(name: str, *parents: str) -> dg.AssetsDefinition:
    @dg.asset(
        name=name, partitions_def=DAILY, backfill_policy=dg.BackfillPolicy.single_run(), deps=list(parents),
        check_specs=[dg.AssetCheckSpec("holds", asset=name, blocking=True)],
    )  # fmt: skip
    def made() -> dg.MaterializeResult:
        return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True, check_name="holds")])

    return made


DEFINITIONS = dg.Definitions([asset("events"), asset("items", "events")], executor=dg.in_process_executor)


def ran(home: Path, text: str) -> tuple[dg.DagsterInstance, str]:
    """A Dagster at `home` in which three days were run as one range; (it, the run)."""
    home.mkdir()
    (home / "dagster.yaml").write_text(text)
    instance = dg.DagsterInstance.from_config(str(home))
    job = DEFINITIONS.resolve_implicit_global_asset_job_def()
    done = job.execute_in_process(instance=instance, tags=range_tags(DAYS), run_config=QUIET)
    assert done.success
    return instance, done.run_id


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    """The same run in Dagster's own event log and in ours."""
    folder = tmp_path_factory.mktemp("homes")
    with pytest.MonkeyPatch.context() as variables:
        variables.delenv(BATCH, raising=False)
        variables.setenv("DAGSTER_HOME", str(folder / "ours"))
        theirs = ran(folder / "theirs", "telemetry:\n  enabled: false\n")
        ours = ran(folder / "ours", DEPLOYED)
        yield theirs, ours
        for instance, _ in (theirs, ours):
            instance.dispose()


def names(instance: dg.DagsterInstance, run: str) -> list[str]:
    return [log.dagster_event.event_type_value for log in instance.all_logs(run) if log.dagster_event]


def test_a_range_plans_one_event_a_table_and_everything_else_stands_as_in_dagsters_own_log(homes):
    (theirs, their_run), (ours, our_run) = homes
    planned = "ASSET_MATERIALIZATION_PLANNED"
    assert (names(theirs, their_run).count(planned), names(ours, our_run).count(planned)) == (6, 2)
    assert [n for n in names(ours, our_run) if n != planned] == [n for n in names(theirs, their_run) if n != planned]


@pytest.mark.parametrize("table", ["events", "items"])
def test_days_and_last_materializations_are_those_of_dagsters_own_log(homes, table):
    key = dg.AssetKey(table)
    (theirs, _), (ours, our_run) = homes
    assert (
        ours.get_materialized_partitions(key) == {str(day) for day in DAYS} == theirs.get_materialized_partitions(key)
    )
    assert ours.get_latest_materialization_event(key).asset_materialization.partition == str(DAYS[-1])
    (check,) = ours.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(key, "holds"), limit=1, partition_filter=None
    )
    assert (check.run_id, check.status.value) == (our_run, "SUCCEEDED")


def test_dagsters_own_log_reads_the_same_files(homes):
    _, (ours, our_run) = homes
    place = str(Path(ours.root_directory) / "history" / "runs")
    assert len(SqliteEventLogStorage(place).get_logs_for_run(our_run)) == len(ours.all_logs(our_run))


def test_of_a_batch_that_fails_nothing_is_stored(tmp_path, homes):
    _, (ours, our_run) = homes
    log = BatchedEventLog(str(tmp_path / "other"))
    log.register_instance(ours)
    good = next(entry for entry in ours.all_logs(our_run) if entry.dagster_event_type.value == "ASSET_MATERIALIZATION")
    with pytest.raises(dg._check.CheckError):
        log.store_event_batch([good, None])
    assert (log.get_logs_for_run(our_run), log.get_materialized_partitions(good.dagster_event.asset_key)) == ([], set())
    log.store_event_batch([good, good])
    assert len(log.get_logs_for_run(our_run)) == 2

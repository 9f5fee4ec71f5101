"""Run the real definitions on a test's lake, in this process and with its Spark session."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from freshet.settings import Settings
from resources.lake import Lake
from resources.lake_io import LakeIO
from resources.run_days import range_tags
from resources.tracking import Tracking

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DAILY = ("raw_events", "quarantined_events", "events", "items", "item_features", "user_features", "histories")


def shared_spark_lake(spark: "SparkSession", settings: Settings) -> Lake:
    """Return the lake of `settings` in the running Spark session."""
    from tests import tiny_lake

    lake = Lake(settings)
    lake.__dict__["spark"] = tiny_lake.lake_session(spark, settings)  # where its cached property looks first
    return lake


@dataclass(frozen=True)
class DagsterHarness:
    """A lake and a Dagster instance that records its materializations."""

    lake: Lake
    instance: dg.DagsterInstance = field(default_factory=dg.DagsterInstance.ephemeral)

    def run(self, *names: str, days: Sequence[date] = (), **op_config: dict[str, Any]) -> "RunOutcome":
        """Materialize assets over exactly these days. op_config: asset → its configuration."""
        from pipelines.definitions import defs

        definitions = dg.Definitions(
            assets=defs.assets,
            resources={"lake": self.lake, "io_manager": LakeIO(self.lake), "tracking": Tracking(self.lake.settings)},
            executor=dg.in_process_executor,
        )
        run_result = definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=self.instance,
            asset_selection=[dg.AssetKey(name) for name in names],
            run_config={"ops": {name: {"config": values} for name, values in op_config.items()}},
            tags=_range_tags(days),
            raise_on_error=False,
        )
        return RunOutcome(run_result)

    def materialized_days(self, name: str) -> set[str]:
        """Return the days of an asset that are materialized in Dagster."""
        return set(self.instance.get_materialized_partitions(dg.AssetKey(name)))


@dataclass(frozen=True)
class RunOutcome:
    """The result of a run."""

    result: "dg.ExecuteInProcessResult"

    @property
    def success(self) -> bool:
        return self.result.success

    def materialized(self) -> list[str]:
        """Return the assets with a materialization, in order."""
        names = [event.asset_key.to_user_string() for event in self.result.get_asset_materialization_events()]
        return list(dict.fromkeys(names))

    def ran(self, name: str) -> bool:
        """Return whether the asset's step started."""
        return any(e.step_key == name and e.event_type_value == "STEP_START" for e in self.result.all_events)

    def failure(self, name: str) -> str:
        """Return the error message of the asset's step."""
        message = self.failure_or_none(name)
        assert message is not None, f"{name} did not fail"
        return message

    def failure_or_none(self, name: str) -> str | None:
        """Return the error message of the asset's step; None if it did not fail."""
        data = self.result.failure_data_for_node(name)
        if data is None:
            return None
        if data.user_failure_data is not None:
            return data.user_failure_data.description
        error = data.error.cause if data.error and data.error.cause else data.error
        return None if error is None else error.message.strip().partition(": ")[2]

    def checks(self) -> list[Any]:
        """Return the results of all checks."""
        return list(self.result.get_asset_check_evaluations())

    def check(self, asset: str, name: str) -> Any:
        """Return the result of one check."""
        (check,) = (c for c in self.checks() if (c.asset_key.path[-1], c.check_name) == (asset, name))
        return check


def materialization_metadata(run: RunOutcome, name: str, day: date) -> dict[str, Any]:
    """Return the metadata of the materialization of one day."""
    events = (e for e in run.result.get_asset_materialization_events() if e.asset_key == dg.AssetKey(name))
    (materialization,) = (e.materialization for e in events if e.partition == str(day))
    return {key: value.value for key, value in materialization.metadata.items()}


def _range_tags(days: Sequence[date]) -> dict[str, str]:
    return range_tags(sorted(days)) if days else {}

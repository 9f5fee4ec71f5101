"""The IO manager: the days that Dagster marks as materialized, and references between assets."""

from datetime import date
from typing import TYPE_CHECKING

import pytest

from freshet.artifacts import ModelRef, TrainingSetRef, publish
from freshet.errors import LakeError
from freshet.store import open_store

if TYPE_CHECKING:
    import dagster as dg

pytestmark = pytest.mark.dagster

DAYS = [date(2024, 3, day) for day in (1, 2, 3, 4)]
TRAINING_SET = TrainingSetRef(
    as_of=date(2024, 3, 4), train_until=date(2024, 3, 2), snapshots={"histories": 7_000_000_000_000_000_001}
)
MODEL_REF = ModelRef(id="a" * 64, training_set=TRAINING_SET, parameters={"width": 16}, metrics={"epoch": 3})


def publish_result(published: list[date]) -> object:
    """As a gate leaves it that refused the other days."""
    import pandas as pd

    from freshet.gates.rules import GateReport
    from freshet.publishing.publish import PublishResult
    from freshet.tables.schemas import EVENTS

    refused_days = {str(day): ["too bad"] for day in DAYS if day not in published}
    profile = pd.DataFrame({"rows": [1] * len(DAYS)}, index=DAYS)
    return PublishResult(EVENTS, tuple(published), refused_days, GateReport("events", ()), profile, 1)


def materialized_days(settings, published: list[date]) -> set[str]:
    """Days that Dagster marks when a run over four days published only these."""
    import dagster as dg

    from resources.lake import Lake
    from resources.lake_io import LakeIO

    @dg.asset(
        name="events",
        partitions_def=dg.DailyPartitionsDefinition("2024-01-01"),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def table(context: dg.AssetExecutionContext):
        return publish_result(published)

    defs = dg.Definitions([table], resources={"io_manager": LakeIO(Lake(settings))})
    with dg.DagsterInstance.ephemeral() as instance:
        run_result = defs.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance,
            tags={
                "dagster/asset_partition_range_start": "2024-03-01",
                "dagster/asset_partition_range_end": "2024-03-04",
            },
        )
        assert run_result.success
        assert all(
            event.partition for event in run_result.get_asset_materialization_events()
        )  # never the table without a partition
        return set(instance.get_materialized_partitions(dg.AssetKey("events")))


@pytest.mark.parametrize("good", [DAYS, [DAYS[0], DAYS[2]], [DAYS[3]], []], ids=["all", "two", "one", "none"])
def test_a_range_run_marks_exactly_the_days_that_were_published(settings, good):
    """Guards the private attribute that resources/lake_io.py sets: see there."""
    assert materialized_days(settings, good) == {str(day) for day in good}


def test_an_asset_that_was_never_published_names_the_command_to_run(settings):
    import dagster as dg

    from resources.lake import Lake
    from resources.lake_io import LakeIO

    model_type = dg.PythonObjectDagsterType(ModelRef)
    context = dg.build_input_context(asset_key=dg.AssetKey("trained_model"), dagster_type=model_type)
    with pytest.raises(LakeError) as error:
        LakeIO(Lake(settings)).load_input(context)
    assert str(error.value) == (
        "trained_model: nothing has been published yet; land some days (`freshet land FILE…`), then run `dagster asset "
        "materialize -m pipelines.definitions --select '+trained_model' --partition-range FIRST...LAST`"
    )


def test_an_asset_receives_the_published_reference_of_its_upstream_asset(settings):
    import dagster as dg

    from resources.lake import Lake
    from resources.lake_io import LakeIO

    publish(open_store(settings.lake), "trained_model", MODEL_REF)

    @dg.asset
    def bundle(trained_model: ModelRef) -> None:
        assert trained_model == MODEL_REF

    io = LakeIO(Lake(settings))
    model_spec = dg.AssetSpec("trained_model").with_io_manager_key("io_manager")
    assert run_assets([model_spec, bundle], io).success


def run_assets(assets: list[object], io: object) -> "dg.ExecuteInProcessResult":
    import dagster as dg

    defs = dg.Definitions(assets, resources={"io_manager": io, "nothing": dg.mem_io_manager})
    job = defs.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(instance=dg.DagsterInstance.ephemeral())

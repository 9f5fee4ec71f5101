"""A shop on its first day: tables are published, training is skipped, and no alert is raised."""

import pytest

from tests import tiny_lake
from tests.dagster_runs import DagsterHarness, shared_spark_lake
from tests.gate_cases import refusal_reason
from tests.world import DAY1, DELIVERIES

pytestmark = [pytest.mark.spark, pytest.mark.dagster]

TABLES = ("raw_events", "quarantined_events", "events", "items", "item_features", "user_features", "histories")
WAITING_REASON = refusal_reason(
    "training_set", "shoppers_came_twice", returning_shoppers=0, rows=2, train_until="2024-02-29"
)


def test_a_shop_too_young_to_learn_from_has_tables_and_a_green_run(spark, tmp_path):
    settings = tiny_lake.shop_settings(tmp_path)
    dagster = DagsterHarness(shared_spark_lake(spark, settings))
    tiny_lake.deliver_files(settings, DAY1, DELIVERIES[DAY1])
    run_result = dagster.run(*TABLES, "vocabulary", "training_set", "latest_histories", days=[DAY1])
    assert run_result.success
    assert sorted(run_result.materialized()) == sorted((*TABLES, "vocabulary"))
    check = run_result.check("training_set", "shoppers_came_twice")
    assert (check.passed, check.severity.value) == (False, "WARN")
    assert check.description.replace(". L", "; l") == f"training_set: {WAITING_REASON}"

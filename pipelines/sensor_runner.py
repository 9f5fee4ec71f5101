"""Tick sensors without Dagster's daemon and execute their runs in this process: one JVM for all runs."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster import DagsterRunStatus

from sensors.runs import RUN_KEY_TAG, SENSOR_TAG, requested_run

RunConfig = Mapping[str, Any]


def tick(
    definitions: dg.Definitions, instance: dg.DagsterInstance, sensor_name: str, extra_config: RunConfig | None = None
) -> list[dg.ExecuteInProcessResult] | dg.SkipReason:
    """Evaluate a sensor and execute the runs that it requests, one after the other; or return its skip reason.

    The cursor is stored in the instance, and a run key that has had its run is not run again. extra_config: further
    configuration for every run (loggers, ops); ops that a job does not have are left out. Raises
    DagsterInvariantViolationError for an unknown sensor.
    """
    sensor = definitions.get_repository_def().get_sensor_def(sensor_name)
    tick_data = _evaluate_sensor(definitions, instance, sensor)
    if tick_data.skip_message:
        return dg.SkipReason(tick_data.skip_message)
    requests = [request for request in tick_data.run_requests or () if not _has_run(instance, sensor_name, request)]
    if not requests:
        return dg.SkipReason("Every requested run has been executed.")
    return [_execute(definitions, instance, sensor, request, extra_config or {}) for request in requests]


def _evaluate_sensor(definitions: dg.Definitions, instance: dg.DagsterInstance, sensor: dg.SensorDefinition) -> Any:
    """Evaluate the sensor and store its cursor. Returns Dagster's SensorExecutionData, which has no public name."""
    repository = definitions.get_repository_def()
    cursor_key = f"freshet/cursor/{sensor.name}"
    with dg.build_sensor_context(
        instance=instance,
        cursor=instance.run_storage.get_cursor_values({cursor_key}).get(cursor_key),
        repository_def=repository,
        sensor_name=sensor.name,
        resources=repository.get_top_level_resources(),
    ) as context:
        tick_data = sensor.evaluate_tick(context)
    if tick_data.cursor is not None:
        instance.run_storage.set_cursor_values({cursor_key: tick_data.cursor})
    return tick_data


def _has_run(instance: dg.DagsterInstance, sensor_name: str, request: dg.RunRequest) -> bool:
    if request.run_key is None:
        return False
    run = requested_run(instance, sensor_name, request.run_key)
    return run is not None and run.status is not DagsterRunStatus.NOT_STARTED


def _execute(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    sensor: dg.SensorDefinition,
    request: dg.RunRequest,
    extra_config: RunConfig,
) -> dg.ExecuteInProcessResult:
    job = definitions.resolve_job_def(request.job_name or str(sensor.job_name))
    tags = {**request.tags, SENSOR_TAG: sensor.name}
    if request.run_key is not None:
        tags[RUN_KEY_TAG] = request.run_key
    return job.execute_in_process(
        instance=instance,
        run_config=_merge_run_config(request.run_config, extra_config, {node.name for node in job.graph.nodes}),
        tags=tags,
        partition_key=request.partition_key,
        asset_selection=list(request.asset_selection) if request.asset_selection else None,
        raise_on_error=False,
    )


def _merge_run_config(requested: RunConfig, extra_config: RunConfig, ops: set[str]) -> dict[str, Any]:
    """Merge the requested configuration over the extra one."""
    ops_config = {name: value for name, value in extra_config.get("ops", {}).items() if name in ops}
    return _deep_merge({**extra_config, "ops": ops_config}, requested)


def _deep_merge(base: RunConfig, override: RunConfig) -> dict[str, Any]:
    """Merge two configurations at every depth: one setting of an op leaves its other settings unchanged."""
    return {**base, **{name: _merge_value(base.get(name), value) for name, value in override.items()}}


def _merge_value(base: object, override: object) -> object:
    return _deep_merge(base, override) if isinstance(base, Mapping) and isinstance(override, Mapping) else override

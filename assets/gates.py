"""Gates in Dagster: check specs, check results with their violations, and the output of what passed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import dagster as dg
from pydantic import BaseModel

from assets.partitions import DAILY_PARTITIONS, OWNERS, SETTINGS, SINGLE_RUN
from freshet.gates.rules import GateReport, Rule, RuleResult, Violation
from freshet.gates.suites import suite
from freshet.publishing.publish import PublishResult
from freshet.steps.step_result import StepResult
from freshet.tables.schemas import Table

AssetResults = Iterator[dg.AssetCheckResult | dg.Output[Any]]
AssetFunction = Callable[..., AssetResults]
MAX_SHOWN_VIOLATIONS = 25  # violations listed in the metadata of a check


def check_specs(name: str) -> list[dg.AssetCheckSpec]:
    """Return one check per rule of the suite."""
    return [
        dg.AssetCheckSpec(
            rule.name, asset=name, description=f"{rule.bounds_text}. Otherwise: {rule.fix}.", blocking=True
        )
        for rule in suite(name, SETTINGS)
    ]


def column_schema(table: Table) -> Mapping[str, Any]:
    """Return the table's column schema, for the asset's page."""
    listed = [dg.TableColumn(column.name, column.type, column.description) for column in table.columns]
    return {"dagster/column_schema": dg.TableSchema(listed)}


def daily_table(table: Table, group: str, deps: Sequence[str] = ()) -> Callable[[AssetFunction], dg.AssetsDefinition]:
    """Return the decorator of a daily table's asset: its partitions, its checks and its column schema.

    group: the asset's group in the UI; deps: the assets it reads.
    """
    return dg.asset(
        partitions_def=DAILY_PARTITIONS,
        backfill_policy=SINGLE_RUN,
        group_name=group,
        kinds={"spark", "iceberg"},
        owners=OWNERS,
        output_required=False,
        check_specs=check_specs(table.name),
        metadata=column_schema(table),
        deps=deps,
    )


def publish_table(
    context: dg.AssetExecutionContext, publish_result: PublishResult, ref: BaseModel | None = None, **metadata: Any
) -> AssetResults:
    """Yield the check results, then the output for the published days; raise dg.Failure if days were refused.

    A range with good and bad days goes on with the good ones; the last tables of the run fail it. An empty day is good
    but not materialized. Rebuilt days that the run did not request are logged and materialized
    beside the output. A table that is only skipped (a shop too young to train on) leaves the run green, and the
    assets made from it do not run.
    """
    has_errors = publish_result.gate_report.has_errors
    has_output = bool(publish_result.published or publish_result.empty)
    continues = has_output and bool(publish_result.refused) and _has_downstream(context, publish_result.table)
    yield from check_results(publish_result.gate_report, blocking=not continues, rows=len(publish_result.profile))
    _log_outcome(context, publish_result)
    for note in publish_result.notes:
        context.log.warning(note)
    if has_output or not publish_result.refused:
        _log_extra_days(context, publish_result)
        requested = _requested_only(publish_result)
        cleared = _cleared_days(context, requested)
        _describe_days(context, requested, cleared)
        output = ref or replace(requested, cleared_days=cleared)
        yield dg.Output(output, metadata={**_summary(publish_result), **metadata})
    if publish_result.refused and has_errors and not continues:
        raise dg.Failure(_failure_message(publish_result), allow_retries=False)


def _log_outcome(context: dg.AssetExecutionContext, publish_result: PublishResult) -> None:
    """Log one line about the published rows, then every refusal with its reason and its fix.

    A day that an earlier table of this run refused is only named: the reason was logged there.
    """
    context.log.info(_headline(publish_result))
    refusals = publish_result.gate_report.blocking_violations
    upstream_refusals = [
        violation.where for result, violation in refusals if _is_upstream_refusal(context, result.rule, violation)
    ]
    if upstream_refusals:
        context.log.warning(f"left out: {_first_days(upstream_refusals)}, refused by an earlier table")
    log = context.log.error if publish_result.gate_report.has_errors else context.log.warning
    for result, violation in refusals:
        if not _is_upstream_refusal(context, result.rule, violation):
            log(f"{publish_result.subject(violation.where)}: {violation.message}\n{result.fix_for(violation)}")


def _is_upstream_refusal(context: dg.AssetExecutionContext, rule: Rule, violation: Violation) -> bool:
    """Return whether an earlier table of this run has logged the reason."""
    upstream = rule.name.removesuffix("_are_published")
    running = {key.path[-1] for key in context.job_def.asset_layer.executable_asset_keys}
    return upstream != rule.name and upstream in running and " were refused " in violation.message


def _headline(publish_result: PublishResult) -> str:
    """`12,345 rows of 5 days published, 1 empty, 2 refused; 9 rules, 1 warns: delivery_arrived (2024-03-03)`."""
    warnings = [
        f"{result.rule.name} ({_first_days([violation.where for violation in result.violations])})"
        for result in publish_result.gate_report.results
        if not result.passed and not result.is_blocking
    ]
    rules = f"{len(publish_result.gate_report.results)} rules"
    rules += f", {len(warnings)} warn: {', '.join(warnings)}" if len(warnings) > 1 else ""
    rules += f", 1 warns: {warnings[0]}" if len(warnings) == 1 else ""
    rows = f"{publish_result.rows:,} row{'s' * (publish_result.rows != 1)}"
    if not publish_result.table.daily:
        return f"{rows} {'refused' if publish_result.refused else 'published'}; {rules}"
    n_days = len(publish_result.published)
    empty = f", {len(publish_result.empty)} empty" if publish_result.empty else ""
    refused = f", {len(publish_result.refused)} refused" if publish_result.refused else ""
    return f"{rows} of {n_days} day{'s' * (n_days != 1)} published{empty}{refused}; {rules}"


def _first_days(days: Sequence[str]) -> str:
    more = f" and {len(days) - 5} more days" if len(days) > 5 else ""
    return f"{', '.join(days[:5])}{more}"


def publish_artifact(
    context: dg.AssetExecutionContext, result: StepResult[Any, Any], /, **metadata: Any
) -> AssetResults:
    """Yield the check results of an artifact, then its reference; raise dg.Failure with the reasons if it was refused.

    If it is skipped, or a warning decides against it, the run stays green and nothing is materialized.
    """
    yield from check_results(result.gate)
    if result.gate.has_errors:
        for rule_result, violation in result.gate.blocking_violations:
            context.log.error(f"{result.gate.subject}: {violation.message}\n{rule_result.fix_for(violation)}")
        raise dg.Failure(result.message(), metadata=metadata, allow_retries=False)
    if result.gate.refusal_reasons():
        context.log.warning(result.message())
    if result.ref is not None:
        yield dg.Output(result.ref, metadata={"id": result.ref.id, **metadata})


def conservation_table(publish_result: PublishResult) -> dg.MarkdownMetadataValue:
    """Return the table landed = skipped + quarantined + duplicate + published, by day, with the total."""
    names = ["landed", "skipped", "quarantined", "duplicate", "rows"]
    table = publish_result.profile[names].rename(columns={"rows": "published"})
    head = f"| day | {' | '.join(table.columns)} |\n|---|{'---:|' * len(names)}"
    total = [f"| **all {len(table)} days** | {' | '.join(f'{n:,}' for n in table.sum())} |"]
    lines = [
        f"| {day} | {' | '.join(f'{n:,}' for n in row)} |" for day, row in zip(table.index, table.values, strict=True)
    ]
    return dg.MetadataValue.md("\n".join([head, *total, *lines[-31:]]))


def check_results(report: GateReport, *, blocking: bool = True, rows: int = 1) -> Iterator[dg.AssetCheckResult]:
    """Yield one result per rule. blocking=False shows a refusal without failing the run here."""
    for result in report.results:
        rule = result.rule
        is_error = rule.severity == "error" and result.is_blocking and blocking
        yield dg.AssetCheckResult(
            check_name=rule.name,
            asset_key=report.subject,
            passed=result.passed,
            severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
            description=_description(result),
            metadata=_violation_metadata(rule, result, rows),
        )


def _description(result: RuleResult) -> str:
    if result.passed:
        return f"{result.rule.bounds_text}: holds"
    text = "; ".join(f"{c.where}: {c.message}" for c in result.violations[:3])
    more = f" and {len(result.violations) - 3} more" if len(result.violations) > 3 else ""
    fix = result.fix_for(result.violations[0])
    return f"{text.rstrip('.')}{more}. {fix[0].upper()}{fix[1:]}"


def _violation_metadata(rule: Rule, result: RuleResult, rows: int) -> dict[str, Any]:
    metadata: dict[str, Any] = {"checked rows": rows, "limit": rule.bounds_text, "violations": len(result.violations)}
    if result.violations:
        lines = [f"| {c.where} | {c.message} |" for c in result.violations[:MAX_SHOWN_VIOLATIONS]]
        metadata["violating rows"] = dg.MetadataValue.md("\n".join(["| where | message |", "|---|---|", *lines]))
        metadata["fix"] = result.fix_for(result.violations[0])
    return metadata


def _summary(publish_result: PublishResult) -> dict[str, Any]:
    summary: dict[str, Any] = {"dagster/row_count": publish_result.rows}
    if publish_result.snapshot is not None:
        summary["snapshot"] = str(publish_result.snapshot)
    if publish_result.table.daily:
        summary["days published"] = len(publish_result.published)
        summary["days refused"] = len(publish_result.refused)
        summary["days empty"] = len(publish_result.empty)
    if publish_result.added_days:
        summary["days rebuilt"] = ", ".join(map(str, publish_result.added_days))
    return summary


def _cleared_days(context: dg.AssetExecutionContext, publish_result: PublishResult) -> tuple[date, ...]:
    """Return the empty days that Dagster lists as materialized, because their files were removed since.

    No open-source storage of Dagster can wipe a partition: such a day is materialized again, with 0 rows and a reason.
    """
    if not publish_result.empty:
        return ()
    materialized = context.instance.get_materialized_partitions(dg.AssetKey(publish_result.table.name))
    return tuple(day for day in publish_result.empty if day.isoformat() in materialized)


def _requested_only(publish_result: PublishResult) -> PublishResult:
    """Return the result without the added days: Dagster ties an output to the days of the run."""
    published = tuple(day for day in publish_result.published if day not in publish_result.added_days)
    empty = tuple(day for day in publish_result.empty if day not in publish_result.added_days)
    return replace(publish_result, published=published, empty=empty)


def _log_extra_days(context: dg.AssetExecutionContext, publish_result: PublishResult) -> None:
    """Log and materialize each rebuilt day that the run did not request."""
    table = publish_result.table.name
    for day, why in publish_result.added_days.items():
        context.log.info(f"{table} {day} is rebuilt: {why}")
        if day in (*publish_result.published, *publish_result.empty):
            metadata = {**_day_counts(publish_result, day), "rebuilt because": why}
            context.log_event(dg.AssetMaterialization(table, partition=day.isoformat(), metadata=metadata))


def _describe_days(context: dg.AssetExecutionContext, publish_result: PublishResult, cleared: Sequence[date]) -> None:
    """Add each day's counts to its materialization; a cleared day gets 0 rows and a reason."""
    if not publish_result.table.daily:
        return
    for day in cleared:
        metadata = {
            "dagster/row_count": 0,
            "empty": "the landing has no file of this day any more; its rows were removed",
        }
        context.add_asset_metadata(metadata, partition_key=day.isoformat())
    for day in publish_result.published:
        context.add_asset_metadata(_day_counts(publish_result, day), partition_key=day.isoformat())


def _day_counts(publish_result: PublishResult, day: date) -> dict[str, Any]:
    """Return the numbers of the day's profile, by the names that Dagster shows."""
    numbers = publish_result.profile.select_dtypes("number").loc[day]
    # The deviation factors are left out: the checks show them.
    row = {str(name): _plain(value) for name, value in numbers.items() if not str(name).endswith("_factor")}
    return {"dagster/row_count": int(row.pop("rows")), **row}


def _plain(value: Any) -> float:
    return int(value) if float(value).is_integer() else float(value)


def _has_downstream(context: dg.AssetExecutionContext, table: Table) -> bool:
    """Return whether another daily table of this run is made from this one."""
    layer = context.job_def.asset_layer
    running = layer.executable_asset_keys
    children: Sequence[dg.AssetKey] = list(layer.asset_graph.get(dg.AssetKey(table.name)).child_keys)
    return any(child in running and layer.asset_graph.get(child).is_partitioned for child in children)


def _failure_message(publish_result: PublishResult) -> str:
    if not publish_result.table.daily:
        return publish_result.message()
    total = len(publish_result.profile)
    empty = f", {len(publish_result.empty)} empty" if publish_result.empty else ""
    return (
        f"{len(publish_result.refused)} of {total} days refused, {len(publish_result.published)} published{empty}\n"
        f"{publish_result.message()}"
    )

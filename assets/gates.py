"""Every gate in Dagster's terms: check specs, check results with their culprits, and the output only if it passed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import dagster as dg
from pydantic import BaseModel

from assets.shop import SETTINGS
from freshet.gates.rules import Culprit, Finding, Judgement, Rule
from freshet.gates.suites import suite
from freshet.stages.outcome import Outcome
from freshet.tables.publication import Publication
from freshet.tables.schemas import Table

Published = Iterator[dg.AssetCheckResult | dg.Output[Any]]
SHOWN = 25  # culprits listed in a check's metadata


def specs(name: str) -> list[dg.AssetCheckSpec]:
    """One check per rule of the suite."""
    return [
        dg.AssetCheckSpec(rule.name, asset=name, description=f"{rule.limit}. Otherwise: {rule.fix}.", blocking=True)
        for rule in suite(name, SETTINGS)
    ]


def columns(table: Table) -> Mapping[str, Any]:
    """The table's column schema, for the asset's page."""
    listed = [dg.TableColumn(column.name, column.type, column.meaning) for column in table.columns]
    return {"dagster/column_schema": dg.TableSchema(listed)}


def hand_over(
    context: dg.AssetExecutionContext, publication: Publication, ref: BaseModel | None = None, **metadata: Any
) -> Published:
    """Results of the checks, then the output for what was published, then the failure for what was refused.

    A range with good and bad days goes on with the good ones; the last tables of the run end it as failed. An empty day
    is good but not materialized. Days that the run did not ask for but had to make again are logged and materialized
    beside the output. What is only held back (a shop too young to learn from) leaves the run green, and what would be
    made from it is not made.
    """
    fails = publication.judgement.fails
    passed = bool(publication.published or publication.empty)
    go_on = passed and bool(publication.refused) and _feeds_others(context, publication.table)
    yield from results(publication.judgement, stops=not go_on, rows=len(publication.profile))
    _tell(context, publication)
    for note in publication.notes:
        context.log.warning(note)
    if passed or not publication.refused:
        _log_days_taken_along(context, publication)
        asked = _asked_for(publication)
        cleared = _cleared(context, asked)
        _describe_days(context, asked, cleared)
        output = ref or replace(asked, cleared=cleared)
        yield dg.Output(output, metadata={**_summary(publication), **metadata})
    if publication.refused and fails and not go_on:
        raise dg.Failure(_failure(publication), allow_retries=False)


def _tell(context: dg.AssetExecutionContext, publication: Publication) -> None:
    """What was published, in a line; then every refusal with its reason and, below it, what to do.

    A day refused only because an earlier table of this run refused it is named: its reason has been told there.
    """
    context.log.info(_headline(publication))
    refusals = publication.judgement.refusals
    echoes = [culprit.where for finding, culprit in refusals if _is_echo(context, finding.rule, culprit)]
    if echoes:
        context.log.warning(f"left out: {_some(echoes)}, refused by a table before")
    tell = context.log.error if publication.judgement.fails else context.log.warning
    for finding, culprit in refusals:
        if not _is_echo(context, finding.rule, culprit):
            tell(f"{publication.where(culprit.where)}: {culprit.finding}\n{finding.fix(culprit)}")


def _is_echo(context: dg.AssetExecutionContext, rule: Rule, culprit: Culprit) -> bool:
    """Whether a table of this very run has told the reason already."""
    upstream = rule.name.removesuffix("_are_published")
    running = {key.path[-1] for key in context.job_def.asset_layer.executable_asset_keys}
    return upstream != rule.name and upstream in running and " were refused " in culprit.finding


def _headline(publication: Publication) -> str:
    """`12,345 rows of 5 days published, 1 empty, 2 refused; 9 rules, 1 warns: delivery_arrived (2024-03-03)`."""
    warned = [
        f"{finding.rule.name} ({_some([culprit.where for culprit in finding.culprits])})"
        for finding in publication.judgement.findings
        if not finding.holds and not finding.stops
    ]
    rules = f"{len(publication.judgement.findings)} rules"
    rules += f", {len(warned)} warn: {', '.join(warned)}" if len(warned) > 1 else ""
    rules += f", 1 warns: {warned[0]}" if len(warned) == 1 else ""
    rows = f"{publication.rows:,} row{'s' * (publication.rows != 1)}"
    if not publication.table.daily:
        return f"{rows} {'refused' if publication.refused else 'published'}; {rules}"
    number = len(publication.published)
    empty = f", {len(publication.empty)} empty" if publication.empty else ""
    refused = f", {len(publication.refused)} refused" if publication.refused else ""
    return f"{rows} of {number} day{'s' * (number != 1)} published{empty}{refused}; {rules}"


def _some(days: Sequence[str]) -> str:
    more = f" and {len(days) - 5} more days" if len(days) > 5 else ""
    return f"{', '.join(days[:5])}{more}"


def hand_over_one(context: dg.AssetExecutionContext, outcome: Outcome[Any, Any], **metadata: Any) -> Published:
    """For what is not a table of days: results of the checks, then the reference, or the failure that says why not.

    Where it is held back, or a warning decides, the run stays green and nothing is materialized.
    """
    yield from results(outcome.judgement)
    if outcome.judgement.fails:
        for finding, culprit in outcome.judgement.refusals:
            context.log.error(f"{outcome.judgement.subject}: {culprit.finding}\n{finding.fix(culprit)}")
        raise dg.Failure(outcome.message(), metadata=metadata, allow_retries=False)
    if outcome.judgement.bad():
        context.log.warning(outcome.message())
    if outcome.ref is not None:
        yield dg.Output(outcome.ref, metadata={"id": outcome.ref.id, **metadata})


def conservation(publication: Publication) -> dg.MarkdownMetadataValue:
    """landed = skipped + quarantined + duplicate + published, day by day, with the total."""
    names = ["landed", "skipped", "quarantined", "duplicate", "rows"]
    table = publication.profile[names].rename(columns={"rows": "published"})
    head = f"| day | {' | '.join(table.columns)} |\n|---|{'---:|' * len(names)}"
    total = [f"| **all {len(table)} days** | {' | '.join(f'{n:,}' for n in table.sum())} |"]
    lines = [
        f"| {day} | {' | '.join(f'{n:,}' for n in row)} |" for day, row in zip(table.index, table.values, strict=True)
    ]
    return dg.MetadataValue.md("\n".join([head, *total, *lines[-31:]]))


def results(judgement: Judgement, *, stops: bool = True, rows: int = 1) -> Iterator[dg.AssetCheckResult]:
    """One result per rule. stops=False shows a refusal without ending the run here."""
    for finding in judgement.findings:
        rule = finding.rule
        error = rule.severity == "error" and finding.stops and stops
        yield dg.AssetCheckResult(
            check_name=rule.name,
            asset_key=judgement.subject,
            passed=finding.holds,
            severity=dg.AssetCheckSeverity.ERROR if error else dg.AssetCheckSeverity.WARN,
            description=_sentence(finding),
            metadata=_evidence(rule, finding, rows),
        )


def _sentence(finding: Finding) -> str:
    if finding.holds:
        return f"{finding.rule.limit}: holds"
    shown = "; ".join(f"{c.where}: {c.finding}" for c in finding.culprits[:3])
    more = f" and {len(finding.culprits) - 3} more" if len(finding.culprits) > 3 else ""
    fix = finding.fix(finding.culprits[0])
    return f"{shown.rstrip('.')}{more}. {fix[0].upper()}{fix[1:]}"


def _evidence(rule: Rule, finding: Finding, rows: int) -> dict[str, Any]:
    evidence: dict[str, Any] = {"judged": rows, "limit": rule.limit, "culprits": len(finding.culprits)}
    if finding.culprits:
        lines = [f"| {c.where} | {c.finding} |" for c in finding.culprits[:SHOWN]]
        evidence["who"] = dg.MetadataValue.md("\n".join(["| where | finding |", "|---|---|", *lines]))
        evidence["what to do"] = finding.fix(finding.culprits[0])
    return evidence


def _summary(publication: Publication) -> dict[str, Any]:
    summary: dict[str, Any] = {"dagster/row_count": publication.rows}
    if publication.snapshot is not None:
        summary["snapshot"] = str(publication.snapshot)
    if publication.table.daily:
        summary["days published"] = len(publication.published)
        summary["days refused"] = len(publication.refused)
        summary["days empty"] = len(publication.empty)
    if publication.along:
        summary["days made again"] = ", ".join(map(str, publication.along))
    return summary


def _cleared(context: dg.AssetExecutionContext, publication: Publication) -> tuple[date, ...]:
    """The empty days that Dagster holds for materialized: their files were taken back since.

    No open-source storage of Dagster can wipe a partition, so such a day is marked once more, with no rows and why.
    """
    if not publication.empty:
        return ()
    marked = context.instance.get_materialized_partitions(dg.AssetKey(publication.table.name))
    return tuple(day for day in publication.empty if day.isoformat() in marked)


def _asked_for(publication: Publication) -> Publication:
    """The publication without the days that were taken along: Dagster ties an output to the run's own days."""
    published = tuple(day for day in publication.published if day not in publication.along)
    empty = tuple(day for day in publication.empty if day not in publication.along)
    return replace(publication, published=published, empty=empty)


def _log_days_taken_along(context: dg.AssetExecutionContext, publication: Publication) -> None:
    """A log line and a materialization for each day that was made again although the run did not ask for it."""
    table = publication.table.name
    for day, why in publication.along.items():
        context.log.info(f"{table} {day} is made again: {why}")
        if day in (*publication.published, *publication.empty):
            described = {**_counts(publication, day), "made again because": why}
            context.log_event(dg.AssetMaterialization(table, partition=day.isoformat(), metadata=described))


def _describe_days(context: dg.AssetExecutionContext, publication: Publication, cleared: Sequence[date]) -> None:
    """Each day's own counts on its own materialization; on that of a cleared day, that nothing is left of it."""
    if not publication.table.daily:
        return
    for day in cleared:
        gone = {"dagster/row_count": 0, "empty": "no file of this day is in the landing any more; its rows are gone"}
        context.add_asset_metadata(gone, partition_key=day.isoformat())
    for day in publication.published:
        context.add_asset_metadata(_counts(publication, day), partition_key=day.isoformat())


def _counts(publication: Publication, day: date) -> dict[str, Any]:
    """The numbers of the day's profile, by the names that Dagster shows."""
    numbers = publication.profile.select_dtypes("number").loc[day]
    # How far a day is from usual is the checks' business; here it would be a row for each of them on every day.
    row = {str(name): _plain(value) for name, value in numbers.items() if not str(name).endswith("_off")}
    return {"dagster/row_count": int(row.pop("rows")), **row}


def _plain(value: Any) -> float:
    return int(value) if float(value).is_integer() else float(value)


def _feeds_others(context: dg.AssetExecutionContext, table: Table) -> bool:
    """Whether another daily table of this very run is made from this one."""
    layer = context.job_def.asset_layer
    running = layer.executable_asset_keys
    children: Sequence[dg.AssetKey] = list(layer.asset_graph.get(dg.AssetKey(table.name)).child_keys)
    return any(child in running and layer.asset_graph.get(child).is_partitioned for child in children)


def _failure(publication: Publication) -> str:
    if not publication.table.daily:
        return publication.message()
    total = len(publication.profile)
    empty = f", {len(publication.empty)} empty" if publication.empty else ""
    return (
        f"{len(publication.refused)} of {total} days refused, {len(publication.published)} published{empty}\n"
        f"{publication.message()}"
    )

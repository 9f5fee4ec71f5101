"""Check a profile against rules with Great Expectations."""

import logging
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from freshet.gates.rules import GateReport, Rule, RuleResult, Violation

if TYPE_CHECKING:
    import pandas as pd


def check_rules(subject: str, profile: "pd.DataFrame", rules: Sequence[Rule]) -> GateReport:
    """Return the results of all rules over all rows of the profile, whose index names the rows (a day, a bundle).

    Raises KeyError if the profile lacks the column of a rule: a rule that cannot be checked must not pass.
    """
    required = {name for rule in rules for name in (rule.column, rule.waiver_column) if name}
    missing = sorted(required - set(profile.columns))
    if missing:
        raise KeyError(f"{subject}: the profile lacks {missing}, which its rules check")
    frame = profile.reset_index(names="where").astype({"where": str})
    results = _validate(frame, rules)
    return GateReport(
        subject, tuple(_rule_result(rule, frame, result) for rule, result in zip(rules, results, strict=True))
    )


def _rule_result(rule: Rule, frame: "pd.DataFrame", result: Any) -> RuleResult:
    if messages := _exception_messages(result.exception_info or {}):
        raise RuntimeError(f"{rule.name}: the expectation could not be evaluated: {'; '.join(messages)}")
    rows = [] if result.success else sorted(result.result["unexpected_index_list"], key=lambda r: str(r["where"]))
    rows_by_name: dict[Any, dict[str, Any]] = {row["where"]: dict(row) for row in frame.to_dict("records")}  # type: ignore[arg-type]
    return RuleResult(rule, tuple(_violation(rule, rows_by_name[r["where"]]) for r in rows))


def _violation(rule: Rule, row: dict[str, Any]) -> Violation:
    # A rule with severity `warn` has violations, too; RuleResult.is_blocking is False for all of them.
    is_blocking = rule.severity == "warn" or rule.blocks(row)
    return Violation(row["where"], rule.format_message(row), is_blocking)


def _exception_messages(info: dict[str, Any]) -> list[str]:
    """Return the messages of exceptions inside Great Expectations: one at the top level, or one per metric."""
    entries = [info, *(inner for inner in info.values() if isinstance(inner, dict))]
    return [str(entry["exception_message"]) for entry in entries if entry.get("raised_exception")]


def _validate(frame: "pd.DataFrame", rules: Sequence[Rule]) -> list[Any]:
    import great_expectations as gx

    batch = _batch_definition().get_batch({"dataframe": frame})
    suite = gx.ExpectationSuite(
        name="gate",
        expectations=[
            gx.expectations.ExpectColumnValuesToBeBetween(
                column=rule.column, min_value=rule.min_value, max_value=rule.warn_threshold, meta={"rule": rule.name}
            )
            for rule in rules
        ],
    )
    result_format = {"result_format": "COMPLETE", "unexpected_index_column_names": ["where"]}
    results = {r.expectation_config.meta["rule"]: r for r in batch.validate(suite, result_format=result_format).results}
    return [results[rule.name] for rule in rules]


@cache
def _batch_definition() -> Any:
    """Return the batch definition of an ephemeral context, without files and progress bars; one per process.

    Telemetry is disabled in `freshet.runtime`.
    """
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return (
        context.data_sources.add_pandas("profiles")
        .add_dataframe_asset("profile")
        .add_batch_definition_whole_dataframe("all")
    )

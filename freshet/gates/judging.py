"""Great Expectations judges a profile against a suite of rules and names the rows that break them."""

import logging
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from freshet.gates.rules import Culprit, Finding, Judgement, Rule

if TYPE_CHECKING:
    import pandas as pd


def judge(subject: str, profile: "pd.DataFrame", rules: Sequence[Rule]) -> Judgement:
    """Hold every row of the profile against every rule. The frame's index names the rows (a day, a bundle).

    Raises KeyError where a rule names a column that the profile lacks: a gate that cannot look must not pass.
    """
    asked = {name for rule in rules for name in (rule.column, rule.pardon) if name}
    missing = sorted(asked - set(profile.columns))
    if missing:
        raise KeyError(f"{subject}: the profile lacks {missing}, which its rules judge")
    frame = profile.reset_index(names="where").astype({"where": str})
    results = _validate(frame, rules)
    return Judgement(subject, tuple(_finding(rule, frame, result) for rule, result in zip(rules, results, strict=True)))


def _finding(rule: Rule, frame: "pd.DataFrame", result: Any) -> Finding:
    if wrong := _exceptions(result.exception_info or {}):
        raise RuntimeError(f"{rule.name}: the expectation could not be evaluated: {'; '.join(wrong)}")
    rows = [] if result.success else sorted(result.result["unexpected_index_list"], key=lambda r: str(r["where"]))
    told: dict[Any, dict[str, Any]] = {row["where"]: dict(row) for row in frame.to_dict("records")}  # type: ignore[arg-type]
    return Finding(rule, tuple(_culprit(rule, told[r["where"]]) for r in rows))


def _culprit(rule: Rule, row: dict[str, Any]) -> Culprit:
    # A rule that only warns has culprits, too: its severity says that they stop nothing.
    stops = rule.severity == "warn" or rule.stops(row)
    return Culprit(row["where"], rule.finding(row), stops)


def _exceptions(info: dict[str, Any]) -> list[str]:
    """What went wrong inside Great Expectations, which tells it at the top or once per metric."""
    found = [info, *(inner for inner in info.values() if isinstance(inner, dict))]
    return [str(one["exception_message"]) for one in found if one.get("raised_exception")]


def _validate(frame: "pd.DataFrame", rules: Sequence[Rule]) -> list[Any]:
    import great_expectations as gx

    batch = _batch_definition().get_batch({"dataframe": frame})
    suite = gx.ExpectationSuite(
        name="gate",
        expectations=[
            gx.expectations.ExpectColumnValuesToBeBetween(
                column=rule.column, min_value=rule.least, max_value=rule.highest, meta={"rule": rule.name}
            )
            for rule in rules
        ],
    )
    format_ = {"result_format": "COMPLETE", "unexpected_index_column_names": ["where"]}
    found = {r.expectation_config.meta["rule"]: r for r in batch.validate(suite, result_format=format_).results}
    return [found[rule.name] for rule in rules]


@cache
def _batch_definition() -> Any:
    """An ephemeral context without files and without progress bars; one per process. (Telemetry: freshet.telemetry.)"""
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

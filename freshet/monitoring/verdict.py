"""The drift verdict: measurements of the current days, and whether they mean drift, with reasons as text."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import ClassVar

from freshet.artifacts import StoredModel
from freshet.monitoring.params import DriftParams
from freshet.monitoring.quality import QualityDrift


class ColumnDrift(StoredModel):
    """The drift of one column: current days against reference days."""

    former_names: ClassVar[Mapping[str, str]] = {"psi": "score", "current": "fresh"}

    name: str
    psi: float
    limit: float
    drifted: bool
    reference: dict[str, float]  # value → share
    current: dict[str, float]

    @property
    def most_changed_value(self) -> str:
        """Return the value whose share changed most."""
        values = {*self.reference, *self.current}
        return max(sorted(values), key=lambda value: abs(self.current.get(value, 0) - self.reference.get(value, 0)))

    def sentence(self) -> str:
        """`category drifted (PSI 0.31, limit 0.10; shoes 12 % → 30 %)`."""
        value = self.most_changed_value
        change = f"{value} {self.reference.get(value, 0.0):.0%} → {self.current.get(value, 0.0):.0%}"
        return f"{self.name} drifted (PSI {self.psi:.2f}, limit {self.limit:.2f}; {change})"


class DriftMeasurements(StoredModel):
    """Everything that the drift decision is made from."""

    former_names: ClassVar[Mapping[str, str]] = {
        "current": "fresh",
        "current_events": "fresh_events",
        "unknown_share": "unknown",
        "anchor_columns": "slow",
        "baseline_regression": "loss",
    }

    bundle: str
    release: int
    reference: tuple[date, date]  # first and last day
    current: tuple[date, date]
    current_events: int
    columns: tuple[ColumnDrift, ...]  # empty if a window has too few events
    unknown_share: (
        float | None
    )  # share of current events with items that the champion does not know; None: too few events
    quality: QualityDrift | None  # None: too few cases
    reference_events: int | None = None  # None in reports of earlier versions
    anchor: int | None = None  # number of the anchor release; None: not compared
    anchor_days: tuple[date, date] | None = None
    anchor_columns: tuple[ColumnDrift, ...] = ()  # the current days against the days of the anchor
    baseline_regression: str = ""  # the fall of the champion's lead over the baselines, as text; "": none


class DriftVerdict(DriftMeasurements):
    """Measurements with the decision and its reasons."""

    former_names: ClassVar[Mapping[str, str]] = {
        **DriftMeasurements.former_names,
        "slow_reasons": "slowly",
        "rise_reasons": "too_good",
    }

    drifted: bool
    sentence: str
    reasons: tuple[str, ...]
    slow_reasons: tuple[str, ...] = ()  # warnings: slow changes over many releases, which a retraining does not mend
    rise_reasons: tuple[str, ...] = ()  # warnings: an implausible rise of quality


def column_drifts(
    scores: Mapping[str, float],
    limits: Mapping[str, float],
    shares: Mapping[str, tuple[Mapping[str, float], Mapping[str, float]]],
) -> tuple[ColumnDrift, ...]:
    """Return the drift of every column, by PSI relative to its limit. shares: column → (reference, current)."""
    rows = (
        ColumnDrift(
            name=name, psi=score, limit=limits[name], drifted=score > limits[name],
            reference=dict(shares[name][0]), current=dict(shares[name][1]),
        )
        for name, score in scores.items()
    )  # fmt: skip
    return tuple(sorted(rows, key=lambda row: (-row.psi / row.limit, row.name)))


def decide_drift(measurements: DriftMeasurements, params: DriftParams) -> DriftVerdict:
    """Decide: drift if the champion's quality fell, if too many events are on unknown items, or if a column drifted."""
    reasons = [
        *_quality_reasons(measurements),
        *_unknown_item_reasons(measurements, params),
        *(c.sentence() for c in measurements.columns if c.drifted),
    ]
    slow_reasons, rise_reasons = _slow_reasons(measurements), _rise_reasons(measurements)
    current_days = _format_days(measurements.current)
    if reasons:
        sentence = f"The shop has drifted since release {measurements.release}: {'; '.join(reasons)} ({current_days})."
    else:
        summary = f"{_no_drift_summary(measurements, params)}; {current_days}"
        sentence = f"No drift since release {measurements.release} ({summary})."
    sentences = [sentence, *(f"Warning: {warning}." for warning in (*slow_reasons, *rise_reasons))]
    return DriftVerdict(
        **dict(measurements),
        drifted=bool(reasons),
        sentence=" ".join(sentences),
        reasons=tuple(reasons),
        slow_reasons=slow_reasons,
        rise_reasons=rise_reasons,
    )


def _slow_reasons(measurements: DriftMeasurements) -> tuple[str, ...]:
    """Return slow changes: columns against the anchor's days, and the lead over the baselines."""
    drifted_columns = "; ".join(column.sentence() for column in measurements.anchor_columns if column.drifted)
    since = (
        ""
        if measurements.anchor_days is None
        else f"since release {measurements.anchor} ({_format_days(measurements.anchor_days)})"
    )
    return tuple(
        reason
        for reason in (f"{since} {drifted_columns}" if drifted_columns else "", measurements.baseline_regression)
        if reason
    )


def _rise_reasons(measurements: DriftMeasurements) -> tuple[str, ...]:
    quality = measurements.quality
    if quality is None or not quality.implausible_rise:
        return ()
    return (
        f"the quality of an unchanged champion rose implausibly (NDCG@10 {quality.reference:.4f} → "
        f"{quality.current:.4f}): look for events that are written twice",
    )


def _quality_reasons(measurements: DriftMeasurements) -> list[str]:
    quality = measurements.quality
    if quality is None or not quality.degraded:
        return []
    return [
        f"the champion's quality fell (NDCG@10 {quality.reference:.4f} → {quality.current:.4f}, a fall of "
        f"{quality.relative_drop:.0%}, at least {max(0.0, quality.drop_lower_bound):.0%})"
    ]


def _unknown_item_reasons(measurements: DriftMeasurements, params: DriftParams) -> list[str]:
    if measurements.unknown_share is None or measurements.unknown_share <= params.max_unknown_share:
        return []
    share = f"{measurements.unknown_share:.0%} of the events have items that it does not know"
    return [f"{share} (limit {params.max_unknown_share:.0%})"]


def _no_drift_summary(measurements: DriftMeasurements, params: DriftParams) -> str:
    """Return the measurements as text, or why there are none."""
    parts = []
    if measurements.quality is None:
        parts.append(f"quality not compared: fewer than {params.min_cases} baskets")
    else:
        parts.append(f"NDCG@10 {measurements.quality.reference:.4f} → {measurements.quality.current:.4f}")
    if not measurements.columns:
        parts.append(f"columns not compared: {_too_few_events(measurements, params)}, {params.min_events} are needed")
    else:
        top_column = measurements.columns[0]
        parts.append(
            f"largest drift of {len(measurements.columns)} columns: {top_column.name}, PSI {top_column.psi:.2f}"
        )
    return ", ".join(parts)


def _too_few_events(measurements: DriftMeasurements, params: DriftParams) -> str:
    """Name the window with too few events."""
    if measurements.reference_events is None or measurements.current_events < params.min_events:
        return f"{measurements.current_events} events"
    return f"{measurements.reference_events} events in the reference window"


def _format_days(days: Sequence[date]) -> str:
    return str(days[0]) if days[0] == days[1] else f"{days[0]}…{days[1]}"

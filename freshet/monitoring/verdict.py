"""The verdict on fresh days: has the shop drifted away from what the champion learned, and in what."""

from collections.abc import Mapping, Sequence
from datetime import date

from pydantic import BaseModel, ConfigDict

from freshet.monitoring.params import DriftParams
from freshet.monitoring.quality import QualityDrift


class ColumnDrift(BaseModel):
    """One column of the input: fresh days against reference days."""

    model_config = ConfigDict(frozen=True)

    name: str
    psi: float  # PSI
    limit: float
    drifted: bool
    reference: dict[str, float]  # value → share
    current: dict[str, float]

    @property
    def most_changed_value(self) -> str:
        """The value whose share changed most."""
        values = {*self.reference, *self.current}
        return max(sorted(values), key=lambda value: abs(self.current.get(value, 0) - self.reference.get(value, 0)))

    def sentence(self) -> str:
        """`category drifted (PSI 0.31, limit 0.10; shoes 12 % → 30 %)`."""
        reference_share, current_share = (
            self.reference.get(self.most_changed_value, 0.0),
            self.current.get(self.most_changed_value, 0.0),
        )
        return f"{self.name} drifted (PSI {self.psi:.2f}, limit {self.limit:.2f}; {self.most_changed_value} {reference_share:.0%} → {current_share:.0%})"


class DriftMeasurements(BaseModel):
    """What was found, before it is decided what that means."""

    model_config = ConfigDict(frozen=True)

    bundle: str
    release: int
    reference: tuple[date, date]  # first and last day
    current: tuple[date, date]
    current_events: int
    columns: tuple[ColumnDrift, ...]  # empty where there were too few events on either side
    unknown_share: float | None  # share of fresh events with items the champion does not know; None: too few events
    quality: QualityDrift | None  # None: too few baskets
    reference_events: int | None = None  # None: a verdict from when they were not counted
    anchor: int | None = None  # the release whose days are compared with, too; None: they were not
    anchor_days: tuple[date, date] | None = None
    anchor_columns: tuple[ColumnDrift, ...] = ()  # the fresh days against those of the anchor
    baseline_regression: str = ""  # what the releases since lost against the baselines, in words


class DriftVerdict(DriftMeasurements):
    """A decision with its reasons."""

    drifted: bool
    sentence: str
    reasons: tuple[str, ...]
    slow_reasons: tuple[str, ...] = ()  # what moved over many releases: a retraining does not mend it
    rise_reasons: tuple[str, ...] = ()  # what a person should look at before anybody believes it


def column_drifts(
    scores: Mapping[str, float],
    limits: Mapping[str, float],
    shares: Mapping[str, tuple[Mapping[str, float], Mapping[str, float]]],
) -> tuple[ColumnDrift, ...]:
    """The table, what drifted most first. shares: column → its reference's and its fresh shares."""
    rows = (
        ColumnDrift(
            name=name, psi=score, limit=limits[name], drifted=score > limits[name],
            reference=dict(shares[name][0]), current=dict(shares[name][1]),
        )
        for name, score in scores.items()
    )  # fmt: skip
    return tuple(sorted(rows, key=lambda row: (-row.psi / row.limit, row.name)))


def decide(measurements: DriftMeasurements, params: DriftParams) -> DriftVerdict:
    """Drifted if the champion's answers have become worse, if it does not know what is sold, or if a column drifted."""
    reasons = [
        *_quality_reasons(measurements),
        *_unknown_item_reasons(measurements, params),
        *(c.sentence() for c in measurements.columns if c.drifted),
    ]
    slow_reasons, rise_reasons, current_days = (
        _slow_reasons(measurements),
        _rise_reasons(measurements),
        _format_days(measurements.current),
    )
    if reasons:
        sentence = (
            f"The shop has drifted away from release {measurements.release}: {'; '.join(reasons)} ({current_days})."
        )
    else:
        sentence = f"The shop is as release {measurements.release} knows it ({_no_drift_summary(measurements, params)}; {current_days})."
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
    """What moved since the anchor's days, and what was lost; neither shows from one release to the next."""
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
        f"the champion's answers have become better than they can by themselves (NDCG@10 {quality.reference:.4f} → "
        f"{quality.current:.4f}): look for events that are written twice",
    )


def _quality_reasons(measurements: DriftMeasurements) -> list[str]:
    quality = measurements.quality
    if quality is None or not quality.degraded:
        return []
    return [
        f"the champion's answers have become worse (NDCG@10 {quality.reference:.4f} → {quality.current:.4f}, a fall of "
        f"{quality.relative_drop:.0%}, surely more than {max(0.0, quality.drop_lower_bound):.0%})"
    ]


def _unknown_item_reasons(measurements: DriftMeasurements, params: DriftParams) -> list[str]:
    if measurements.unknown_share is None or measurements.unknown_share <= params.max_unknown_share:
        return []
    return [
        f"{measurements.unknown_share:.0%} of the events are about items it does not know (limit {params.max_unknown_share:.0%})"
    ]


def _no_drift_summary(measurements: DriftMeasurements, params: DriftParams) -> str:
    """The figures that speak against a drift, or what could not be looked at."""
    parts = []
    if measurements.quality is None:
        parts.append(f"fewer than {params.min_cases} baskets to ask the champion for")
    else:
        parts.append(f"NDCG@10 {measurements.quality.reference:.4f} → {measurements.quality.current:.4f}")
    if not measurements.columns:
        parts.append(f"{_too_few_events(measurements, params)}, {params.min_events} are needed to compare columns")
    else:
        top_column = measurements.columns[0]
        parts.append(f"of {len(measurements.columns)} columns {top_column.name} moved most, PSI {top_column.psi:.2f}")
    return ", ".join(parts)


def _too_few_events(measurements: DriftMeasurements, params: DriftParams) -> str:
    """The side with too few events: the fresh one, or else the reference."""
    if measurements.reference_events is None or measurements.current_events < params.min_events:
        return f"{measurements.current_events} events"
    return f"{measurements.reference_events} events of the reference"


def _format_days(days: Sequence[date]) -> str:
    return str(days[0]) if days[0] == days[1] else f"{days[0]}…{days[1]}"

"""The verdict on fresh days: has the shop drifted away from what the champion learned, and in what."""

from collections.abc import Mapping, Sequence
from datetime import date

from pydantic import BaseModel, ConfigDict

from freshet.watch.params import DriftParams
from freshet.watch.quality import Quality


class ColumnDrift(BaseModel):
    """One column of the input: fresh days against reference days."""

    model_config = ConfigDict(frozen=True)

    name: str
    score: float  # PSI
    limit: float
    drifted: bool
    reference: dict[str, float]  # value → share
    fresh: dict[str, float]

    @property
    def most(self) -> str:
        """The value whose share changed most."""
        values = {*self.reference, *self.fresh}
        return max(sorted(values), key=lambda value: abs(self.fresh.get(value, 0) - self.reference.get(value, 0)))

    def sentence(self) -> str:
        """`category drifted (PSI 0.31, limit 0.10; shoes 12 % → 30 %)`."""
        was, now = self.reference.get(self.most, 0.0), self.fresh.get(self.most, 0.0)
        return f"{self.name} drifted (PSI {self.score:.2f}, limit {self.limit:.2f}; {self.most} {was:.0%} → {now:.0%})"


class Compared(BaseModel):
    """What was found, before it is decided what that means."""

    model_config = ConfigDict(frozen=True)

    bundle: str
    release: int
    reference: tuple[date, date]  # first and last day
    fresh: tuple[date, date]
    fresh_events: int
    columns: tuple[ColumnDrift, ...]  # empty where there were too few events on either side
    unknown: float | None  # share of fresh events with items the champion does not know; None: too few events
    quality: Quality | None  # None: too few baskets
    reference_events: int | None = None  # None: a verdict from when they were not counted
    anchor: int | None = None  # the release whose days are compared with, too; None: they were not
    anchor_days: tuple[date, date] | None = None
    slow: tuple[ColumnDrift, ...] = ()  # the fresh days against those of the anchor
    loss: str = ""  # what the releases since lost against the baselines, in words


class DriftVerdict(Compared):
    """A decision with its reasons."""

    drifted: bool
    sentence: str
    reasons: tuple[str, ...]
    slowly: tuple[str, ...] = ()  # what moved over many releases: a retraining does not mend it
    too_good: tuple[str, ...] = ()  # what a person should look at before anybody believes it


def columns_of(
    scores: Mapping[str, float],
    limits: Mapping[str, float],
    shares: Mapping[str, tuple[Mapping[str, float], Mapping[str, float]]],
) -> tuple[ColumnDrift, ...]:
    """The table, what drifted most first. shares: column → its reference's and its fresh shares."""
    rows = (
        ColumnDrift(
            name=name, score=score, limit=limits[name], drifted=score > limits[name],
            reference=dict(shares[name][0]), fresh=dict(shares[name][1]),
        )
        for name, score in scores.items()
    )  # fmt: skip
    return tuple(sorted(rows, key=lambda row: (-row.score / row.limit, row.name)))


def decide(found: Compared, params: DriftParams) -> DriftVerdict:
    """Drifted if the champion's answers have become worse, if it does not know what is sold, or if a column drifted."""
    reasons = [*_quality(found), *_unknown(found, params), *(c.sentence() for c in found.columns if c.drifted)]
    slowly, too_good, days = _slowly(found), _too_good(found), _days(found.fresh)
    if reasons:
        sentence = f"The shop has drifted away from release {found.release}: {'; '.join(reasons)} ({days})."
    else:
        sentence = f"The shop is as release {found.release} knows it ({_calm(found, params)}; {days})."
    sentences = [sentence, *(f"Warning: {words}." for words in (*slowly, *too_good))]
    return DriftVerdict(
        **dict(found), drifted=bool(reasons), sentence=" ".join(sentences), reasons=tuple(reasons), slowly=slowly,
        too_good=too_good,
    )  # fmt: skip


def _slowly(found: Compared) -> tuple[str, ...]:
    """What moved since the anchor's days, and what was lost; neither shows from one release to the next."""
    moved = "; ".join(column.sentence() for column in found.slow if column.drifted)
    since = "" if found.anchor_days is None else f"since release {found.anchor} ({_days(found.anchor_days)})"
    return tuple(words for words in (f"{since} {moved}" if moved else "", found.loss) if words)


def _too_good(found: Compared) -> tuple[str, ...]:
    quality = found.quality
    if quality is None or not quality.rose:
        return ()
    return (
        f"the champion's answers have become better than they can by themselves (NDCG@10 {quality.before:.4f} → "
        f"{quality.fresh:.4f}): look for events that are written twice",
    )


def _quality(found: Compared) -> list[str]:
    quality = found.quality
    if quality is None or not quality.fell:
        return []
    return [
        f"the champion's answers have become worse (NDCG@10 {quality.before:.4f} → {quality.fresh:.4f}, a fall of "
        f"{quality.fall:.0%}, surely more than {max(0.0, quality.surely):.0%})"
    ]


def _unknown(found: Compared, params: DriftParams) -> list[str]:
    if found.unknown is None or found.unknown <= params.unknown_limit:
        return []
    return [f"{found.unknown:.0%} of the events are about items it does not know (limit {params.unknown_limit:.0%})"]


def _calm(found: Compared, params: DriftParams) -> str:
    """The figures that speak against a drift, or what could not be looked at."""
    parts = []
    if found.quality is None:
        parts.append(f"fewer than {params.minimum_cases} baskets to ask the champion for")
    else:
        parts.append(f"NDCG@10 {found.quality.before:.4f} → {found.quality.fresh:.4f}")
    if not found.columns:
        parts.append(f"{_few(found, params)}, {params.minimum_events} are needed to compare columns")
    else:
        worst = found.columns[0]
        parts.append(f"of {len(found.columns)} columns {worst.name} moved most, PSI {worst.score:.2f}")
    return ", ".join(parts)


def _few(found: Compared, params: DriftParams) -> str:
    """The side with too few events: the fresh one, or else the reference."""
    if found.reference_events is None or found.fresh_events < params.minimum_events:
        return f"{found.fresh_events} events"
    return f"{found.reference_events} events of the reference"


def _days(span: Sequence[date]) -> str:
    return str(span[0]) if span[0] == span[1] else f"{span[0]}…{span[1]}"

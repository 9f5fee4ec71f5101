"""The asset `drift_report`, without Dagster: fresh days against the champion's training days, and the verdict."""

import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from freshet.cases import Cases, next_basket_cases
from freshet.judge.comparison import BASELINES, CHALLENGER
from freshet.judge.evaluation import evaluate
from freshet.judge.guard_params import GuardParams
from freshet.judge.metrics import ndcg
from freshet.judge.yardstick import ratio, standings
from freshet.live import journal
from freshet.live.ranker import Ranker, open_ranker
from freshet.live.released import Release, current_release
from freshet.references import DriftRef
from freshet.settings import Settings
from freshet.stages import watched
from freshet.stages.outcome import Outcome, judged
from freshet.stages.watched import Spans
from freshet.store import Store
from freshet.watch.comparison import Side, compare_columns
from freshet.watch.params import DriftParams
from freshet.watch.quality import Quality, Values, compare_quality
from freshet.watch.verdict import ColumnDrift, Compared, DriftVerdict, decide

if TYPE_CHECKING:
    import pandas as pd

K: Final = 10  # the metric that decides about releases, too
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Drifting:
    """A drift report as it was made. verdict: None where there was nothing to compare; page: Evidently's, or none."""

    verdict: DriftVerdict | None
    page: str | None = None


def make_drift_report(
    settings: Settings, store: Store, params: DriftParams, today: date, tell: Tell = lambda _: None
) -> Outcome[Drifting, DriftRef]:
    """Compare what landed since the champion was made with what it was made from. Kept only if the gate passes.

    today: it and what comes after are left out. Without a champion, or without days after those it knows, there is
    nothing to report, which the gate says.
    Raises JournalError where the champion cannot be read.
    """
    release = current_release(store, settings.cache)
    spans = None if release is None else watched.spans(store, release, today, params)
    if release is None or spans is None or not spans.fresh or not spans.reference:
        return Outcome(judged("drift_report", _nothing(release, spans), settings), Drifting(None), None)
    with tempfile.TemporaryDirectory() as temporary:
        page = Path(temporary) / "drift.html"
        verdict = decide(_compared(settings, store, release, spans, params, page, tell), params)
        tell(verdict.sentence)
        judgement = judged("drift_report", _profile(verdict, spans), settings)
        if judgement.bad():
            return Outcome(judgement, Drifting(verdict), None)
        ref = _keep(store, verdict, page)
    return Outcome(judgement, Drifting(verdict, store.where(page_path(ref.id)) if verdict.columns else None), ref)


def drift_path(report: str) -> str:
    """Where a verdict lies in the lake."""
    return f"drift/{report}.json"


def page_path(report: str) -> str:
    """Where Evidently's page on its columns lies."""
    return f"drift/{report}.html"


def read_verdict(store: Store, report: str) -> DriftVerdict:
    """The verdict that a reference names. Raises LakeError where it is gone."""
    return DriftVerdict.model_validate_json(store.get(drift_path(report)))


def _compared(
    settings: Settings, store: Store, release: Release, spans: Spans, params: DriftParams, page: Path, tell: Tell
) -> Compared:
    reference, fresh = (_side(settings, store, days, params) for days in (spans.reference, spans.fresh))
    enough = len(fresh.events) >= params.minimum_events
    comparable = enough and len(reference.events) >= params.minimum_events
    tell(f"{len(fresh.events):,} fresh events against {len(reference.events):,} of the reference")
    early = watched.anchor_days(store, settings.anchor_release, release, params)
    old = _side(settings, store, early, params) if early and enough else None
    return Compared(
        bundle=release.bundle.id,
        release=release.entry.number,
        reference=(spans.reference[0], spans.reference[-1]),
        fresh=(spans.fresh[0], spans.fresh[-1]),
        fresh_events=len(fresh.events),
        reference_events=len(reference.events),
        columns=compare_columns(reference, fresh, params, page) if comparable else (),
        unknown=_unknown(release, fresh.events) if enough else None,
        quality=_quality(settings, store, release, spans, params, tell),
        anchor=settings.anchor_release if old is not None else None,
        anchor_days=(early[0], early[-1]) if old is not None else None,
        slow=_slow(old, fresh, params),
        loss=_loss(store, release),
    )


def _side(settings: Settings, store: Store, days: Sequence[date], params: DriftParams) -> Side:
    return Side(
        watched.events_of(settings, store, days, params.events),
        watched.shopper_days_of(settings, store, days, params.events),
    )


def _slow(old: Side | None, fresh: Side, params: DriftParams) -> tuple[ColumnDrift, ...]:
    """The fresh days against the anchor's: what moves a little with every release is far from there."""
    if old is None or len(old.events) < params.minimum_events:
        return ()
    return compare_columns(old, fresh, params.model_copy(update={"limit": params.slow_limit}))


def _loss(store: Store, release: Release) -> str:
    """What the last release lost against the baselines beside the ones before it; "" where nothing."""
    limits = GuardParams()
    past = standings(journal.readable(store, release.entry.number), K, limits.recent + 1)
    if not past:
        return ""
    result = ratio(past[-1].ndcg, past[:-1], CHALLENGER, BASELINES, limits.ratio_floor)
    return (
        f"release {past[-1].release} was worse than ones before: {result.sentence}" if result and result.behind else ""
    )


def _unknown(release: Release, fresh: "pd.DataFrame") -> float:
    """Share of the fresh events with items that are not in the champion's vocabulary."""
    counts = fresh["item_id"].astype(str).value_counts()
    known = release.bundle.vocabulary.index_of([str(item) for item in counts.index]) > 0
    return float(counts[~known].sum() / max(1, int(counts.sum())))


def _quality(
    settings: Settings, store: Store, release: Release, spans: Spans, params: DriftParams, tell: Tell
) -> Quality | None:
    """The champion asked for the baskets it was judged on and for those of the fresh days, all in one way."""
    from freshet.tables.reading import day_number

    share = watched.share_of_shoppers(store, "histories", spans.fresh, params.cases)
    vocabulary = release.bundle.vocabulary
    histories = watched.histories_of(settings, vocabulary, spans.fresh[-1], share)
    begins = max(spans.as_of, spans.fresh[0] - timedelta(days=1))
    stretches = ((spans.cut, spans.as_of), (begins, spans.fresh[-1]))
    sides = [_sampled(next_basket_cases(histories, *map(day_number, stretch)), params) for stretch in stretches]
    if min(map(len, sides)) < params.minimum_cases:
        return None
    tell(f"the champion is asked for {len(sides[1]):,} fresh baskets and {len(sides[0]):,} it was judged on")
    ranker = open_ranker(release.bundle)
    before, fresh = (_asked(ranker, side) for side in sides)
    return compare_quality(before, sides[0].owners, fresh, sides[1].owners, params)


def _sampled(cases: Cases, params: DriftParams) -> Cases:
    chosen = np.random.default_rng(params.seed).permutation(len(cases))[: params.cases]
    return cases.take(np.sort(chosen))


def _asked(ranker: Ranker, cases: Cases) -> Values:
    answers = evaluate(ranker, cases, (K,))
    return ndcg(answers.hits, answers.sizes, K)


def _keep(store: Store, verdict: DriftVerdict, page: Path) -> DriftRef:
    content = verdict.model_dump_json(indent=1).encode()
    name = hashlib.sha256(content).hexdigest()
    if page.exists():
        store.put(page_path(name), page)
    store.put_if_absent(drift_path(name), content)
    return DriftRef(
        id=name, release=verdict.release, bundle=verdict.bundle, last_day=verdict.fresh[1], drifted=verdict.drifted
    )


def _nothing(release: Release | None, spans: Spans | None) -> Mapping[str, object]:
    """The profile where there is nothing to compare, and in words why."""
    why = "nothing is released yet, so there is nothing to watch"
    if release is not None and spans is not None:
        why = f"no day after {spans.as_of}, the last that release {release.entry.number} knows, is over and published"
        if spans.fresh:
            why = f"of the days up to {spans.cut}, which release {release.entry.number} learned from, none is left"
    quiet = {"slow": 0, "slow_says": "", "rise": 0, "rise_says": ""}
    return {"compared": 0, "why": why, "not_finite": 0, "drifted": None, "sentence": "", **quiet}


def _profile(verdict: DriftVerdict, spans: Spans) -> Mapping[str, object]:
    figures = [value for column in (*verdict.columns, *verdict.slow) for value in (column.score, column.limit)]
    if verdict.quality is not None:
        figures += [verdict.quality.before, verdict.quality.fresh, verdict.quality.surely]
    return {
        "compared": len(spans.fresh),
        "why": "",
        "not_finite": int(np.count_nonzero(~np.isfinite(figures))),
        "drifted": int(verdict.drifted),
        "sentence": verdict.sentence,
        "slow": int(bool(verdict.slowly)),
        "slow_says": "; ".join(verdict.slowly),
        "rise": int(bool(verdict.too_good)),
        "rise_says": "; ".join(verdict.too_good),
    }

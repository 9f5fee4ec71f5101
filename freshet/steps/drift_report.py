"""The asset `drift_report`: compare the current days with the champion's training days and store the verdict."""

import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from freshet.artifacts import DriftRef
from freshet.data.day_numbers import day_number
from freshet.data.eval_cases import EvalCases, next_basket_cases
from freshet.evaluation.baseline_ratio import baseline_ratio, release_metrics
from freshet.evaluation.comparison import BASELINE_SCORERS, CHALLENGER
from freshet.evaluation.evaluate import evaluate_cases
from freshet.evaluation.guard_params import GuardParams
from freshet.evaluation.metrics import ndcg
from freshet.inference.ranker import Ranker, open_ranker
from freshet.monitoring.column_drift import DriftWindowData, compare_columns
from freshet.monitoring.params import DriftParams
from freshet.monitoring.quality import Floats, QualityDrift, compare_quality
from freshet.monitoring.verdict import ColumnDrift, DriftMeasurements, DriftVerdict, decide_drift
from freshet.releases import journal
from freshet.releases.current import Release, current_release
from freshet.settings import Settings
from freshet.steps import drift_inputs
from freshet.steps.drift_inputs import DriftWindows
from freshet.steps.step_result import StepResult, run_gate, store_if_passed
from freshet.store import Store

if TYPE_CHECKING:
    import pandas as pd

NDCG_K: Final = 10  # as in the release decision
ASSET: Final = "drift_report"
ProgressCallback = Callable[[str], None]


@dataclass(frozen=True)
class DriftReport:
    """A drift verdict and the location of Evidently's page."""

    verdict: DriftVerdict | None  # None if there was nothing to compare
    html_location: str | None = None


def make_drift_report(
    settings: Settings, store: Store, params: DriftParams, today: date, progress: ProgressCallback = lambda _: None
) -> StepResult[DriftReport, DriftRef]:
    """Compare the days since the champion's training set with its training days; store the report if the gate passes.

    today: this day and later ones are left out. Without a champion or without days to compare, the gate says why there
    is no report. Raises JournalError if the champion cannot be read.
    """
    release = current_release(store, settings.cache_dir)
    windows = None if release is None else drift_inputs.drift_windows(store, release, today, params)
    if release is None or windows is None or not windows.current or not windows.reference:
        return StepResult(run_gate(ASSET, _empty_profile(release, windows), settings), DriftReport(None), None)
    with tempfile.TemporaryDirectory() as temporary:
        html_file = Path(temporary) / "drift.html"
        measurements = _measure_drift(
            settings, store, release=release, windows=windows, params=params, html_file=html_file, progress=progress
        )
        verdict = decide_drift(measurements, params)
        progress(verdict.sentence)
        result = store_if_passed(
            ASSET,
            _profile(verdict, windows),
            settings,
            value=DriftReport(verdict),
            store_artifact=lambda: _store_verdict(store, verdict, html_file),
        )
    if result.ref is None or not verdict.columns:
        return result
    return replace(result, value=DriftReport(verdict, store.full_path(html_path(result.ref.id))))


def verdict_path(report_id: str) -> str:
    """Return the lake path of a verdict."""
    return f"drift/{report_id}.json"


def html_path(report_id: str) -> str:
    """Return the lake path of Evidently's page."""
    return f"drift/{report_id}.html"


def read_verdict(store: Store, report_id: str) -> DriftVerdict:
    """Return a stored verdict. Raises LakeError if it is missing."""
    return DriftVerdict.model_validate_json(store.get(verdict_path(report_id)))


def _measure_drift(
    settings: Settings,
    store: Store,
    release: Release,
    windows: DriftWindows,
    params: DriftParams,
    html_file: Path,
    progress: ProgressCallback,
) -> DriftMeasurements:
    reference, current = (_load_window(settings, store, days, params) for days in (windows.reference, windows.current))
    enough_events = len(current.events) >= params.min_events
    comparable = enough_events and len(reference.events) >= params.min_events
    progress(f"{len(current.events):,} current events against {len(reference.events):,} of the reference")
    anchor_days = drift_inputs.anchor_days(store, settings.anchor_release, release, params)
    anchor = _load_window(settings, store, anchor_days, params) if anchor_days and enough_events else None
    return DriftMeasurements(
        bundle=release.bundle.id,
        release=release.entry.number,
        reference=(windows.reference[0], windows.reference[-1]),
        current=(windows.current[0], windows.current[-1]),
        current_events=len(current.events),
        reference_events=len(reference.events),
        columns=compare_columns(reference, current, params, html_file) if comparable else (),
        unknown_share=_unknown_share(release, current.events) if enough_events else None,
        quality=_measure_quality(settings, store, release=release, windows=windows, params=params, progress=progress),
        anchor=settings.anchor_release if anchor is not None else None,
        anchor_days=(anchor_days[0], anchor_days[-1]) if anchor is not None else None,
        anchor_columns=_anchor_drift(anchor, current, params),
        baseline_regression=_baseline_regression(store, release),
    )


def _load_window(settings: Settings, store: Store, days: Sequence[date], params: DriftParams) -> DriftWindowData:
    return DriftWindowData(
        drift_inputs.load_events(settings, store, days, params.max_events),
        drift_inputs.load_shopper_days(settings, store, days, params.max_events),
    )


def _anchor_drift(
    anchor: DriftWindowData | None, current: DriftWindowData, params: DriftParams
) -> tuple[ColumnDrift, ...]:
    """Compare the current days with the anchor's: this finds changes that are small from one release to the next."""
    if anchor is None or len(anchor.events) < params.min_events:
        return ()
    return compare_columns(anchor, current, params.model_copy(update={"psi_limit": params.anchor_psi_limit}))


def _baseline_regression(store: Store, release: Release) -> str:
    """Return as text how far the last release's lead over the baselines fell below that of earlier ones; "" if not."""
    guard_params = GuardParams()
    past_standings = release_metrics(
        journal.readable_entries(store, release.entry.number), NDCG_K, guard_params.n_reference_releases + 1
    )
    if not past_standings:
        return ""
    result = baseline_ratio(
        past_standings[-1].ndcg, past_standings[:-1], CHALLENGER, BASELINE_SCORERS, guard_params.min_baseline_ratio
    )
    return (
        f"release {past_standings[-1].release} was worse than ones before: {result.sentence}"
        if result and result.is_below_min
        else ""
    )


def _unknown_share(release: Release, current_events: "pd.DataFrame") -> float:
    """Return the share of current events with items that are not in the champion's vocabulary."""
    counts = current_events["item_id"].astype(str).value_counts()
    in_vocabulary = release.bundle.vocabulary.indices([str(item) for item in counts.index]) > 0
    return float(counts[~in_vocabulary].sum() / max(1, int(counts.sum())))


def _measure_quality(
    settings: Settings,
    store: Store,
    release: Release,
    windows: DriftWindows,
    params: DriftParams,
    progress: ProgressCallback,
) -> QualityDrift | None:
    """Evaluate the champion on the baskets of its evaluation days and of the current days, in the same way."""

    shopper_share = drift_inputs.shopper_share(store, "histories", windows.current, params.max_cases)
    vocabulary = release.bundle.vocabulary
    histories = drift_inputs.load_histories(settings, vocabulary, windows.current[-1], shopper_share)
    current_start = max(windows.as_of, windows.current[0] - timedelta(days=1))
    day_ranges = ((windows.train_until, windows.as_of), (current_start, windows.current[-1]))
    window_cases = [
        _sample_cases(next_basket_cases(histories, *map(day_number, day_range)), params) for day_range in day_ranges
    ]
    if min(map(len, window_cases)) < params.min_cases:
        return None
    progress(
        f"evaluating the champion on {len(window_cases[1]):,} current and {len(window_cases[0]):,} reference baskets"
    )
    ranker = open_ranker(release.bundle)
    reference_ndcg, current_ndcg = (_ndcg_per_case(ranker, cases) for cases in window_cases)
    return compare_quality(
        reference_ndcg=reference_ndcg,
        reference_shoppers=window_cases[0].shopper_index,
        current_ndcg=current_ndcg,
        current_shoppers=window_cases[1].shopper_index,
        params=params,
    )


def _sample_cases(cases: EvalCases, params: DriftParams) -> EvalCases:
    sample = np.random.default_rng(params.seed).permutation(len(cases))[: params.max_cases]
    return cases.take(np.sort(sample))


def _ndcg_per_case(ranker: Ranker, cases: EvalCases) -> Floats:
    scores = evaluate_cases(ranker, cases, (NDCG_K,))
    return ndcg(scores.hits, scores.n_targets, NDCG_K)


def _store_verdict(store: Store, verdict: DriftVerdict, html_file: Path) -> DriftRef:
    content = verdict.model_dump_json(indent=1).encode()
    report_id = hashlib.sha256(content).hexdigest()
    if html_file.exists():
        store.put(html_path(report_id), html_file)
    store.put_if_absent(verdict_path(report_id), content)
    return DriftRef(
        id=report_id,
        release=verdict.release,
        bundle=verdict.bundle,
        last_day=verdict.current[1],
        drifted=verdict.drifted,
    )


def _empty_profile(release: Release | None, windows: DriftWindows | None) -> Mapping[str, object]:
    """Return the gate's inputs if there is nothing to compare, with the reason."""
    reason = "there is no release yet"
    if release is not None and windows is not None:
        number = release.entry.number
        reason = f"no complete day is published after {windows.as_of}, the last in the data of release {number}"
        if windows.current:
            reason = (
                f"no published day is left up to {windows.train_until}, the training days of release "
                f"{release.entry.number}"
            )
    no_warnings = {
        "drifted_from_anchor": 0,
        "drifted_from_anchor_message": "",
        "implausible_rise": 0,
        "implausible_rise_message": "",
    }
    return {
        "compared_days": 0,
        "missing_reason": reason,
        "not_finite": 0,
        "drifted": None,
        "sentence": "",
        **no_warnings,
    }


def _profile(verdict: DriftVerdict, windows: DriftWindows) -> Mapping[str, object]:
    measurements = [
        value for column in (*verdict.columns, *verdict.anchor_columns) for value in (column.psi, column.limit)
    ]
    if verdict.quality is not None:
        measurements += [verdict.quality.reference, verdict.quality.current, verdict.quality.drop_lower_bound]
    return {
        "compared_days": len(windows.current),
        "missing_reason": "",
        "not_finite": int(np.count_nonzero(~np.isfinite(measurements))),
        "drifted": int(verdict.drifted),
        "sentence": verdict.sentence,
        "drifted_from_anchor": int(bool(verdict.slow_reasons)),
        "drifted_from_anchor_message": "; ".join(verdict.slow_reasons),
        "implausible_rise": int(bool(verdict.rise_reasons)),
        "implausible_rise_message": "; ".join(verdict.rise_reasons),
    }

"""The plot and metadata of a study: all trials, parameter importance, and the best parameters as run configuration."""

from typing import TYPE_CHECKING, Any

import dagster as dg
import yaml

from assets.plot_style import NEUTRAL_COLOR, PRIMARY_COLOR, TEXT_COLOR, create_panels, figure_metadata
from freshet.model.params import TrainParams
from freshet.steps.training.tune import sentence

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from freshet.tuning.search import TrialResult, TuningResult


def tuning_metadata(tuning: "TuningResult") -> dict[str, Any]:
    """Return the result, the plot, every trial, and the best parameters as a table and as run configuration."""
    metadata: dict[str, Any] = {
        "result": sentence(tuning),
        "study": tuning.study_name,
        "trials": dg.MetadataValue.md(_trials_table(tuning)),
        "seconds": round(tuning.seconds, 1),
    }
    if tuning.best_trial is not None:
        metadata["plot"] = figure_metadata(_tuning_figure(tuning))
        metadata["best trial"] = dg.MetadataValue.md(_best_trial_table(tuning, tuning.best_trial))
        metadata["run configuration"] = dg.MetadataValue.md(f"```yaml\n{run_config(tuning, tuning.best_trial)}```")
    return metadata


def run_config(tuning: "TuningResult", trial: "TrialResult") -> str:
    """Return the parameters that differ from the defaults, as run configuration of `trained_model`."""
    default, parameters = TrainParams(), tuning.params_of(trial)
    changed = {name: value for name, value in parameters if value != getattr(default, name)}
    return yaml.safe_dump({"ops": {"trained_model": {"config": changed}}}, sort_keys=False)


def _best_trial_table(tuning: "TuningResult", best: "TrialResult") -> str:
    names = [name for name in tuning.base_params.model_dump() if name in best.parameters]
    rows = [
        f"| {name} | {_plain(getattr(tuning.base_params, name))} | {_plain(best.parameters[name])} |" for name in names
    ]
    return "\n".join(["| parameter | default | best trial |", "|---|---:|---:|", *rows])


def _trials_table(tuning: "TuningResult") -> str:
    names = list(dict.fromkeys(name for trial in tuning.trials for name in trial.parameters))
    rows = [
        f"| {t.number}{' (default)' if t.is_default else ''} | {'' if t.score is None else f'{t.score:.4f}'} "
        f"| {t.prune_reason or t.status} | {t.seconds:.0f} "
        f"| {' | '.join(_plain(t.parameters.get(n, '')) for n in names)} |"
        for t in tuning.trials
    ]
    head = f"| trial | NDCG@10 | end | seconds | {' | '.join(names)} |"
    return "\n".join([head, f"|---|---:|---|---:|{'---:|' * len(names)}", *rows])


def _plain(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _tuning_figure(tuning: "TuningResult") -> "Figure":
    figure, (left, right) = create_panels(2)
    complete = [(t.number, t.score) for t in tuning.completed_trials if t.score is not None]
    pruned = [(t.number, max(t.curve.values())) for t in tuning.trials if t.status == "pruned" and t.curve]
    left.plot(*zip(*complete, strict=True), "o", color=TEXT_COLOR, label="completed")
    if pruned:
        left.plot(*zip(*pruned, strict=True), "o", color=NEUTRAL_COLOR, mfc="none", label="pruned")
    best = [max(score for _, score in complete[: n + 1]) for n in range(len(complete))]
    left.step([number for number, _ in complete], best, where="post", color=PRIMARY_COLOR, label="best so far")
    if tuning.default_trial is not None and tuning.default_trial.score is not None:
        left.axhline(tuning.default_trial.score, color=NEUTRAL_COLOR, ls="--", lw=1, label="default")
    left.set_title("NDCG@10 of held-out baskets, by trial", loc="left", color=TEXT_COLOR)
    left.legend(frameon=False, fontsize=7)
    _draw_importance(right, tuning)
    figure.subplots_adjust(wspace=0.5)  # room for long parameter names
    return figure


def _draw_importance(axis: Any, tuning: "TuningResult") -> None:
    axis.set_title("parameter importance (PED-ANOVA)", loc="left", color=TEXT_COLOR)
    if not tuning.importance:
        axis.text(0.5, 0.5, "too few trials", ha="center", color=TEXT_COLOR, transform=axis.transAxes)
        axis.set_axis_off()
        return
    names = sorted(tuning.importance, key=lambda name: tuning.importance[name])
    axis.barh(names, [tuning.importance[name] for name in names], color=NEUTRAL_COLOR)

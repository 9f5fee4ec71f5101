"""What a search shows of itself: how it went, what mattered, and the winner ready to paste."""

from typing import TYPE_CHECKING, Any

import dagster as dg
import yaml

from assets.drawing import INK, MAIN, OTHER, figure_of, picture
from freshet.model.params import TrainParams
from freshet.stages.search import sentence

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from freshet.model.search import Found, Trial


def of_search(found: "Found") -> dict[str, Any]:
    """The sentence, the picture, every trial, and the winner as a table and as run configuration."""
    metadata: dict[str, Any] = {
        "result": sentence(found),
        "study": found.study,
        "trials": dg.MetadataValue.md(_trials(found)),
        "seconds": round(found.seconds, 1),
    }
    if found.best is not None:
        metadata["picture"] = picture(_picture(found))
        metadata["winner"] = dg.MetadataValue.md(_table(found, found.best))
        metadata["run configuration"] = dg.MetadataValue.md(f"```yaml\n{run_config(found, found.best)}```")
    return metadata


def run_config(found: "Found", trial: "Trial") -> str:
    """What differs from the defaults, as the launchpad of `trained_model` takes it."""
    default, own = TrainParams(), found.parameters(trial)
    changed = {name: value for name, value in own if value != getattr(default, name)}
    return yaml.safe_dump({"ops": {"trained_model": {"config": changed}}}, sort_keys=False)


def _table(found: "Found", best: "Trial") -> str:
    names = [name for name in found.base.model_dump() if name in best.parameters]
    rows = [f"| {name} | {_plain(getattr(found.base, name))} | {_plain(best.parameters[name])} |" for name in names]
    return "\n".join(["| parameter | default | winner |", "|---|---:|---:|", *rows])


def _trials(found: "Found") -> str:
    names = list(dict.fromkeys(name for trial in found.trials for name in trial.parameters))
    rows = [
        f"| {t.number}{' (default)' if t.is_default else ''} | {'' if t.score is None else f'{t.score:.4f}'} "
        f"| {t.why or t.state} | {t.seconds:.0f} | {' | '.join(_plain(t.parameters.get(n, '')) for n in names)} |"
        for t in found.trials
    ]
    head = f"| trial | NDCG@10 | how it ended | seconds | {' | '.join(names)} |"
    return "\n".join([head, f"|---|---:|---|---:|{'---:|' * len(names)}", *rows])


def _plain(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _picture(found: "Found") -> "Figure":
    figure, (left, right) = figure_of(2)
    whole = [(t.number, t.score) for t in found.complete if t.score is not None]
    given_up = [(t.number, max(t.curve.values())) for t in found.trials if t.state == "pruned" and t.curve]
    left.plot(*zip(*whole, strict=True), "o", color=INK, label="to its end")
    if given_up:
        left.plot(*zip(*given_up, strict=True), "o", color=OTHER, mfc="none", label="given up")
    best = [max(score for _, score in whole[: n + 1]) for n in range(len(whole))]
    left.step([number for number, _ in whole], best, where="post", color=MAIN, label="best so far")
    if found.default is not None and found.default.score is not None:
        left.axhline(found.default.score, color=OTHER, ls="--", lw=1, label="the default")
    left.set_title("NDCG@10 of held-out baskets, by trial", loc="left", color=INK)
    left.legend(frameon=False, fontsize=7)
    _importance(right, found)
    figure.subplots_adjust(wspace=0.5)  # long names of parameters
    return figure


def _importance(axis: Any, found: "Found") -> None:
    axis.set_title("what mattered (PED-ANOVA)", loc="left", color=INK)
    if not found.importance:
        axis.text(0.5, 0.5, "too few trials to say", ha="center", color=INK, transform=axis.transAxes)
        axis.set_axis_off()
        return
    names = sorted(found.importance, key=lambda name: found.importance[name])
    axis.barh(names, [found.importance[name] for name in names], color=OTHER)

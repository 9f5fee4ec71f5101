"""Pictures for the asset pages: what a person would want to see before believing a number."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from freshet.model.training import Trained
    from freshet.stages.bundle import Proven
    from freshet.stages.drift import Drifting
    from freshet.stages.evaluation import Judged
    from freshet.watch.quality import Quality
    from freshet.watch.verdict import ColumnDrift, DriftVerdict

WORST = 3  # columns in the picture of a drift report
VALUES = 6  # and values of each
INK, BEST, OTHER = "#1f3b57", "#d1495b", "#9fb3c8"


def of_training(trained: "Trained") -> dict[str, Any]:
    """The loss curve beside the validation curve, and what the training cost."""
    return {
        "curve": picture(_curve(trained)),
        "best epoch": trained.best.epoch,
        "validation NDCG@10": trained.best.ndcg_at_10,
        "device": trained.device,
        "seconds": round(trained.seconds, 1),
        "interactions a second": round(trained.interactions_per_second),
        "peak memory (MiB)": round(trained.peak_memory / 2**20),
        "parameters": dg.MetadataValue.json(trained.params.model_dump()),
    }


def of_bundle(proven: "Proven | None") -> dict[str, Any]:
    """What is in the bundle, how the rungs of the parity ladder answered, and how fast it is."""
    if proven is None:
        return {}
    manifest = proven.bundle.manifest
    files = [f"| {name} | {entry.bytes:,} |" for name, entry in sorted(manifest.files.items())]
    return {
        "serves": manifest.precision,
        "parity": dg.MetadataValue.md(f"- {proven.fp32.sentence}\n- {proven.int8.sentence}"),
        "latency, median (ms)": round(proven.latency.median, 2),
        "latency, 99th percentile (ms)": round(proven.latency.p99, 2),
        "files": dg.MetadataValue.md("\n".join(["| file | bytes |", "|---|---:|", *files])),
        "lineage": dg.MetadataValue.json({"code": manifest.created_by, **manifest.lineage}),
    }


def of_evaluation(kept: "Judged") -> dict[str, Any]:
    """The verdict, the table, and the metric it was decided on as a picture."""
    table = kept.evaluation.table
    metric = next(iter(name for name in table["challenger"] if name.startswith("ndcg@")))
    return {
        "verdict": kept.verdict.sentence,
        "picture": bars(metric.upper(), {name: row[metric] for name, row in table.items()}, "challenger"),
        "table": dg.MetadataValue.md(kept.evaluation.to_markdown()),
        **{f"{metric} {name}": row[metric] for name, row in table.items()},
    }


def of_drift(made: "Drifting") -> dict[str, Any]:
    """The verdict, reference against fresh where they differ most, the quality, and where Evidently's page lies."""
    verdict = made.verdict
    if verdict is None:
        return {}
    told: dict[str, Any] = {
        "verdict": verdict.sentence,
        "drifted": verdict.drifted,
        "release": verdict.release,
        "reference days": "…".join(map(str, verdict.reference)),
        "fresh days": "…".join(map(str, verdict.fresh)),
        "fresh events": verdict.fresh_events,
    }
    if verdict.columns or verdict.quality:
        told["picture"] = picture(drift_figure(verdict))
    if verdict.columns:
        lines = [
            f"| {c.name} | {c.score:.3f} | {c.limit:.3f} | {'yes' if c.drifted else ''} |" for c in verdict.columns
        ]
        told["columns"] = dg.MetadataValue.md(
            "\n".join(["| column | PSI | limit | drifted |", "|---|---:|---:|---|", *lines])
        )
    if made.page is not None:
        told["evidently"] = (
            dg.MetadataValue.path(made.page) if "://" not in made.page else dg.MetadataValue.url(made.page)
        )
    return told


def bars(title: str, values: Mapping[str, float], best: str) -> dg.MarkdownMetadataValue:
    """One bar per model, the one in question in colour."""
    figure, axes = _figure(1)
    names = list(values)
    axes[0].barh(
        names[::-1], [values[n] for n in names[::-1]], color=[BEST if n == best else OTHER for n in names[::-1]]
    )
    for row, name in enumerate(names[::-1]):
        axes[0].text(values[name], row, f" {values[name]:.4f}", va="center", color=INK)
    axes[0].set_title(title, loc="left", color=INK)
    axes[0].margins(x=0.15)
    return picture(figure)


def picture(figure: "Figure") -> dg.MarkdownMetadataValue:
    """The figure inside the metadata itself, so that it shows wherever the metadata does."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90, bbox_inches="tight")
    return dg.MetadataValue.md(f"![picture](data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()})")


def drift_figure(verdict: "DriftVerdict") -> "Figure":
    """The columns nearest to their limits, the largest values of each, and the quality before and now."""
    worst = verdict.columns[:WORST]
    figure, axes = _figure(len(worst) + (verdict.quality is not None))
    for axis, column in zip(axes, worst, strict=False):
        _shares(axis, column)
    if verdict.quality is not None:
        _quality(axes[-1], verdict.quality)
    figure.tight_layout()
    return figure


def _shares(axis: Any, column: "ColumnDrift") -> None:
    """Two bars a value: its share on the reference days and on the fresh ones."""
    both = {
        value: (column.reference.get(value, 0.0), column.fresh.get(value, 0.0))
        for value in {*column.reference, *column.fresh}
    }
    values = sorted(both, key=lambda value: (-abs(both[value][0] - both[value][1]), value))[:VALUES][::-1]
    rows = range(len(values))
    axis.barh([row + 0.2 for row in rows], [both[v][0] for v in values], 0.4, color=OTHER, label="reference")
    axis.barh(
        [row - 0.2 for row in rows],
        [both[v][1] for v in values],
        0.4,
        color=BEST if column.drifted else INK,
        label="fresh",
    )
    axis.set_yticks(list(rows), values)
    axis.set_title(
        f"{column.name}: PSI {column.score:.2f}, limit {column.limit:.2f}", loc="left", color=INK, fontsize=9
    )
    axis.legend(frameon=False, fontsize=8)


def _quality(axis: Any, quality: "Quality") -> None:
    bars = axis.bar(
        ["when released", "fresh days"], [quality.before, quality.fresh], color=[OTHER, BEST if quality.fell else INK]
    )
    axis.bar_label(bars, fmt="%.4f", color=INK)
    axis.set_title(f"NDCG@10 of the champion: {-quality.fall:+.0%}", loc="left", color=INK, fontsize=9)


def _curve(trained: "Trained") -> "Figure":
    figure, (left, right) = _figure(2)
    epochs = [p.epoch for p in trained.curve]
    left.plot(epochs, [p.loss for p in trained.curve], color=INK)
    left.set_title("training loss (nats)", loc="left", color=INK)
    right.plot(epochs, [p.ndcg_at_10 for p in trained.curve], color=INK)
    right.plot([trained.best.epoch], [trained.best.ndcg_at_10], "o", color=BEST)
    right.annotate(f"kept: epoch {trained.best.epoch}", (trained.best.epoch, trained.best.ndcg_at_10),
                   textcoords="offset points", xytext=(0, -14), ha="center", color=BEST)  # fmt: skip
    right.set_title("NDCG@10 of held-out baskets", loc="left", color=INK)
    for axis in (left, right):
        axis.set_xlabel("epoch")
    return figure


def _figure(panels: int) -> tuple["Figure", Sequence[Any]]:
    # Figure, not pyplot: nothing global, safe in a thread, no display needed.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * panels + 1, 2.8))
    axes = figure.subplots(1, panels, squeeze=False)[0]
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes

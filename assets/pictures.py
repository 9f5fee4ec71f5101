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
    from freshet.stages.edge import Edge
    from freshet.stages.evaluation import Judged

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
    return {
        "serves": manifest.precision,
        "parity": dg.MetadataValue.md(f"- {proven.fp32.sentence}\n- {proven.smaller.sentence}"),
        "latency, median (ms)": round(proven.latency.median, 2),
        "latency, 99th percentile (ms)": round(proven.latency.p99, 2),
        "model card": dg.MetadataValue.md(proven.card),
        "files": _sizes({name: entry.bytes for name, entry in manifest.files.items()}),
        "lineage": dg.MetadataValue.json({"code": manifest.created_by, **manifest.lineage}),
    }


def of_edge(edge: "Edge | None") -> dict[str, Any]:
    """What is in the edge bundle, against the room that it has, and how it answered."""
    if edge is None:
        return {}
    size = {"bytes": sum(edge.files.values()), "bytes allowed": edge.room}
    return {**size, "parity": edge.rung.sentence, "files": _sizes(edge.files)}


def of_evaluation(kept: "Judged", card: str) -> dict[str, Any]:
    """The verdict, the table, and the metric it was decided on as a picture."""
    table = kept.evaluation.table
    metric = next(iter(name for name in table["challenger"] if name.startswith("ndcg@")))
    return {
        "verdict": kept.verdict.sentence,
        "picture": bars(metric.upper(), {name: row[metric] for name, row in table.items()}, "challenger"),
        "table": dg.MetadataValue.md(kept.evaluation.to_markdown()),
        "model card": dg.MetadataValue.md(card),
        **{f"{metric} {name}": row[metric] for name, row in table.items()},
    }


def _sizes(files: Mapping[str, int]) -> dg.MarkdownMetadataValue:
    listed = [f"| {name} | {size:,} |" for name, size in sorted(files.items())]
    return dg.MetadataValue.md("\n".join(["| file | bytes |", "|---|---:|", *listed]))


def bars(title: str, values: Mapping[str, float], best: str) -> dg.MarkdownMetadataValue:
    """One bar per model, the one in question in colour."""
    figure, axes = figure_of(1)
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


def _curve(trained: "Trained") -> "Figure":
    figure, (left, right) = figure_of(2)
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


def figure_of(panels: int) -> tuple["Figure", Sequence[Any]]:
    """A figure with so many panels side by side."""
    # Figure, not pyplot: nothing global, safe in a thread, no display needed.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * panels + 1, 2.8))
    axes = figure.subplots(1, panels, squeeze=False)[0]
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes

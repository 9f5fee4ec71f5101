"""Metadata and plots of the training, bundle, edge bundle and evaluation assets."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.evaluation_plot import evaluation_figure
from assets.plot_style import PRIMARY_COLOR, TEXT_COLOR, create_panels, figure_metadata

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from freshet.evaluation.params import EvaluationParams
    from freshet.steps.bundle.build import VerifiedBundle
    from freshet.steps.bundle.edge import EdgeBundle
    from freshet.steps.evaluation.evaluate import EvaluationRun
    from freshet.training.trainer import TrainingResult


def training_metadata(trained: "TrainingResult") -> dict[str, Any]:
    """Return the loss and validation curves, the parameters and the cost of a training."""
    return {
        "curves": figure_metadata(_training_curves(trained)),
        "best epoch": trained.best.epoch,
        "validation NDCG@10": trained.best.ndcg_at_10,
        "device": trained.device,
        "seconds": round(trained.seconds, 1),
        "events per second": round(trained.events_per_second),
        "peak memory (MiB)": round(trained.peak_memory / 2**20),
        "parameters": dg.MetadataValue.json(trained.params.model_dump()),
    }


def bundle_metadata(verified: "VerifiedBundle | None") -> dict[str, Any]:
    """Return the bundle's precision, parity results, latency, model card, files and lineage."""
    if verified is None:
        return {}
    manifest = verified.bundle.manifest
    return {
        "precision": manifest.precision,
        "parity": dg.MetadataValue.md(f"- {verified.fp32.sentence}\n- {verified.low_precision.sentence}"),
        "same list alone and in a batch": verified.batch_consistency,
        "latency p50 (ms)": round(verified.latency.median_ms, 2),
        "latency p99 (ms)": round(verified.latency.p99_ms, 2),
        "processor time p99 (ms)": round(verified.latency.cpu_p99_ms, 2),
        "model card": dg.MetadataValue.md(verified.card),
        "files": _file_sizes({name: entry.bytes for name, entry in manifest.files.items()}),
        "lineage": dg.MetadataValue.json({"code": manifest.created_by, **manifest.lineage}),
    }


def edge_metadata(edge: "EdgeBundle | None") -> dict[str, Any]:
    """Return the edge bundle's size and size budget, parity and files."""
    if edge is None:
        return {}
    size = {"bytes": sum(edge.file_sizes.values()), "size budget (bytes)": edge.size_budget}
    return {**size, "parity": edge.parity.sentence, "files": _file_sizes(edge.file_sizes)}


def evaluation_metadata(run: "EvaluationRun", params: "EvaluationParams") -> dict[str, Any]:
    """Return the verdict, the plot, the table, the model card and the deciding metric of each model."""
    record = run.record
    table = record.evaluation.table
    metric = next(iter(name for name in table["challenger"] if name.startswith("ndcg@")))
    plots = {"plot": figure_metadata(evaluation_figure(run.intervals, record.verdict, params))}
    return {
        "verdict": record.verdict.sentence,
        **(plots if run.intervals else {}),
        "table": dg.MetadataValue.md(record.evaluation.to_markdown()),
        "model card": dg.MetadataValue.md(run.card),
        **{f"{metric} {name}": row[metric] for name, row in table.items()},
    }


def _file_sizes(files: Mapping[str, int]) -> dg.MarkdownMetadataValue:
    rows = [f"| {name} | {size:,} |" for name, size in sorted(files.items())]
    return dg.MetadataValue.md("\n".join(["| file | bytes |", "|---|---:|", *rows]))


def _training_curves(trained: "TrainingResult") -> "Figure":
    figure, (left, right) = create_panels(2)
    epochs = [p.epoch for p in trained.curve]
    left.plot(epochs, [p.loss for p in trained.curve], color=TEXT_COLOR)
    left.set_title("training loss (nats)", loc="left", color=TEXT_COLOR)
    right.plot(epochs, [p.ndcg_at_10 for p in trained.curve], color=TEXT_COLOR)
    right.plot([trained.best.epoch], [trained.best.ndcg_at_10], "o", color=PRIMARY_COLOR)
    right.annotate(f"best: epoch {trained.best.epoch}", (trained.best.epoch, trained.best.ndcg_at_10),
                   textcoords="offset points", xytext=(0, -14), ha="center", color=PRIMARY_COLOR)  # fmt: skip
    right.set_title("NDCG@10 of held-out baskets", loc="left", color=TEXT_COLOR)
    for axis in (left, right):
        axis.set_xlabel("epoch")
    return figure

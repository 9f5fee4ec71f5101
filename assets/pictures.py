"""Pictures for the asset pages: what a person would want to see before believing a number."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.drawing import INK, MAIN, figure_of, picture
from assets.evaluation_picture import evaluation_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from freshet.judge.params import JudgeParams
    from freshet.model.training import Trained
    from freshet.stages.bundle import Proven
    from freshet.stages.edge import Edge
    from freshet.stages.evaluation import Judging


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
        "same list alone and in a group": proven.together,
        "latency, median (ms)": round(proven.latency.median, 2),
        "latency, 99th percentile (ms)": round(proven.latency.p99, 2),
        "latency, 99th percentile of processor time (ms)": round(proven.latency.processor_p99, 2),
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


def of_evaluation(judging: "Judging", params: "JudgeParams") -> dict[str, Any]:
    """The verdict, the table, and the metric it was decided on as a picture."""
    kept = judging.kept
    table = kept.evaluation.table
    metric = next(iter(name for name in table["challenger"] if name.startswith("ndcg@")))
    drawn = {"picture": picture(evaluation_figure(judging.intervals, kept.verdict, params))}
    return {
        "verdict": kept.verdict.sentence,
        **(drawn if judging.intervals else {}),
        "table": dg.MetadataValue.md(kept.evaluation.to_markdown()),
        "model card": dg.MetadataValue.md(judging.card),
        **{f"{metric} {name}": row[metric] for name, row in table.items()},
    }


def _sizes(files: Mapping[str, int]) -> dg.MarkdownMetadataValue:
    listed = [f"| {name} | {size:,} |" for name, size in sorted(files.items())]
    return dg.MetadataValue.md("\n".join(["| file | bytes |", "|---|---:|", *listed]))


def _curve(trained: "Trained") -> "Figure":
    figure, (left, right) = figure_of(2)
    epochs = [p.epoch for p in trained.curve]
    left.plot(epochs, [p.loss for p in trained.curve], color=INK)
    left.set_title("training loss (nats)", loc="left", color=INK)
    right.plot(epochs, [p.ndcg_at_10 for p in trained.curve], color=INK)
    right.plot([trained.best.epoch], [trained.best.ndcg_at_10], "o", color=MAIN)
    right.annotate(f"kept: epoch {trained.best.epoch}", (trained.best.epoch, trained.best.ndcg_at_10),
                   textcoords="offset points", xytext=(0, -14), ha="center", color=MAIN)  # fmt: skip
    right.set_title("NDCG@10 of held-out baskets", loc="left", color=INK)
    for axis in (left, right):
        axis.set_xlabel("epoch")
    return figure

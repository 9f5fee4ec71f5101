"""The picture of docs/simulation.md: how events divide over items, and how long visits are, real and simulated."""

from pathlib import Path

import numpy as np

from benchmarks.simulation_shapes import Shape

REAL, SIMULATED = "#8a8f98", "#0b7285"
LINES = ("-", "--", ":")


def draw(shapes: list[Shape], path: Path) -> None:
    """A png: real shops in grey, simulated ones in colour. Both axes of both halves are logarithmic but for shares."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    counts = {"demo": 0, "real": 0}
    for shape in shapes:
        ours = shape.name in ("demo", "large")
        kind = "demo" if ours else "real"
        style = {"color": SIMULATED if ours else REAL, "linestyle": LINES[counts[kind]], "label": shape.name}
        counts[kind] += 1
        share = np.arange(1, len(shape.item_counts) + 1) / len(shape.item_counts)
        left.plot(share, np.cumsum(shape.item_counts) / shape.item_counts.sum(), **style)
        sizes = np.sort(shape.visit_sizes)
        right.plot(sizes, 1 - np.arange(len(sizes)) / len(sizes), **style)
    left.set(xscale="log", xlabel="share of items, best known first", ylabel="share of events", xlim=(1e-3, 1))
    right.set(
        xscale="log", yscale="log", xlabel="events in a visit", ylabel="share of visits as long", ylim=(1e-3, 1.2)
    )
    right.set_xlim(1, 200)
    for half in (left, right):
        half.legend(frameon=False)
        half.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)

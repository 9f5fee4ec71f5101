"""The plot in docs/simulation.md: shares of events by item, and lengths of visits, in real and simulated shops."""

from pathlib import Path

import numpy as np

from benchmarks.simulation_shapes import ShopShape

REAL_COLOR, SIMULATED_COLOR = "#8a8f98", "#0b7285"
LINE_STYLES = ("-", "--", ":")


def plot_shapes(shapes: list[ShopShape], path: Path) -> None:
    """Write a png: real shops in grey, simulated ones in colour; logarithmic axes except for the shares of events."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    counts = {"demo": 0, "real": 0}
    for shape in shapes:
        is_simulated = shape.name in ("demo", "large")
        kind = "demo" if is_simulated else "real"
        style = {
            "color": SIMULATED_COLOR if is_simulated else REAL_COLOR,
            "linestyle": LINE_STYLES[counts[kind]],
            "label": shape.name,
        }
        counts[kind] += 1
        share = np.arange(1, len(shape.item_counts) + 1) / len(shape.item_counts)
        left.plot(share, np.cumsum(shape.item_counts) / shape.item_counts.sum(), **style)
        sizes = np.sort(shape.visit_sizes)
        right.plot(sizes, 1 - np.arange(len(sizes)) / len(sizes), **style)
    left.set(xscale="log", xlabel="share of items, most popular first", ylabel="share of events", xlim=(1e-3, 1))
    right.set(
        xscale="log", yscale="log", xlabel="events in a visit", ylabel="share of visits as long", ylim=(1e-3, 1.2)
    )
    right.set_xlim(1, 200)
    for axes in (left, right):
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)

"""Shared style of the plots: colours, sizes, and figures as asset metadata.

The colours are from Okabe and Ito's colour-blind-safe palette (2008). The background is opaque white, so that plots
look the same in Dagster's light and dark theme.
"""

import base64
import io
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEXT_COLOR: Final = "#1f2d3d"  # text, axes, limits
PRIMARY_COLOR: Final = "#0072b2"  # the subject of the plot
SECONDARY_COLOR: Final = "#e69f00"  # the main comparison
NEUTRAL_COLOR: Final = "#8a99a8"  # everything else
ALERT_COLOR: Final = "#d55e00"  # over a limit
MAX_WIDTH_IN: Final = 9.0  # the UI scales wider plots down, and their text with them
MAX_LABEL_CHARS: Final = 24


def create_panels(n_panels: int) -> tuple["Figure", Sequence[Any]]:
    """Return a figure with `n_panels` panels side by side."""
    figure = create_figure(4.2 * n_panels + 1, 2.8)
    axes = figure.subplots(1, n_panels, squeeze=False)[0]
    for axis in axes:
        hide_spines(axis)
    return figure, axes


def create_figure(width: float, height: float) -> "Figure":
    """Return an empty figure. width, height: inches."""
    # Figure instead of pyplot: no global state, thread-safe, no display needed.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), facecolor="white")


def hide_spines(axis: Any) -> None:
    """Hide the top and right spines."""
    axis.spines[["top", "right"]].set_visible(False)


def set_title(axis: Any, title: str) -> None:
    """Set a left-aligned title."""
    axis.set_title(title, loc="left", color=TEXT_COLOR, fontsize=9)


def short_label(text: str) -> str:
    """Return a name from a shop's data on one line, shortened. Draw it with `parse_math=False`: it may contain `$`."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_LABEL_CHARS else f"{line[: MAX_LABEL_CHARS - 1]}…"


def figure_metadata(figure: "Figure") -> dg.MarkdownMetadataValue:
    """Return the figure as an inline PNG in Markdown metadata."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # missing glyphs are drawn as boxes
        figure.savefig(buffer, format="png", dpi=90, bbox_inches="tight")
    return dg.MetadataValue.md(f"![plot](data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()})")

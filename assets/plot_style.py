"""What all pictures share: colours, sizes, and how a figure gets into the metadata of an asset.

The colours are from Okabe and Ito's palette (2008), which colour-blind people can tell apart. The background is white
and opaque, so that a picture reads alike in Dagster's light and dark theme.
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
PRIMARY_COLOR: Final = "#0072b2"  # what the picture is about
SECONDARY_COLOR: Final = "#e69f00"  # what it is compared with first of all
NEUTRAL_COLOR: Final = "#8a99a8"  # everything else
ALERT_COLOR: Final = "#d55e00"  # over its limit
MAX_WIDTH_IN: Final = 9.0  # inches, at most: a wider picture is made small in the UI, and its text with it
MAX_LABEL_CHARS: Final = 24  # characters of a label


def create_panels(n_panels: int) -> tuple["Figure", Sequence[Any]]:
    """A figure with so many panels side by side."""
    figure = create_figure(4.2 * n_panels + 1, 2.8)
    axes = figure.subplots(1, n_panels, squeeze=False)[0]
    for axis in axes:
        hide_spines(axis)
    return figure, axes


def create_figure(width: float, height: float) -> "Figure":
    """An empty figure of that many inches."""
    # Figure, not pyplot: nothing global, safe in a thread, no display needed.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), facecolor="white")


def hide_spines(axis: Any) -> None:
    """No frame above and to the right."""
    axis.spines[["top", "right"]].set_visible(False)


def set_title(axis: Any, title: str) -> None:
    """The title above the left edge."""
    axis.set_title(title, loc="left", color=TEXT_COLOR, fontsize=9)


def short_label(text: str) -> str:
    """A name from a shop's data on one line, cut where it is long. Draw it with `parse_math=False`: it may hold `$`."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_LABEL_CHARS else f"{line[: MAX_LABEL_CHARS - 1]}…"


def figure_metadata(figure: "Figure") -> dg.MarkdownMetadataValue:
    """The figure inside the metadata itself, so that it shows wherever the metadata does."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "Glyph .* missing from font"
        )  # boxes stand for them; no line in the run's log
        figure.savefig(buffer, format="png", dpi=90, bbox_inches="tight")
    return dg.MetadataValue.md(f"![picture](data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()})")

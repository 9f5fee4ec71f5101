"""The demo's screen: sections, lines, tables and a status line; recorded, so it can be saved as a picture."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.status import Status
from rich.table import Table
from rich.text import Text

from pipelines.demo.drawing import SVG_FORMAT

WIDTH = 112
INDENT = 2


class DemoOutput:
    """Output to a terminal or a log file. The status line is shown on terminals only."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None

    @classmethod
    def on_stderr(cls) -> "DemoOutput":
        """Return an output to stderr that is recorded for `save_svg`."""
        return cls(Console(stderr=True, record=True, highlight=False, width=WIDTH))

    def section(self, title: str) -> None:
        """Start a section."""
        self._console.print()
        self._console.print(Rule(Text(title, style="bold"), align="left", style="cyan"))

    def write(self, text: str, style: str = "") -> None:
        """Write a sentence, wrapped and indented."""
        self._console.print(Padding(Text(text, style=style), (0, 0, 0, INDENT)))

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write a small table."""
        table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim", pad_edge=False)
        for header in headers:
            table.add_column(header)
        for row in rows:
            table.add_row(*row)
        self._console.print(Padding(table, (0, 0, 0, INDENT + 2)))

    @contextmanager
    def show_status(self, text: str) -> Iterator[None]:
        """Show a status line while the block runs; `update_status` changes its text."""
        with self._console.status(text) as self._status:
            yield
        self._status = None

    def update_status(self, text: str) -> None:
        """Replace the text of the status line."""
        if self._status is not None:
            self._status.update(text[: WIDTH - 4])

    def save_svg(self, path: Path, title: str) -> None:
        """Save everything shown so far as an SVG."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._console.save_svg(str(path), title=title, clear=False, code_format=SVG_FORMAT)

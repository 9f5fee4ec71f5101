"""Print Markdown: rendered on a terminal, unchanged into a pipe."""

import sys

from freshet.cli import terminal


def print_markdown(text: str) -> None:
    """Print Markdown: rendered on a terminal, unchanged into a pipe or a file."""
    columns = terminal.width()
    if columns is None:
        sys.stdout.write(text)
        return
    from rich.console import Console  # a dependency of typer
    from rich.markdown import Markdown

    Console(width=columns).print(Markdown(text))

"""Markdown on a terminal: headings, lists and tables as a person reads them."""

import sys

from freshet.cli import terminal


def print_markdown(text: str) -> None:
    """Print Markdown: rendered on a terminal, as it stands into a pipe or a file."""
    columns = terminal.width()
    if columns is None:
        sys.stdout.write(text)
        return
    from rich.console import Console  # typer, which the base needs, brings it
    from rich.markdown import Markdown

    Console(width=columns).print(Markdown(text))

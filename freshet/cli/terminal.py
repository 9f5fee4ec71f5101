"""The terminal's width, and text that fits it."""

import shutil
import sys
import textwrap

from freshet import errors


def width() -> int | None:
    """Return the columns of the terminal on stdout; None if stdout is a pipe or a file."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def shorten(line: str, columns: int | None) -> str:
    """Return the line, cut with `…` if it is longer than `columns`. None: not cut."""
    return line if columns is None else errors.shorten(line, columns)


def wrap(text: str, columns: int | None, indent: int) -> str:
    """Return the text in lines of `columns`, all but the first indented. None: one line."""
    if columns is None:
        return text
    lines = textwrap.wrap(text, max(20, columns - indent), break_long_words=False, break_on_hyphens=False)
    return f"\n{'':{indent}}".join(lines)

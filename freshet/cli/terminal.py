"""What the terminal is: its width, and text that fits it."""

import shutil
import sys
import textwrap


def width() -> int | None:
    """Columns of the terminal on stdout; None where stdout is a pipe or a file, which take lines of any length."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def shorten(line: str, columns: int | None) -> str:
    """The line, cut with `…` where it is longer than so many columns. None: not cut."""
    return line if columns is None or len(line) <= columns else f"{line[: columns - 1]}…"


def wrap(text: str, columns: int | None, indent: int) -> str:
    """The text in lines of so many columns, all but the first indented. None: in one line."""
    if columns is None:
        return text
    lines = textwrap.wrap(text, max(20, columns - indent), break_long_words=False, break_on_hyphens=False)
    return f"\n{'':{indent}}".join(lines)

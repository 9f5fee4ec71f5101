"""How the programs of this floor begin and end: a mistake of the user's ends in one line, not in a traceback."""

import sys
from collections.abc import Callable
from typing import Any

import typer

from freshet.errors import FreshetError


def run(main: Callable[..., Any]) -> None:
    """Run `main` with its options from the command line. Exit codes: 0 done, 2 a mistake named, 130 Ctrl-C."""
    try:
        typer.run(main)
    except FreshetError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)

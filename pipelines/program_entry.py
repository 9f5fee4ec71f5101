"""Entry point of the programs in `pipelines`: user errors end with one line instead of a traceback."""

import sys
from collections.abc import Callable
from typing import Any

import typer

from freshet.errors import FreshetError
from freshet.runtime import prepare_process


def run(main: Callable[..., Any]) -> None:
    """Run `main` with its options from the command line. Exit codes: 0 success, 2 user error, 130 Ctrl-C."""
    prepare_process()
    try:
        typer.run(main)
    except FreshetError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)

"""Which code made this: the package's version and, in a checkout, the commit."""

import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


@cache
def code_version() -> str:
    """`0.1.0+1a2b3c4d5e6f`, with `.dirty` where the checkout has changes; `0.1.0` outside a checkout."""
    try:
        package = version("freshet")
    except PackageNotFoundError:
        package = "0"
    commit = _git("rev-parse", "--short=12", "HEAD")
    if commit is None:
        return package
    is_dirty = _git("status", "--porcelain", "--untracked-files=no")
    return f"{package}+{commit}{'.dirty' if is_dirty else ''}"


def _git(*arguments: str) -> str | None:
    try:
        result = subprocess.run(
            ["git", *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()

"""Problems as strangers may read them: what is wrong and what to do, without the server's paths and addresses.

The log has them in full. The folders of the settings are named by their settings, which tells an operator as much.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from freshet.serving.http.errors import Problem
from freshet.settings import Settings
from freshet.store import open_store

PROJECT_ROOT: Final = Path(__file__).parents[2]
# Any other path with a folder in it: only its last name stays. Addresses of the gateway itself are no paths.
PATH_PATTERN: Final = re.compile(r"(?<![\w.:/$~…-])/(?!v1/|openapi/)(?:[^\s'\"`:;,()/]+/)+([^\s'\"`:;,()/]*)")


class PathRedactor:
    """The names that stand for folders; folders are named from the root, or by a URL."""

    def __init__(self, aliases: Mapping[str, str]) -> None:
        roots = {root.rstrip("/"): name for root, name in aliases.items() if root.startswith("/") or "://" in root}
        longest_first = sorted((root for root in roots if root), key=len, reverse=True)
        self._roots = [(re.compile(rf"{re.escape(root)}(?![\w-])"), roots[root]) for root in longest_first]

    def redact(self, text: str) -> str:
        """Without paths."""
        for root, name in self._roots:
            text = root.sub(name, text)
        return PATH_PATTERN.sub(r"…/\1", text)

    def redact_problem(self, problem: Problem) -> Problem:
        """Without paths, in all three parts."""
        return Problem(self.redact(problem.where), self.redact(problem.what), self.redact(problem.fix))


def path_redactor(settings: Settings) -> PathRedactor:
    """What stands for this installation's folders."""
    folders = {"$FRESHET_GATEWAY_STATE_DIR": settings.gateway_state_dir, "$FRESHET_CACHE_DIR": settings.cache_dir}
    aliases = {str(path.expanduser().absolute()): name for name, path in folders.items()}
    lake = open_store(settings.lake).root
    return PathRedactor(
        {
            sys.prefix: "$VIRTUAL_ENV",
            str(PROJECT_ROOT): "$FRESHET",
            str(Path.home()): "~",
            **aliases,
            lake: "$FRESHET_LAKE",
        }
    )

"""Redaction of server paths in error responses.

Folders of settings are replaced by the setting's name, so that operators can still locate them; the log has full paths.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from freshet.runtime import PACKAGE_FOLDER
from freshet.serving.errors import Problem
from freshet.settings import Settings
from freshet.store import open_store

# Any other path with a folder in it is shortened to its last part; the gateway's own URL paths stay.
PATH_PATTERN: Final = re.compile(r"(?<![\w.:/$~…-])/(?!v1/|openapi/)(?:[^\s'\"`:;,()/]+/)+([^\s'\"`:;,()/]*)")


class PathRedactor:
    """Replaces folders by aliases. aliases: absolute path or URL → its alias."""

    def __init__(self, aliases: Mapping[str, str]) -> None:
        roots = {root.rstrip("/"): name for root, name in aliases.items() if root.startswith("/") or "://" in root}
        longest_first = sorted((root for root in roots if root), key=len, reverse=True)
        self._roots = [(re.compile(rf"{re.escape(root)}(?![\w-])"), roots[root]) for root in longest_first]

    def redact(self, text: str) -> str:
        """Return the text without server paths."""
        for root, name in self._roots:
            text = root.sub(name, text)
        return PATH_PATTERN.sub(r"…/\1", text)

    def redact_problem(self, problem: Problem) -> Problem:
        """Return the problem without server paths, in all three parts."""
        return Problem(self.redact(problem.where), self.redact(problem.what), self.redact(problem.fix))


def path_redactor(settings: Settings) -> PathRedactor:
    """Return the redactor of this installation's folders."""
    folders = {"$FRESHET_GATEWAY_STATE_DIR": settings.gateway_state_dir, "$FRESHET_CACHE_DIR": settings.cache_dir}
    aliases = {str(path.expanduser().absolute()): name for name, path in folders.items()}
    lake = open_store(settings.lake).root
    return PathRedactor(
        {
            sys.prefix: "$VIRTUAL_ENV",
            str(PACKAGE_FOLDER.parent): "$FRESHET",
            str(Path.home()): "~",
            **aliases,
            lake: "$FRESHET_LAKE",
        }
    )

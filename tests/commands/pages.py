"""The command lines of pages: shell code blocks, lines behind `$`, inline code that begins with a program's name."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROGRAM_PATTERN = re.compile(r"(\.venv/bin/)?(dagster|freshet|make|python -m|curl|source|export)(?= |$)")


@dataclass(frozen=True)
class CommandLine:
    """A command line. where: its page or source; mention: it may be a bare name without its arguments."""

    where: str
    text: str
    mention: bool = False


def page_lines(page: Path) -> list[CommandLine]:
    """Every command line of a page, in order."""
    where = str(page.relative_to(ROOT))
    text = page.read_text()
    blocks = re.findall(r"^ *```(\w*)\n(.*?)^ *```", text, flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^ *```\w*\n.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    lines = [CommandLine(where, line) for language, block in blocks for line in block_lines(language, block)]
    inline = (re.sub(r"\s+", " ", code) for code in re.findall(r"`([^`]+)`", prose))
    return lines + [CommandLine(where, code, mention=True) for code in inline if PROGRAM_PATTERN.match(code)]


def block_lines(language: str, block: str) -> list[str]:
    """The commands of a code block: every line of a shell block; in others, lines behind `$` or with a program."""
    commands: list[str] = []
    for line in block.replace("\\\n", " ").splitlines():
        if commands and not has_closed_quotes(commands[-1]):
            commands[-1] += "\n" + line
        elif language == "sh" or line.startswith("$ ") or (language == "" and PROGRAM_PATTERN.match(line)):
            commands.append(line.removeprefix("$ "))
    return [line for line in commands if shlex.split(line, comments=True)]


def has_closed_quotes(line: str) -> bool:
    """Whether every quote that is opened is closed."""
    try:
        shlex.split(line, comments=True)
    except ValueError:
        return False
    return True

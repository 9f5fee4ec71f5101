"""The command lines of pages: shell code blocks, lines behind `$`, inline code that begins with a program."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROGRAM = re.compile(r"(\.venv/bin/)?(dagster|freshet|make|python -m|curl|source|export)(?= |$)")


@dataclass(frozen=True)
class Line:
    """A command as it stands. where: its page or source; mention: it may be a bare name without its arguments."""

    where: str
    text: str
    mention: bool = False


def page_lines(page: Path) -> list[Line]:
    """Every command line of a page, in order."""
    where = str(page.relative_to(ROOT))
    text = page.read_text()
    blocks = re.findall(r"^ *```(\w*)\n(.*?)^ *```", text, flags=re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^ *```\w*\n.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    lines = [Line(where, line) for language, block in blocks for line in block_lines(language, block)]
    inline = (re.sub(r"\s+", " ", code) for code in re.findall(r"`([^`]+)`", rest))
    return lines + [Line(where, code, mention=True) for code in inline if PROGRAM.match(code)]


def block_lines(language: str, block: str) -> list[str]:
    """The commands of one code block: all lines of a shell's; of another's those behind `$` or that begin with one."""
    joined: list[str] = []
    for line in block.replace("\\\n", " ").splitlines():
        if joined and not is_whole(joined[-1]):
            joined[-1] += "\n" + line
        elif language == "sh" or line.startswith("$ ") or (language == "" and PROGRAM.match(line)):
            joined.append(line.removeprefix("$ "))
    return [line for line in joined if shlex.split(line, comments=True)]


def is_whole(line: str) -> bool:
    """Whether every quote that is opened is closed."""
    try:
        shlex.split(line, comments=True)
    except ValueError:
        return False
    return True

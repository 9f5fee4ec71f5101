"""Run `freshet` on a terminal of 80 columns."""

import os
import pty
import subprocess
import sys
from pathlib import Path


def run_in_terminal(lake: Path, *arguments: str) -> str:
    """Return the output of `freshet …`."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "FRESHET_LAKE": str(lake), "COLUMNS": "80", "TERM": "dumb"}
    command = [sys.executable, "-m", "freshet.cli.main", *arguments]
    with subprocess.Popen(command, stdout=follower, env=environment, cwd=lake.parent) as process:
        os.close(follower)
        text = b""
        while chunk := _read_all(leader):
            text += chunk
    os.close(leader)
    assert process.returncode == 0, text
    return text.decode().replace("\r\n", "\n")


def _read_all(leader: int) -> bytes:
    try:
        return os.read(leader, 65_536)
    except OSError:  # Linux reports a closed pseudo-terminal this way
        return b""

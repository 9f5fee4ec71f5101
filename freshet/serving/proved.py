"""Which bundles this machine has proved: at a restart they serve at once, and are proved again behind."""

import contextlib
import hashlib
import json
import platform
from functools import cache
from pathlib import Path
from typing import Final

from freshet.live.ranker import Device
from freshet.version import code_version

FILE: Final = "proved.json"
KEPT: Final = 20  # bundles, the latest


class Proved:
    """A list in the gateway's state folder. A list that cannot be read or written is an empty one: all is proved anew.

    It holds for this machine, this code and this onnxruntime only.
    """

    def __init__(self, folder: Path, device: Device) -> None:
        self._path, self._device = folder / FILE, device

    def __contains__(self, bundle: object) -> bool:
        return bundle in self._bundles()

    def add(self, bundle: str) -> None:
        """The bundle has proved itself."""
        self._write([*(one for one in self._bundles() if one != bundle), bundle])

    def forget(self, bundle: str) -> None:
        """It has not, this time."""
        self._write([one for one in self._bundles() if one != bundle])

    def _bundles(self) -> list[str]:
        try:
            kept = json.loads(self._path.read_text("utf-8"))
            return list(kept["bundles"]) if kept["by"] == _prover(self._device) else []
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def _write(self, bundles: list[str]) -> None:
        content = json.dumps({"by": _prover(self._device), "bundles": bundles[-KEPT:]})
        part = self._path.with_suffix(".part")
        with contextlib.suppress(OSError):  # a full disk costs a proof at the next start, no more
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(content, "utf-8")
            part.replace(self._path)


@cache
def _prover(device: Device) -> str:
    """Machine, code and runtime in one line; a checkout's code by its files, which change without a commit."""
    import onnxruntime

    package = Path(__file__).parents[1]
    files = sorted((str(path), *path.stat()[6:9:2]) for path in package.rglob("*.py"))
    code = hashlib.sha256(repr(files).encode()).hexdigest()[:16]
    return f"{platform.node()} {platform.machine()} {code_version()} {code} {onnxruntime.__version__} {device}"

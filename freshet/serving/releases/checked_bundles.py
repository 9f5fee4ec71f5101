"""The bundles that this machine has checked: at a restart they serve at once, and are rechecked later."""

import contextlib
import hashlib
import json
import platform
from functools import cache
from pathlib import Path
from typing import Final

from freshet.inference.ranker import Device
from freshet.runtime import PACKAGE_FOLDER, code_version

CHECKED_BUNDLES_FILE: Final = "proved.json"
MAX_CHECKED_BUNDLES: Final = 20  # the latest


class CheckedBundles:
    """A file with bundle ids in the gateway's state folder, valid for this machine, code, onnxruntime and device only.

    A file that cannot be read or written counts as empty: every bundle is checked again.
    """

    def __init__(self, folder: Path, device: Device) -> None:
        self._path, self._device = folder / CHECKED_BUNDLES_FILE, device

    def __contains__(self, bundle_id: object) -> bool:
        return bundle_id in self._bundles()

    def add(self, bundle_id: str) -> None:
        """Record that the bundle passed its check."""
        self._write([*(other for other in self._bundles() if other != bundle_id), bundle_id])

    def remove(self, bundle_id: str) -> None:
        """Forget the bundle."""
        self._write([other for other in self._bundles() if other != bundle_id])

    def _bundles(self) -> list[str]:
        try:
            record = json.loads(self._path.read_text("utf-8"))
            return list(record["bundles"]) if record["by"] == _environment_id(self._device) else []
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def _write(self, bundles: list[str]) -> None:
        content = json.dumps({"by": _environment_id(self._device), "bundles": bundles[-MAX_CHECKED_BUNDLES:]})
        part_path = self._path.with_suffix(".part")
        with contextlib.suppress(OSError):  # a full disk costs a check at the next start, no more
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part_path.write_text(content, "utf-8")
            part_path.replace(self._path)


@cache
def _environment_id(device: Device) -> str:
    """Return machine, code, onnxruntime and device in one line; the code by its files' times and sizes as well."""
    import onnxruntime

    files = sorted((str(path), *path.stat()[6:9:2]) for path in PACKAGE_FOLDER.rglob("*.py"))
    code = hashlib.sha256(repr(files).encode()).hexdigest()[:16]
    return f"{platform.node()} {platform.machine()} {code_version()} {code} {onnxruntime.__version__} {device}"

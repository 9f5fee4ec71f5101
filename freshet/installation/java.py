"""Java by the system's packages, where this user may install some."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from freshet import machine
from freshet.errors import SetupError
from freshet.settings import Settings

PACKAGES = tuple(f"openjdk-{version}-jre-headless" for version in (17, 21))


def ensure(settings: Settings, say: Callable[[str], None]) -> Path:
    """The Java that Spark will run on; installed by apt if there is none and this user may.

    Raises SetupError, saying what to type, where it may not or where apt has no Java that fits.
    """
    try:
        return machine.java(settings)
    except SetupError:
        if settings.java_home is not None or not _may_install():
            raise
    _install(say)
    return machine.java(settings)


def _may_install() -> bool:
    """Whether apt is here, and this user is root or may become root without a password."""
    return shutil.which("apt-get") is not None and (os.geteuid() == 0 or _runs(["sudo", "-n", "true"]))


def _install(say: Callable[[str], None]) -> None:
    """The oldest Java that fits: what Spark was tested on most."""
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    say("installing Java by apt (about 50 MB)")
    _runs([*root, "apt-get", "update", "-qq"])
    install = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq", "--no-install-recommends"]
    # Tried, not looked up: apt also "shows" packages that other packages only mention.
    if not any(_runs([*root, *install, package]) for package in PACKAGES):
        raise SetupError("Java", f"apt could install none of {', '.join(PACKAGES)}", machine.JAVA_FIX)


def _runs(command: list[str]) -> bool:
    """Whether a command exists and ends well; what it prints is of no interest."""
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0

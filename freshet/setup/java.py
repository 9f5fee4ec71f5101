"""Java by the system's packages, where this user may install some."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from freshet.errors import SetupError
from freshet.settings import Settings
from freshet.setup import requirements

JAVA_PACKAGES = tuple(f"openjdk-{version}-jre-headless" for version in (17, 21))


def ensure_java(settings: Settings, progress: Callable[[str], None]) -> Path:
    """The Java that Spark will run on; installed by apt if there is none and this user may.

    Raises SetupError, saying what to type, where it may not or where apt has no Java that fits.
    """
    try:
        return requirements.find_java(settings)
    except SetupError:
        if settings.java_home is not None or not _can_install():
            raise
    _install_java(progress)
    return requirements.find_java(settings)


def _can_install() -> bool:
    """Whether apt is here, and this user is root or may become root without a password."""
    return shutil.which("apt-get") is not None and (os.geteuid() == 0 or _run_succeeds(["sudo", "-n", "true"]))


def _install_java(progress: Callable[[str], None]) -> None:
    """The oldest Java that fits: what Spark was tested on most."""
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    progress("installing Java by apt (about 50 MB)")
    _run_succeeds([*sudo, "apt-get", "update", "-qq"])
    apt_install = [
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "install",
        "-y",
        "-qq",
        "--no-install-recommends",
    ]
    # Tried, not looked up: apt also "shows" packages that other packages only mention.
    if not any(_run_succeeds([*sudo, *apt_install, package]) for package in JAVA_PACKAGES):
        raise SetupError("Java", f"apt could install none of {', '.join(JAVA_PACKAGES)}", requirements.JAVA_FIX)


def _run_succeeds(command: list[str]) -> bool:
    """Whether a command exists and ends well; what it prints is of no interest."""
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0

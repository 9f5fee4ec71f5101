"""Install Java with apt, if this user may."""

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
    """Return the home of the Java that Spark runs on; install it with apt if there is none and this user may.

    Raises SetupError with the command to type if the user may not, or if apt has no suitable Java.
    """
    try:
        return requirements.find_java(settings)
    except SetupError:
        if settings.java_home is not None or not _can_install():
            raise
    _install_java(progress)
    return requirements.find_java(settings)


def _can_install() -> bool:
    """Whether apt exists, and this user is root or may become root without a password."""
    return shutil.which("apt-get") is not None and (os.geteuid() == 0 or _run_succeeds(["sudo", "-n", "true"]))


def _install_java(progress: Callable[[str], None]) -> None:
    """Install the oldest suitable Java, on which Spark is tested most."""
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
    # Installing is the test: `apt show` also lists packages that other packages only mention.
    if not any(_run_succeeds([*sudo, *apt_install, package]) for package in JAVA_PACKAGES):
        raise SetupError("Java", f"apt could install none of {', '.join(JAVA_PACKAGES)}", requirements.JAVA_FIX)


def _run_succeeds(command: list[str]) -> bool:
    """Whether a command exists and succeeds; its output is dropped."""
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0

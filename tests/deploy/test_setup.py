"""The set-up script if something is missing, and if nothing is to do. CI runs it in full."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BASE_TOOLS = ("sh", "dirname", "cat", "sha256sum", "cut", "id", "ls", "mkdir", "rm")


@pytest.fixture
def bare_machine(tmp_path: Path) -> Path:
    """A checkout on a bare machine: no Python, no uv, no apt, no sudo."""
    (tmp_path / "bin").mkdir()
    for tool in BASE_TOOLS:
        (tmp_path / "bin" / tool).symlink_to(str(shutil.which(tool)))
    (tmp_path / "repo" / "deploy").mkdir(parents=True)
    for name in ("requirements.lock", "pyproject.toml", "deploy/setup.sh"):
        shutil.copy(ROOT / name, tmp_path / "repo" / name)
    return tmp_path


def run_setup(machine: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(machine / "bin"), "HOME": str(machine), **variables}
    command = [str(machine / "repo" / "deploy" / "setup.sh")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_the_download_is_announced_first(bare_machine: Path) -> None:
    lines = run_setup(bare_machine).stdout.splitlines()
    assert lines[0] == "Set-up of Freshet downloads, once (all of it needs 9 GB of disk):"
    assert [line.split()[:2] for line in lines[1:5]] == [["4,000", "MB"], ["25", "MB"], ["35", "MB"], ["60", "MB"]]


@pytest.mark.parametrize("variable", ["FRESHET_CACHE_DIR", "FRESHET_CACHE"])
def test_the_cache_is_where_the_setting_says_under_its_former_name_too(bare_machine: Path, variable: str) -> None:
    lines = run_setup(bare_machine, **{variable: "/a/cache"}).stdout.splitlines()
    assert lines[2].endswith("into /a/cache/uv")
    assert lines[4].endswith("into /a/cache/jars")


def test_without_python_and_apt_the_command_to_type_is_shown(bare_machine: Path) -> None:
    run_result = run_setup(bare_machine)
    assert run_result.returncode == 2
    assert run_result.stderr == "error: no Python and no uv found; type: sudo apt install python3 python3-venv\n"


def test_without_venv_and_apt_the_command_to_type_is_shown(bare_machine: Path) -> None:
    python = bare_machine / "bin" / "python3"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    run_result = run_setup(bare_machine)
    assert run_result.returncode == 2
    assert run_result.stderr == "error: this Python cannot make a venv; type: sudo apt install python3-venv\n"


def test_packages_are_installed_without_a_line_for_each_and_a_failure_is_shown(bare_machine: Path) -> None:
    uv = bare_machine / "bin" / "uv"
    uv.write_text(
        '#!/bin/sh\ncase "$*" in *--quiet*) ;; *) echo " + torch==2.15.0" ;; esac\n'
        'case "$*" in *sync*) echo "error: no route to the index" >&2; exit 2 ;; esac\n'
    )
    uv.chmod(0o755)
    run_result = run_setup(bare_machine)
    assert (run_result.returncode, run_result.stderr) == (2, "error: no route to the index\n")
    assert run_result.stdout.splitlines()[-1].startswith("installing the packages of requirements.lock")
    assert "torch==" not in run_result.stdout


def test_an_unchanged_installation_is_left_as_it_is(bare_machine: Path) -> None:
    names = ("requirements.lock", "pyproject.toml", "deploy/setup.sh")
    content = b"".join((ROOT / name).read_bytes() for name in names)
    (bare_machine / "repo" / ".venv").mkdir()
    (bare_machine / "repo" / ".venv" / ".freshet-setup").write_text(hashlib.sha256(content).hexdigest() + "\n")
    run_result = run_setup(bare_machine)
    assert (run_result.returncode, run_result.stdout, run_result.stderr) == (0, "", "")


def test_a_change_of_the_lock_sets_up_again(bare_machine: Path) -> None:
    (bare_machine / "repo" / ".venv").mkdir()
    (bare_machine / "repo" / ".venv" / ".freshet-setup").write_text("of another lock\n")
    assert run_setup(bare_machine).stdout.startswith("Set-up of Freshet downloads")

"""Setting up: what goes wrong is told in one line, and what is done is not done again."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def bootstrap(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [folder / "scripts/bootstrap"],
        env={**os.environ, "PYTHON": sys.executable, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what bootstrap reads, with nothing installed in it."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/bootstrap", tmp_path / "scripts")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def tools(folder: Path, *names: str, **scripts: str) -> str:
    """A PATH on which there are only these tools, and these scripts in place of others."""
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    for name in ("bash", "cat", "dirname", "env", "mkdir", "grep", "sed", "uname", *names):
        found = shutil.which(name)
        assert found, name
        (bin_folder / name).symlink_to(found)
    for name, text in scripts.items():
        (bin_folder / name.replace("_", "-")).write_text(f"#!/bin/bash\n{text}\n")
        (bin_folder / name.replace("_", "-")).chmod(0o755)
    return str(bin_folder)


def test_a_torch_that_does_not_exist(checkout):
    result = bootstrap(checkout, TORCH="abacus")
    assert result.returncode == 1
    assert result.stderr == "bootstrap: TORCH is 'abacus'; choose cpu or cuda\n"


def test_no_python_that_is_new_enough(checkout):
    path = tools(checkout, python3="exit 1")
    result = bootstrap(checkout, PYTHON="", PATH=path)
    assert result.returncode == 1
    assert result.stderr.startswith("bootstrap: Python 3.11 or later is needed")
    assert result.stderr.count("\n") == 1


def test_without_root_it_says_what_to_install(checkout):
    path = tools(
        checkout,
        apt_get="echo must not be called >&2; exit 9",
        dpkg_query="exit 1",
        sudo="exit 1",
        uname="echo Linux",
    )
    # The shell knows its user id by itself; a copy of the script asks somebody else's.
    script = checkout / "scripts/bootstrap"
    script.write_text(script.read_text().replace("EUID == 0", "1000 == 0"))
    result = bootstrap(checkout, PATH=path)
    assert result.returncode == 1
    assert result.stderr.startswith(
        "bootstrap: root is needed once: run 'sudo scripts/bootstrap --system', which installs g++ "
    )
    assert "puredata-core puredata-dev" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_system_without_apt_is_told_what_is_missing(checkout):
    path = tools(checkout, uname="echo Linux")
    result = bootstrap(checkout, PATH=path)
    assert result.returncode == 1
    assert "please install, with your system's own tool: a C++20 compiler; " in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_failing_step_names_its_log(checkout):
    path = tools(
        checkout,
        uname="echo Linux",
        apt_get="[[ $1 == indextargets ]] && exit; echo the archive is on fire; exit 100",
        apt_cache="exit 0",
        dpkg_query="exit 1",
    )
    script = checkout / "scripts/bootstrap"
    script.write_text(script.read_text().replace("EUID == 0", "0 == 0"))
    result = bootstrap(checkout, PATH=path)
    assert result.returncode == 1
    assert "failed; see build/bootstrap.log, then run the same command again" in result.stderr
    assert result.stderr.count("\n") == 1
    assert "the archive is on fire" in (checkout / "build/bootstrap.log").read_text()


def test_a_second_run_does_nothing(checkout):
    """The stamp is all that it looks at: with it in place, not even apt or pip are asked."""
    key = subprocess.run(
        [
            "bash",
            "-c",
            'source <(sed "/^main /d" scripts/bootstrap); find_python; stamp_key',
            "scripts/bootstrap",
        ],
        cwd=checkout,
        env={**os.environ, "PYTHON": sys.executable, "TORCH": "cpu"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    (checkout / ".venv").mkdir()
    (checkout / ".venv/bootstrap-stamp").write_text(key)
    result = bootstrap(checkout, TORCH="cpu")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert not (checkout / "build").exists()

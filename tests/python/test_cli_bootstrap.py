"""Setting up: what goes wrong is told in one line, and what is done is not done again."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def bootstrap(folder: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [folder / "scripts/bootstrap", *options],
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
        if name in scripts:  # written through a link, a script would replace the system's tool
            continue
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


def call(checkout: Path, commands: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs functions of the script instead of the whole."""
    return subprocess.run(
        ["bash", "-c", f'source <(sed "/^main /d" scripts/bootstrap); {commands}', "scripts/x"],
        cwd=checkout,
        env={**os.environ, "PYTHON": sys.executable, "TORCH": "cpu", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_second_run_does_nothing(checkout):
    """The stamp is all that it looks at: with it in place, not even apt or pip are asked."""
    key = call(checkout, "find_python; stamp_key").stdout
    assert key
    (checkout / ".venv").mkdir()
    for stamp, options in {"bootstrap-stamp": [], "bootstrap-stamp-tests": ["--tests"]}.items():
        (checkout / ".venv" / stamp).write_text(key)
        result = bootstrap(checkout, *options, TORCH="cpu")
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert not (checkout / "build").exists()


def test_an_unknown_option(checkout):
    result = bootstrap(checkout, "--test")
    assert result.returncode == 1
    assert result.stderr == "bootstrap: '--test' is not known; there are --system and --tests\n"


@pytest.mark.parametrize(
    ("offered", "may_install", "said"),
    [
        ("22", True, "installing clang-22"),
        ("22", False, "which installs clang-22"),
        ("19", True, "no clang of version 20 or later is offered here"),
    ],
)
def test_the_tests_get_the_newest_clang_that_is_offered(checkout, offered, may_install, said):
    path = tools(
        checkout,
        apt_cache=f"[[ $2 != *-{offered}-* ]] || echo '  Candidate: 1:{offered}.1'",
        apt_get='[[ $1 == indextargets ]] && echo somewhere || echo "asked for $*"',
        sudo="exit 1",
        find_clang="exit 1",
    )
    shutil.copy(checkout / "bin/find-clang", checkout / "scripts")
    (checkout / "build").mkdir()
    root = "ROOT=(env)" if may_install else "return 1"
    result = call(checkout, f"become_root() {{ {root}; }}; install_clang", PATH=path)
    assert (result.returncode, result.stderr) == (0, "")
    assert said in result.stdout
    log = checkout / "build/bootstrap.log"
    assert ("clang-22 libclang-rt-22-dev" in (log.read_text() if log.exists() else "")) == (
        offered == "22" and may_install
    )

"""The package by itself: in an empty place, with nothing of this project around it."""

import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from pure_data import PACKAGE, ROOT, Patch, pure_datas

SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("machine") / "timbrel"
    shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("examples"))  # links as files
    return folder


def run_alone(package: Path, patch: Path, log: Path) -> list[str]:
    """Pd with no variable but a path to what every system has. What it opens is in `log`."""
    command = [pure_datas()["pd"], "-batch", "-nogui", "-noaudio", "-nrt", "-noprefs", "-stderr"]
    environment = {"PATH": "/usr/bin:/bin", "LD_DEBUG": "libs", "LD_DEBUG_OUTPUT": str(log)}
    done = subprocess.run(
        [*map(str, command), "-path", str(package), "-open", str(patch)],
        env=environment,
        cwd=patch.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stderr.splitlines()


def test_the_instrument_sounds_with_nothing_but_the_folder_and_pd(
    package: Path, tmp_path: Path
) -> None:
    frames = 40_000
    patch = Patch()
    source, played = patch.add("noise~"), patch.add("nn~ tabla forward")
    patch.connect(source, 0, played)
    patch.connect(played, 0, patch.add("tabwrite~ heard"))
    patch.add(f"table heard {frames}")
    start, order = patch.add("loadbang"), patch.add("t b b b")
    done, save = patch.add("del 1000"), patch.add("write -wave -bytes 4 out.wav heard", "msg")
    quit_, dsp = patch.add("; pd quit", "msg"), patch.add("; pd dsp 1", "msg")
    both, record = patch.add("t b b"), patch.add("bang", "msg")
    for link in (
        (start, 0, order),
        (order, 2, record),
        (order, 1, done),
        (order, 0, dsp),
        (record, 0, 2),
        (done, 0, both),
        (both, 1, save),
        (save, 0, patch.add("soundfiler")),
        (both, 0, quit_),
    ):
        patch.connect(*link)
    patch.write(tmp_path / "patch.pd")
    console = run_alone(package, tmp_path / "patch.pd", tmp_path / "libraries")
    assert [line for line in console if "error" in line or "couldn't" in line] == []
    heard, _ = soundfile.read(tmp_path / "out.wav")
    assert np.abs(heard).max() > 0.01

    (log,) = tmp_path.glob("libraries.*")
    opened = {
        line.split("calling init: ")[1]
        for line in log.read_text().splitlines()
        if "calling init: " in line
    }
    assert any(path.endswith("libtorch_cpu.so") for path in opened)
    assert {path for path in opened if not path.startswith((*SYSTEM, str(package)))} == set()


def test_nothing_in_it_is_there_for_nothing(package: Path) -> None:
    """Every library is needed by another, or is one of ours."""
    libraries = [path for path in package.rglob("*") if ".so" in path.name or ".pd_" in path.name]
    needed = {"nn~.pd_linux", "libtimbrel_engine.so"}
    for library in libraries:
        dump = subprocess.run(
            ["readelf", "-d", library], capture_output=True, text=True, check=True
        )
        needed |= {
            line.split("[")[1].split("]")[0]
            for line in dump.stdout.splitlines()
            if "(NEEDED)" in line
        }
    assert {path.name for path in libraries if not path.name.endswith("-64.so")} <= needed


def test_no_text_in_it_names_this_machine(package: Path) -> None:
    for path in package.rglob("*"):
        if path.is_file() and path.stat().st_size < 10_000_000:
            assert str(ROOT).encode() not in path.read_bytes(), path


def test_the_archive_is_what_pds_installer_takes(package: Path, tmp_path: Path) -> None:
    folder = tmp_path / "timbrel"
    shutil.copytree(package, folder, ignore=shutil.ignore_patterns("libtorch_cpu*"))
    script = ROOT / "scripts" / "package_pd.py"
    subprocess.run([sys.executable, script, folder, tmp_path / "out"], check=True)
    archive, digest, objects = sorted((tmp_path / "out").iterdir())
    # As deken's own documentation gives it.
    form = r"([^\[\]\(\)]+)(\[v[^\[\]\(\)]+\])((\([^\[\]\(\)]+\))*)\.dek"
    name, version, kinds, _ = re.fullmatch(form, archive.name).groups()
    assert (name, kinds) == ("timbrel", "(Linux-amd64-32)(Linux-amd64-64)")
    assert f"VERSION {version[2:-1]};" in (folder / "timbrel-meta.pd").read_text()
    assert digest.read_text() == hashlib.sha256(archive.read_bytes()).hexdigest()
    assert objects.read_text().startswith("nn~\t")
    with zipfile.ZipFile(archive) as content:
        names = set(content.namelist())
        content.extractall(tmp_path / "installed")
    assert {name.split("/")[0] for name in names} == {"timbrel"}
    assert {
        f"timbrel/{part}" for part in ("nn~-help.pd", "LICENSE", "licenses-libtorch/LICENSE")
    } <= names
    assert (tmp_path / "installed/timbrel/models/tabla.ts").read_bytes() == (
        folder / "models/tabla.ts"
    ).read_bytes()

"""The command line, run as a user runs it: help, one line for every mistake, exit statuses."""

import json
import os
import shlex
import signal
import subprocess
import sys

import pytest
import typer

from timbrel import __version__
from timbrel.cli import app

COMMAND = typer.main.get_command(app)


def commands(group=COMMAND, path=()):
    """Every command and group, as the words that call it."""
    for name, command in group.commands.items():
        yield (*path, name)
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))


def leaves():
    every = list(commands())
    return [path for path in every if not any(o[:-1] == path for o in every)]


def test_version(timbrel):
    result = timbrel("--version")
    assert (result.returncode, result.stdout) == (0, f"timbrel {__version__}\n")


def test_starting_does_not_wait_for_torch():
    code = "import sys, timbrel.cli; print([m for m in ('torch', 'numpy') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert result.stdout == b"[]\n"


@pytest.mark.parametrize("path", leaves(), ids=" ".join)
def test_every_command_has_help_with_an_example(timbrel, path):
    result = timbrel(*path, "--help")
    assert result.returncode == 0
    assert f"Example: timbrel {' '.join(path)} " in result.stdout


def test_without_arguments_there_is_help(timbrel):
    result = timbrel()
    assert result.returncode == 0
    assert "preprocess" in result.stdout


@pytest.mark.parametrize("line", ["frobnicate", "--frob", "preprocess", "preprocess a b --rate x"])
def test_a_command_line_without_sense_is_one_line_and_status_2(timbrel, line):
    result = timbrel(*shlex.split(line))
    assert result.returncode == 2
    assert result.stderr.startswith("timbrel: ")
    assert result.stderr.count("\n") == 1


def test_preprocess_and_its_summary(timbrel, tmp_path, record):
    record(tmp_path / "in/good.wav", seconds=4)
    (tmp_path / "in/words.wav").write_text("no sound")
    (tmp_path / "in/notes.txt").write_text("no audio")
    result = timbrel("preprocess", tmp_path / "in", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert "skipped words.wav: not readable as audio" in result.stdout
    assert "ignored 1 files that are no audio" in result.stdout
    assert "0.1 minutes at 44100 Hz from 1 recordings" in result.stdout
    assert json.loads((tmp_path / "out/dataset.json").read_text())["frames"] == 4 * 44_100
    again = timbrel("preprocess", tmp_path / "in", tmp_path / "out")
    assert again.returncode == 0
    assert "already there" in again.stdout


def test_a_missing_folder(timbrel, one_line, tmp_path):
    line = one_line(timbrel("preprocess", tmp_path / "nowhere", tmp_path / "out"))
    assert line.startswith(f"timbrel: no folder {tmp_path / 'nowhere'}; ")


def test_an_empty_folder(timbrel, one_line, tmp_path):
    (tmp_path / "in").mkdir()
    line = one_line(timbrel("preprocess", tmp_path / "in", tmp_path / "out"))
    assert line == f"timbrel: no audio in {tmp_path / 'in'}: the folder is empty"


def test_a_folder_without_audio_says_what_is_there(timbrel, one_line, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.txt").write_text("hello")
    (tmp_path / "in/b.wav").write_text("hello")
    line = one_line(timbrel("preprocess", tmp_path / "in", tmp_path / "out"))
    assert "2 files, none readable as audio (b.wav: not readable as audio: " in line


def test_too_short_a_folder(timbrel, one_line, tmp_path, record):
    record(tmp_path / "in/a.wav", seconds=1)
    line = one_line(timbrel("preprocess", tmp_path / "in", tmp_path / "out"))
    assert "1.0 s in 1 file, at least 3 s are needed" in line
    assert not (tmp_path / "out").exists()


def test_an_impossible_rate(timbrel, one_line, tmp_path, record):
    record(tmp_path / "in/a.wav", seconds=4)
    line = one_line(timbrel("preprocess", tmp_path / "in", tmp_path / "out", "--rate", 7))
    assert line == "timbrel: --rate is 7 Hz; choose from 8000 to 192000"


def test_an_output_that_cannot_be_written(timbrel, one_line, tmp_path, record):
    record(tmp_path / "in/a.wav", seconds=4)
    (tmp_path / "file").write_text("in the way")
    one_line(timbrel("preprocess", tmp_path / "in", tmp_path / "file"))
    one_line(timbrel("preprocess", tmp_path / "in", tmp_path / "file/out"))


def test_a_disk_that_fills_up_is_one_line(tmp_path, record, one_line):
    """The real error of the system, raised where the frames are written."""
    record(tmp_path / "in/a.wav", seconds=4)
    code = (
        "import errno, sys, timbrel.data.conversion as p\n"
        "def full(*arguments): raise OSError(errno.ENOSPC, 'No space left on device')\n"
        "p.decode = full\n"
        "from timbrel.cli import main; main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, "preprocess", "in", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "no space left on the disk" in one_line(result)
    assert sorted(os.listdir(tmp_path)) == ["in"]


def test_ctrl_c_is_one_line_and_status_130(tmp_path, record):
    record(tmp_path / "in/a.wav", seconds=4)
    code = (
        "import os, signal, timbrel.data.conversion as p\n"
        "p.decode = lambda *arguments: os.kill(os.getpid(), signal.SIGINT)\n"
        "from timbrel.cli import main; main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, "preprocess", "in", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert result.returncode == 130
    last = result.stderr.splitlines()[-1]
    assert last == "timbrel: interrupted; run the same command again to go on"
    assert sorted(os.listdir(tmp_path)) == ["in"]


def test_datasets_make_tabla(timbrel, one_line, tmp_path):
    result = timbrel("datasets", "make", "tabla", tmp_path / "set", "--minutes", 0.2)
    assert result.returncode == 0, result.stderr
    assert f"next: timbrel preprocess {tmp_path / 'set/train'}" in result.stdout
    assert (tmp_path / "set/heldout/loop_tabla.wav").exists()
    again = one_line(timbrel("datasets", "make", "tabla", tmp_path / "set"))
    assert again == f"timbrel: {tmp_path / 'set'} is not empty; choose another output folder"
    zero = one_line(timbrel("datasets", "make", "tabla", tmp_path / "x", "--minutes", 0))
    assert zero == "timbrel: --minutes is 0; choose from 0.1 to 6000"

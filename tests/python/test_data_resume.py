"""A conversion that is killed goes on where it was, and one that fails leaves nothing behind."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from timbrel.data import AudioDataset
from timbrel.data.conversion import Progress
from timbrel.data.preprocess import preprocess
from timbrel.errors import UserError

COUNT = 40
KILLED_AFTER = """
import os, signal, sys
from pathlib import Path
from timbrel.data.conversion import Progress
from timbrel.data.preprocess import preprocess

# What a shell runs in the background begins with it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

class Killed(Progress):
    heard = 0.0
    def converted(self, seconds, total):
        self.heard += seconds
        if self.heard > float(sys.argv[1]):
            os.kill(os.getpid(), getattr(signal, sys.argv[2]))

out = preprocess(Path("in"), Path("out"), sample_rate=48_000, lazy=len(sys.argv) > 3, jobs=2,
                 progress=Killed())
print(out.resumed)
"""


@pytest.fixture
def place(tmp_path: Path, record) -> Path:
    for index in range(COUNT):
        record(tmp_path / f"in/{index:02d}.wav", seconds=1, seed=index)
    (tmp_path / "in/07 empty.wav").touch()
    samples, rate = soundfile.read(tmp_path / "in/03.wav", dtype="int16")
    soundfile.write(tmp_path / "in/09 copy.flac", samples, rate)
    return tmp_path


def run(
    place: Path, seconds: float, *lazy: str, signal_name: str = "SIGKILL"
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", KILLED_AFTER, str(seconds), signal_name, *lazy]
    return subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("lazy", [(), ("lazy",)], ids=["converted", "lazy"])
def test_killed_again_and_again_it_ends_with_what_one_run_would_have_made(place, lazy):
    runs = 0
    while (result := run(place, 16.5 * (runs + 1) if runs < 2 else 1e9, *lazy)).returncode:
        assert result.returncode == -signal.SIGKILL, result.stderr
        assert not (place / "out").exists()
        runs += 1
    assert runs == 2
    # At least what the second run had behind it when it was killed, and no more than it can have.
    assert 16 <= int(result.stdout) < COUNT
    at_once = preprocess(place / "in", place / "at once", sample_rate=48_000, lazy=bool(lazy))
    assert not at_once.resumed
    assert content(place / "out") == content(place / "at once")
    assert sorted(path.name for path in place.iterdir()) == ["at once", "in", "out"]


def test_ctrl_c_keeps_what_is_finished(place):
    result = run(place, 20.5, signal_name="SIGINT")
    assert "KeyboardInterrupt" in result.stderr
    assert (place / ".out.partial").is_dir()
    assert preprocess(place / "in", place / "out", sample_rate=48_000).resumed > 0
    assert sorted(path.name for path in place.iterdir()) == ["in", "out"]


@pytest.mark.parametrize("damage", ["sound", "lost sound", "journal", "half a line", "other files"])
def test_what_does_not_fit_is_converted_again(place, damage, record):
    """A power cut may lose what a kill never does; and the recordings may have changed."""
    run(place, 30.5)
    partial = place / ".out.partial"
    sound, journal = partial / "audio.i16", partial / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    assert len(lines) > 12
    if damage == "sound":
        data = bytearray(sound.read_bytes())
        data[5 * 96_000] ^= 1
        sound.write_bytes(data)
    elif damage == "lost sound":
        os.truncate(sound, 5 * 96_000 + 1)
    elif damage == "journal":
        journal.write_bytes(b"".join([*lines[:6], b"\0" * 50 + b"\n", *lines[6:]]))
    elif damage == "half a line":
        journal.write_bytes(b"".join(lines)[:-20])
    else:
        record(place / "in/000.wav", seconds=1, seed=1_000)
    outcome = preprocess(place / "in", place / "out", sample_rate=48_000)
    kept = {"half a line": len(lines) - 2, "other files": 0}.get(damage, 5)
    assert outcome.resumed == kept
    at_once = preprocess(place / "in", place / "at once", sample_rate=48_000)
    assert outcome.manifest == at_once.manifest
    assert content(place / "out") == content(place / "at once")


def test_a_disk_that_is_full_is_one_line_and_leaves_nothing(place, one_line):
    """The system itself refuses a file of more than a megabyte; the dataset would have four."""
    result = subprocess.run(
        [sys.executable, "-c", "from timbrel.cli import main; main()", "preprocess", "in", "out"],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)),
    )
    line = one_line(result)
    assert line.startswith("timbrel: a file grew larger than the disk's format or a limit")
    assert sorted(path.name for path in place.iterdir()) == ["in"]


def test_no_more_than_is_needed_waits_on_the_disk(place):
    """Beside the dataset itself there is what a few recordings take, however many there are."""
    most = 0

    class Watching(Progress):
        def converted(self, seconds: float, total: float) -> None:
            nonlocal most
            parts = list((place / ".out.partial").glob("*"))
            assert {part.name for part in parts} <= {"audio.i16", "journal.jsonl"}
            most = max(most, sum(part.stat().st_size for part in parts))

    outcome = preprocess(place / "in", place / "out", progress=Watching())
    assert most < 1.1 * 2 * outcome.manifest.frames


def test_the_number_of_jobs_changes_nothing(place):
    one, many = (
        preprocess(place / "in", place / f"out{jobs}", jobs=jobs).manifest for jobs in (1, 7)
    )
    assert one == many
    assert content(place / "out1") == content(place / "out7")
    with pytest.raises(UserError, match="--jobs is 0; choose 1 or more"):
        preprocess(place / "in", place / "none", jobs=0)


def test_a_recording_that_vanishes_meanwhile_is_skipped(place):
    class Thief(Progress):
        def planned(self, seconds: float, size: float, free: int) -> None:
            (place / "in/20.wav").unlink()

    manifest = preprocess(place / "in", place / "out", progress=Thief()).manifest
    assert "20.wav" in {entry.path for entry in manifest.skipped}
    assert "20.wav" not in {entry.path for entry in manifest.files}
    assert AudioDataset.open(place / "out").frames == (COUNT - 1) * 44_100


def test_the_size_is_told_before_the_work_begins(place):
    class Listening(Progress):
        told: tuple[float, float, int] | None = None

        def planned(self, seconds: float, size: float, free: int) -> None:
            assert not list((place / ".out.partial").glob("*"))
            self.told = (seconds, size, free)

    listening = Listening()
    outcome = preprocess(place / "in", place / "out", channels=2, progress=listening)
    assert listening.told is not None
    seconds, size, free = listening.told
    assert seconds == pytest.approx(COUNT + 1)  # the copy is found when it is read
    assert size == pytest.approx(4 * outcome.manifest.frames, rel=0.03)
    assert free > size


def test_locks_do_not_need_what_windows_has_not(place, monkeypatch):
    """With msvcrt's locking in the place of fcntl's, which is not there to import."""
    held: set[int] = set()

    class Msvcrt:
        LK_NBLCK = 2

        @staticmethod
        def locking(file: int, mode: int, count: int) -> None:
            assert (mode, count) == (2, 1)
            inode = os.fstat(file).st_ino
            if inode in held:
                raise PermissionError(13, "Permission denied")
            held.add(inode)

    monkeypatch.setitem(sys.modules, "msvcrt", Msvcrt)
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setattr("timbrel.data.locking.sys.platform", "win32")

    class Second(Progress):
        def planned(self, seconds: float, size: float, free: int) -> None:
            with pytest.raises(UserError, match="another timbrel is writing"):
                preprocess(place / "in", place / "out")

    manifest = preprocess(place / "in", place / "out", progress=Second()).manifest
    assert manifest.frames == COUNT * 44_100
    assert len(held) == 1


def test_a_lock_of_a_killed_run_holds_nobody_up(place):
    assert run(place, 5.5).returncode == -signal.SIGKILL
    assert (place / ".out.lock").exists()
    assert np.isclose(preprocess(place / "in", place / "out").manifest.seconds, COUNT)
    assert not (place / ".out.lock").exists()

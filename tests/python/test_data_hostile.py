"""A thousand files as no recorder leaves them: preprocess ends well and accounts for every one."""

import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from timbrel.data import AudioDataset, Manifest
from timbrel.data.preprocess import preprocess

USED = "used"
IGNORED = "ignored"
EITHER = "used or skipped"
"""Where libsndfile decides how much of a damaged file is still sound."""


class Folder:
    """A thousand files, and what has to become of each: USED, IGNORED or a reason's beginning."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.expected: dict[str, str] = {}
        self.rng = np.random.default_rng(0)
        root.mkdir(parents=True)

    def path(self, name: str, fate: str) -> Path:
        self.expected[name] = fate
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def sound(
        self,
        name: str,
        subtype: str | None = None,
        *,
        fate: str = USED,
        rate: int = 44_100,
        channels: int = 1,
        frames: int = 2_000,
    ) -> Path:
        samples = self.rng.uniform(-0.3, 0.3, (frames, channels))
        path = self.path(name, fate)
        soundfile.write(os.fsencode(path), samples, rate, subtype)
        return path

    def edited(self, name: str, fate: str, edit: Callable[[bytearray], bytes]) -> None:
        path = self.sound(name, fate=fate)
        path.write_bytes(edit(bytearray(path.read_bytes())))

    def flipped(self, name: str) -> None:
        path = self.sound(name, fate=EITHER)
        content = bytearray(path.read_bytes())
        for _ in range(int(self.rng.choice([1, 3, 20]))):
            content[int(self.rng.integers(len(content)))] = int(self.rng.integers(256))
        path.write_bytes(content)


def with_rate(content: bytearray, rate: int) -> bytes:
    content[24:28] = struct.pack("<I", rate)
    return bytes(content)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    made = Folder(tmp_path_factory.mktemp("hostile") / "in")
    for i in range(50):
        made.path(f"empty/{i}.wav", "empty file").touch()
        made.sound(f"header_only/{i}.wav", fate="holds no sound", frames=0)
        made.edited(f"truncated/{i}.wav", USED, lambda b: bytes(b[: len(b) // 2]))
        made.edited(
            f"truncated/{i}.flac", r"damaged: |not readable", lambda b: bytes(b[: len(b) // 2])
        )
        made.edited(f"half_a_header/{i}.wav", "not readable as audio", lambda b: bytes(b[:30]))
        made.sound(f"8 bit/{i}.wav", "PCM_U8")
        made.sound(f"24 bit/{i}.aiff", "PCM_24")
        made.sound(f"32 channels/{i}.wav", channels=32)
        made.edited(f"3 Hz/{i}.wav", "states a rate of 3 Hz", lambda b: with_rate(b, 3))
        made.edited(f"768 kHz/{i}.wav", USED, lambda b: with_rate(b, 768_000))
        made.path(f"text/{i}.mp3", "not readable as audio").write_text("words " * 100)
    for i in range(25):
        for name, value in (("nan", np.nan), ("infinite", np.inf)):
            path = made.sound(f"{name}/{i}.wav", "FLOAT", fate="holds samples that are not numbers")
            samples, _ = soundfile.read(path)
            samples[700] = value
            soundfile.write(path, samples, 44_100, "FLOAT")
        path = made.path(f"another scale/{i}.wav", "its samples reach")
        soundfile.write(path, made.rng.uniform(-32_768, 32_768, 2_000), 44_100, "FLOAT")
        made.sound(f"with a space/{i} and one.wav")
        made.sound(f"emoji/{i} 🎻🪈.flac")
        made.sound(f"newline/{i}\nline.wav")
        made.sound(f"quotes/{i}'\"$(false)`.ogg", rate=48_000)
        if sys.platform != "darwin":  # whose disks allow no such name
            made.sound(f"not UTF-8/{i}\udcff.wav")
        path = made.path(f"links/{i}.wav", "a link that leads back to itself")
        path.symlink_to(path.name)
        made.path(f"dangling/{i}.wav", "a link that leads nowhere").symlink_to("nowhere.wav")
        made.path(f"copies/{i}.wav", "same contents as").write_bytes(
            (made.root / f"24 bit/{i}.aiff").read_bytes()
        )
        made.path(f"film/{i}.m4a", "format not read here").write_bytes(b"\0\0\0 ftypM4A ")
        made.path(f"other/{i}.txt", IGNORED).write_text("no audio")
        made.path(f"raw/{i}.raw", IGNORED).write_bytes(b"\x01\x02" * 500)
        made.path(f"raw/{i} riff.raw", "samples without a header").write_bytes(
            (made.root / f"24 bit/{i}.aiff").read_bytes()
        )
    for i in range(7):
        os.mkfifo(made.path(f"pipes/{i}.wav", "no file but a pipe"))
        os.mkfifo(made.path(f"pipes/{i}", IGNORED))
    Path(made.root, "loops/a/b").mkdir(parents=True)
    Path(made.root, "loops/a/b/up").symlink_to(made.root / "loops")
    Path(made.root, "loops/self").symlink_to("self")
    made.expected["loops/self"] = "a link that leads back to itself"
    for i in range(1_000 - len(made.expected)):
        made.flipped(f"flipped/{i}.{('wav', 'flac', 'aiff', 'caf', 'au', 'mp3')[i % 6]}")
    return made


def fates(manifest: Manifest) -> dict[str, str]:
    """What became of each file that is spoken of; none is spoken of twice."""
    used = {entry.path for entry in manifest.files}
    skipped = {entry.path: entry.reason for entry in manifest.skipped}
    assert len(skipped) == len(manifest.skipped)
    assert not used & skipped.keys()
    return {**dict.fromkeys(used, USED), **skipped}


@pytest.mark.parametrize("lazy", [False, True], ids=["converted", "lazy"])
def test_every_one_of_a_thousand_files_is_accounted_for(folder, tmp_path, lazy):
    manifest = preprocess(folder.root, tmp_path / "out", lazy=lazy).manifest
    found = fates(manifest)
    expected = {
        name.encode(errors="surrogateescape").decode(errors="backslashreplace"): fate
        for name, fate in folder.expected.items()
    }
    assert len(expected) == 1_000
    assert manifest.ignored_files == sum(fate == IGNORED for fate in expected.values())
    assert found.keys() == {name for name, fate in expected.items() if fate != IGNORED}
    for name, fate in found.items():
        if lazy and name.startswith("not UTF-8"):
            assert fate == "its name is not valid UTF-8; rename it, or leave out --lazy"
        elif expected[name] != EITHER:
            assert re.match(expected[name], fate), (name, fate)
    dataset = AudioDataset.open(tmp_path / "out")
    for split in ("train", "validation"):
        assert np.isfinite(dataset.read(split, 0, dataset.split_frames(split))).all()


def test_the_summary_has_one_line_for_a_file_whatever_its_name(timbrel, record, tmp_path):
    record(tmp_path / "in/good.wav", seconds=4)
    for name in ("two\nlines.wav", "\x1b[31mred.wav", "🎻.wav", "no\udcfftext.wav"):
        (tmp_path / "in" / name).touch()
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    result = timbrel("preprocess", tmp_path / "in", tmp_path / "out", env=environment)
    assert result.returncode == 0, result.stderr
    skipped = [line for line in result.stdout.splitlines() if line.startswith("skipped")]
    assert skipped == [
        r"skipped \x1b[31mred.wav: empty file",
        r"skipped no\xfftext.wav: empty file",
        r"skipped two\nlines.wav: empty file",
        r"skipped \U0001f3bb.wav: empty file",
    ]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user may enter, as pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o777)
        yield Path(name)


def test_what_may_not_be_read_is_skipped_with_that_reason(open_folder, record):
    """In a process without root's rights, to which permissions mean nothing."""
    record(open_folder / "in/good.wav", seconds=4)
    record(open_folder / "in/secret.wav", seconds=4, seed=1).chmod(0)
    record(open_folder / "in/closed/other.wav", seconds=4, seed=2)
    (open_folder / "in/closed").chmod(0)
    code = (
        "import os, sys; from pathlib import Path\n"
        "from timbrel.data.preprocess import preprocess\n"
        "import encodings.idna, concurrent.futures.thread\n"
        "if os.geteuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "for entry in preprocess(Path('in'), Path('out')).manifest.skipped:\n"
        "    print(entry.path, entry.reason)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=open_folder, capture_output=True, text=True, check=False
    )
    (open_folder / "in/closed").chmod(0o700)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        "closed no permission to read it",
        "secret.wav no permission to read it",
    ]


def test_a_socket_is_no_recording(tmp_path, record, monkeypatch):
    record(tmp_path / "in/good.wav", seconds=4)
    monkeypatch.chdir(tmp_path / "in")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.wav")
        manifest = preprocess(tmp_path / "in", tmp_path / "out").manifest
    assert [(entry.path, entry.reason) for entry in manifest.skipped] == [
        ("socket.wav", "no file but a pipe, a socket or a device")
    ]

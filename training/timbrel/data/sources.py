"""Finds the recordings in a folder, and tells what is audio from what is not."""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import soundfile

_READABLE = frozenset(
    "aif aifc aiff au caf flac mp3 nist oga ogg opus paf rf64 sd2 snd sph svx voc w64 wav wave "
    "wavex".split()
)
"""Suffixes of formats that soundfile reads: whatever bears one is taken for audio."""

_NEEDS_FFMPEG = frozenset(
    "aac ac3 alac amr ape dsf dff m4a m4b mka mp2 mpc opus ra tta weba wma wv".split()
)
"""Suffixes of audio that soundfile may not read."""

_CHUNK = 1 << 20


_UNKNOWN = 1 << 48
"""More frames than there are: what a file claims that was written without knowing its length."""


class FrontToBack(soundfile.SoundFile):
    """Reads without seeking.

    Otherwise soundfile seeks, after each read, to where the file is already; at the end of a FLAC
    file that does not know its length this fails, and the last samples are lost.
    """

    def seekable(self) -> bool:
        return False


def stated_frames(file: Any) -> int:
    """Frames that a SoundFile, or soundfile's info of one, states; 0 where it does not know."""
    return int(file.frames) if file.frames < _UNKNOWN else 0


@dataclass(frozen=True)
class Recording:
    """An audio file that can be opened."""

    path: Path
    name: str
    """Relative to the searched folder, with forward slashes."""
    digest: str
    """sha256 of the file's bytes."""
    sample_rate: int
    channels: int
    frames: int
    """As the header states, else a guess from the file's size; what is there may be less."""

    @property
    def seconds(self) -> float:
        """Length by the header."""
        return self.frames / self.sample_rate


@dataclass(frozen=True)
class Search:
    """What was found in a folder."""

    recordings: tuple[Recording, ...]
    skipped: tuple[tuple[str, str], ...]
    """Names of audio files that cannot be used, and why."""
    ignored: int
    """How many other files there are."""


def walk(folder: Path, leave_out: Path) -> Iterator[Path]:
    """All files below `folder` in a stable order; links are followed, hidden names are not."""
    seen: set[str] = {os.path.realpath(leave_out)}
    for parent, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:  # a link that leads back, or our own output
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(files) if not name.startswith("."))


def search(
    folder: Path, leave_out: Path, advance: Callable[[int, int], None] = lambda done, total: None
) -> Search:
    """Look at every file below `folder`; `advance` is told how many of how many are done."""
    paths = list(walk(folder, leave_out))
    recordings: list[Recording] = []
    skipped: list[tuple[str, str]] = []
    first_with: dict[str, str] = {}
    ignored = 0
    for index, path in enumerate(paths):
        name = path.relative_to(folder).as_posix()
        try:
            if not is_audio(path):
                ignored += 1
                continue
            recording = _open(path, name)
            original = first_with.setdefault(recording.digest, name)
            if original != name:
                raise _UnusableError(f"same contents as {original}")
            recordings.append(recording)
        except _UnusableError as error:
            skipped.append((name, str(error)))
        except OSError as error:
            skipped.append((name, error.strerror or str(error)))
        finally:
            advance(index + 1, len(paths))
    return Search(tuple(recordings), tuple(skipped), ignored)


def why_unreadable(error: soundfile.LibsndfileError) -> str:
    """The reason that libsndfile gives, without the words around it that repeat the file's name."""
    return error.error_string.removeprefix("Error : ").rstrip(". \n") or "cannot be decoded"


def why_not_audio(path: Path, error: soundfile.LibsndfileError) -> str:
    """Why a file that libsndfile cannot open is no recording, and what can be done about it."""
    if _suffix(path) in _NEEDS_FFMPEG:
        return f"format not read here; convert it, e.g.: ffmpeg -i {path.name} {path.stem}.wav"
    return f"not readable as audio: {why_unreadable(error)}"


class _UnusableError(Exception):
    """Why an audio file is skipped."""


def _suffix(path: Path) -> str:
    return path.suffix.lower().lstrip(".")


def is_audio(path: Path) -> bool:
    """By its name, or else by its first bytes; whether it can be read is another question."""
    if _suffix(path) in _READABLE | _NEEDS_FFMPEG:
        return True
    with path.open("rb") as file:
        start = file.read(12)
    # Recordings without a suffix, or with a strange one, are common in archives of old machines.
    return start[:4] in (b"fLaC", b"OggS", b"caff") or (start[:4], start[8:11]) in (
        (b"RIFF", b"WAV"),
        (b"RF64", b"WAV"),
        (b"FORM", b"AIF"),
    )


def _open(path: Path, name: str) -> Recording:
    if path.stat().st_size == 0:
        raise _UnusableError("empty file")
    try:
        info = soundfile.info(path)
    except soundfile.LibsndfileError as error:
        raise _UnusableError(why_not_audio(path, error)) from error
    if info.frames == 0:
        raise _UnusableError("holds no sound (0 frames)")
    # Compressed, a sample takes about a byte: near enough for progress and for the space needed.
    guess = path.stat().st_size // info.channels
    return Recording(
        path=path,
        name=name,
        digest=_digest(path),
        sample_rate=info.samplerate,
        channels=info.channels,
        frames=stated_frames(info) or guess,
    )


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()

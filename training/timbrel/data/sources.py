"""Finds the recordings in a folder, and tells what is audio from what is not."""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
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
    "aac ac3 alac amr ape dsf dff m4a m4b mka mp2 mpc ra tta weba wma wv".split()
)
"""Suffixes of audio that soundfile may not read."""

_CHUNK = 1 << 20

SOUND_RATES = (1_000, 3_072_000)
"""Lowest and highest rate, in Hz, that a recording is believed to have been made at."""

_UNKNOWN = 1 << 48
"""More frames than there are: what a file claims that was written without knowing its length."""

_DENSEST = 64
"""Samples in a byte of compressed sound; a header that promises more is not believed."""


def libsndfile_name(path: Path) -> str | bytes:
    """A path as soundfile takes it, also where the name is not in the system's encoding."""
    return str(path) if os.name == "nt" else os.fsencode(path)


class FrontToBack(soundfile.SoundFile):
    """Reads without seeking.

    Otherwise soundfile seeks, after each read, to where the file is already; at the end of a FLAC
    file that does not know its length this fails, and the last samples are lost.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(libsndfile_name(path))

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
    """Relative to the searched folder, with forward slashes; bytes that are no text as `\\xff`."""
    digest: str
    """sha256 of the file's bytes."""
    sample_rate: int
    channels: int
    frames: int
    """As the header states, else a guess from the file's size; what is there may be less."""
    size: int
    """Of the file, in bytes."""

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


def walk(
    folder: Path, leave_out: Path, refused: Callable[[OSError], None] | None = None
) -> Iterator[Path]:
    """All files below `folder` in a stable order; links are followed, hidden names are not.

    `refused` is told of folders that cannot be read.
    """
    seen: set[str] = {os.path.realpath(leave_out)}
    for parent, folders, files in os.walk(folder, onerror=refused, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:  # a link that leads back, or our own output
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(files) if not name.startswith("."))


def search(
    folder: Path,
    leave_out: Path,
    advance: Callable[[int, int], None] = lambda done, total: None,
    jobs: int = 1,
) -> Search:
    """Look at every file below `folder`; `advance` is told how many of how many are done."""
    skipped: list[tuple[str, str]] = []

    def refused(error: OSError) -> None:
        skipped.append((_name(Path(error.filename), folder), _why_refused(error)))

    paths = list(walk(folder, leave_out, refused))
    recordings: list[Recording] = []
    first_with: dict[str, str] = {}
    ignored = 0
    with ThreadPoolExecutor(jobs) as pool:
        looks = pool.map(_look, paths, [folder] * len(paths))
        for done, (path, found) in enumerate(zip(paths, looks, strict=True), start=1):
            name = _name(path, folder)
            if found is None:
                ignored += 1
            elif isinstance(found, str):
                skipped.append((name, found))
            elif (original := first_with.setdefault(found.digest, name)) != name:
                skipped.append((name, f"same contents as {original}"))
            else:
                recordings.append(found)
            advance(done, len(paths))
    return Search(tuple(recordings), tuple(skipped), ignored)


def _look(path: Path, folder: Path) -> Recording | str | None:
    """A recording, or why an audio file cannot be used, or None for what is no audio."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return "no file but a pipe, a socket or a device" if _named_audio(path) else None
        return _open(path, _name(path, folder)) if is_audio(path) else None
    except _UnusableError as error:
        return str(error)
    except OSError as error:
        return _why_refused(error)


def _name(path: Path, folder: Path) -> str:
    relative = path.relative_to(folder).as_posix()
    return os.fsencode(relative).decode("utf-8", "backslashreplace")


def _why_refused(error: OSError) -> str:
    reasons = {
        errno.EACCES: "no permission to read it",
        errno.EPERM: "no permission to read it",
        errno.ELOOP: "a link that leads back to itself",
        errno.ENOENT: "a link that leads nowhere",
    }
    return reasons.get(error.errno or 0) or error.strerror or str(error)


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


def _named_audio(path: Path) -> bool:
    return _suffix(path) in _READABLE | _NEEDS_FFMPEG


def is_audio(path: Path) -> bool:
    """By its name, or else by its first bytes; whether it can be read is another question."""
    if _named_audio(path):
        return True
    if not path.is_file():  # opening a pipe would wait for its other end
        return False
    with path.open("rb") as file:
        start = file.read(12)
    # Recordings without a suffix, or with a strange one, are common in archives of old machines.
    return start[:4] in (b"fLaC", b"OggS", b"caff") or (start[:4], start[8:11]) in (
        (b"RIFF", b"WAV"),
        (b"RF64", b"WAV"),
        (b"FORM", b"AIF"),
    )


def _open(path: Path, name: str) -> Recording:
    size = path.stat().st_size
    if size == 0:
        raise _UnusableError("empty file")
    # Also says whether it may be read at all, which libsndfile would call a system error.
    digest = _digest(path)
    try:
        info = soundfile.info(libsndfile_name(path))
    except soundfile.LibsndfileError as error:
        raise _UnusableError(why_not_audio(path, error)) from error
    except TypeError as error:  # soundfile's way to ask for what a header would say
        raise _UnusableError("samples without a header; convert them to WAV") from error
    if info.frames == 0:
        raise _UnusableError("holds no sound (0 frames)")
    lowest, highest = SOUND_RATES
    if not lowest <= info.samplerate <= highest:
        raise _UnusableError(f"states a rate of {info.samplerate} Hz, which is none of sound")
    # Compressed, a sample takes about a byte: near enough for progress and for the space needed.
    guess = max(1, size // info.channels)
    stated = stated_frames(info)
    return Recording(
        path=path,
        name=name,
        digest=digest,
        sample_rate=info.samplerate,
        channels=info.channels,
        frames=stated if 0 < stated <= _DENSEST * guess else guess,
        size=size,
    )


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()

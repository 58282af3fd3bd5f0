"""Decodes one recording to 16-bit frames of the dataset's rate and channels, in constant memory."""

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import IO

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
from pydantic import BaseModel

from timbrel.data.channels import Frames, fold
from timbrel.data.excerpt import read
from timbrel.data.sources import (
    FrontToBack,
    Recording,
    libsndfile_name,
    stated_frames,
    why_unreadable,
)

_CHUNK = 1 << 17
"""Samples, of all channels, decoded at a time."""

_NOTHING = 10 ** (-80 / 20)
"""A recording that never rises above this is one of nothing."""

SILENCE_DB = -60.0
SILENCE_SECONDS = 0.1
"""What stays below `SILENCE_DB`, re full scale, for this long is counted as silence."""

_MOSTLY = 0.5
"""Share of silence from which on a recording is mentioned."""

_CLIPPED_RUN = 3
"""Neighbouring samples at full scale that make clipping; one alone is a well-set level."""

_LOUDEST = 64.0
"""Times full scale that a recording in floating point may reach: beyond, it has another scale."""

_PROBE = 1024
"""Frames by which reading from the middle is compared with reading from the beginning."""

_ROUNDING = 1e-5
"""By which decoders differ from themselves, depending on where they begin: a third of a step."""


class UndecodableError(Exception):
    """Why a recording that could be opened cannot be used."""


class Decoded(BaseModel):
    """What is known of one recording once it has been read to its end."""

    digest: str = ""
    """sha256 of its samples, whatever the file they come in: tags and formats don't matter."""
    source_frames: int = 0
    """Frames in the file, at its own rate."""
    frames: int = 0
    """At the dataset's rate."""
    energy: float = 0.0
    """Sum of squares, full scale being 1."""
    peak: float = 0.0
    clipped_samples: int = 0
    silent_seconds: float = 0.0
    note: str = ""


def decode(
    recording: Recording,
    sample_rate: int,
    channels: int,
    out: IO[bytes],
    advance: Callable[[float], None] = lambda seconds: None,
) -> Decoded:
    """Append a recording's frames, little-endian int16, channels interleaved, to `out`.

    Args:
        recording: what to read.
        sample_rate: of what is written, in Hz.
        channels: of what is written; see `fold`.
        out: opened for writing; after an error it may have been written to.
        advance: told, in seconds of sound, how much more has been read.

    Raises:
        UndecodableError: it is damaged, silent, or holds what is no sound.
    """
    result = Decoded()
    source = _folded(recording, channels, result, advance)
    for chunk in _resampled(source, recording, sample_rate, channels):
        _write(chunk, out, result)
    _refuse_nothing(result)
    return result


def examine(
    recording: Recording,
    sample_rate: int,
    channels: int,
    advance: Callable[[float], None] = lambda seconds: None,
) -> Decoded:
    """As `decode`, for a recording that stays where it is: nothing is converted or written.

    Raises:
        UndecodableError: as `decode`, and where the file cannot be read from its middle.
    """
    result = Decoded()
    probe = _Probe(recording)
    for chunk in _folded(recording, channels, result, advance):
        probe.heard(chunk)
        _measure(np.clip(chunk, -1, 1), result)
    if result.source_frames:
        probe.check(channels)
    # soxr's own length, and rounded as it does.
    ratio = sample_rate / recording.sample_rate
    result.frames = int(result.source_frames * ratio + 0.5)
    result.energy *= ratio
    _refuse_nothing(result)
    return result


def _refuse_nothing(result: Decoded) -> None:
    if result.frames == 0:
        raise UndecodableError("holds no sound (0 frames)")
    if result.peak < _NOTHING:
        raise UndecodableError("only silence")


def _folded(
    recording: Recording, channels: int, result: Decoded, advance: Callable[[float], None]
) -> Iterator[Frames]:
    digest = hashlib.sha256(f"{recording.sample_rate} {recording.channels}\n".encode())
    rate = recording.sample_rate
    silence = _Silence(round(SILENCE_SECONDS * rate))
    try:
        with FrontToBack(recording.path) as file:
            result.note = _shortfall(file.extra_info, recording)
            size = max(1, _CHUNK // file.channels)
            while len(chunk := file.read(size, dtype="float32", always_2d=True)):
                if not np.isfinite(chunk).all():
                    raise UndecodableError("holds samples that are not numbers (NaN or infinity)")
                if (loudest := float(np.abs(chunk).max())) > _LOUDEST:
                    raise UndecodableError(
                        f"its samples reach {loudest:g} where full scale is 1; scale it"
                    )
                digest.update(chunk)
                result.clipped_samples += _clipped(chunk)
                result.source_frames += len(chunk)
                advance(len(chunk) / rate)
                folded = fold(chunk, channels)
                silence.heard(folded)
                yield folded
            promised = stated_frames(file)
    except soundfile.LibsndfileError as error:
        raise UndecodableError(f"damaged: {why_unreadable(error)}") from error
    result.digest = digest.hexdigest()
    result.silent_seconds = silence.frames / rate
    if result.source_frames < promised * 0.99 and not result.note:
        result.note = _cut_short(result.source_frames / rate, promised / rate)
    if silence.frames > _MOSTLY * result.source_frames and not result.note:
        result.note = (
            f"{silence.frames / rate:.1f} s of {result.source_frames / rate:.1f} s are silence"
        )


def _resampled(
    chunks: Iterator[Frames], recording: Recording, sample_rate: int, channels: int
) -> Iterator[Frames]:
    if recording.sample_rate == sample_rate:
        yield from chunks
        return
    stream = soxr.ResampleStream(recording.sample_rate, sample_rate, channels, quality="VHQ")
    for chunk in chunks:
        yield stream.resample_chunk(chunk)
    yield stream.resample_chunk(np.empty((0, channels), dtype=np.float32), last=True)


def to_int16(frames: Frames) -> npt.NDArray[np.int16]:
    """What a dataset keeps of samples from -1 to 1; beyond, they are limited."""
    return np.minimum(np.rint(np.clip(frames, -1.0, 1.0) * 32768.0), 32767).astype("<i2")


def _write(chunk: Frames, out: IO[bytes], result: Decoded) -> None:
    samples = to_int16(chunk)
    out.write(samples.tobytes())
    result.frames += len(samples)
    _measure(samples / 32768.0, result)


def _measure(frames: npt.NDArray[np.floating], result: Decoded) -> None:
    if frames.size:
        flat = frames.ravel().astype(np.float64, copy=False)
        result.energy += float(flat @ flat) / frames.shape[1]
        result.peak = max(result.peak, float(np.abs(flat).max()))


class _Silence:
    """Counts the frames of silence, in blocks that may begin anywhere in a chunk."""

    def __init__(self, block: int) -> None:
        self.frames = 0
        self._block = block
        self._rest = np.empty((0, 1), np.float32)

    def heard(self, chunk: Frames) -> None:
        loudest = np.abs(chunk).max(axis=1, keepdims=True) if chunk.shape[1] > 1 else np.abs(chunk)
        level = np.concatenate([self._rest, loudest])
        blocks = len(level) // self._block
        whole = level[: blocks * self._block].reshape(blocks, self._block)
        self.frames += self._block * int((whole.max(axis=1) < 10 ** (SILENCE_DB / 20)).sum())
        self._rest = level[blocks * self._block :]


class _Probe:
    """Compares what a file gives from a place far inside with what was there on the way through."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._position = 0
        self._start = 0
        self._expected = np.empty((0, 1), np.float32)

    def heard(self, chunk: Frames) -> None:
        middle = len(chunk) // 2
        self._start = self._position + middle
        self._expected = chunk[middle : middle + _PROBE].copy()
        self._position += len(chunk)

    def check(self, channels: int) -> None:
        try:
            with soundfile.SoundFile(libsndfile_name(self._recording.path)) as file:
                found = read(file, self._start, len(self._expected), channels)
                whole = stated_frames(file) == self._position
        except (soundfile.LibsndfileError, RuntimeError):
            whole = False
        if not (whole and np.allclose(found, self._expected, rtol=0, atol=_ROUNDING)):
            raise UndecodableError(
                "cannot be read from its middle; convert it to WAV, or leave out --lazy"
            )


def _clipped(chunk: Frames) -> int:
    """Samples in runs at full scale, all channels; a run across two chunks may count for less."""
    full = np.abs(chunk) >= 32767 / 32768
    if not full.any():
        return 0
    # Edges of the runs: +1 where one begins, -1 just behind its end.
    edges = np.diff(np.pad(full, ((1, 1), (0, 0))).astype(np.int8), axis=0).T
    lengths = np.argwhere(edges == -1)[:, 1] - np.argwhere(edges == 1)[:, 1]
    return int(lengths[lengths >= _CLIPPED_RUN].sum())


def _shortfall(extra_info: str, recording: Recording) -> str:
    """Say so where a WAV or AIFF file ends before its header says: a copy that broke off.

    libsndfile reads what is there and only mentions the difference in its log. Recorders that
    stream write the largest number there is as the length; that is no damage.
    """
    found = re.search(r"^\s*(?:data|SSND) : (\d+) \(should be (\d+)\)", extra_info, re.MULTILINE)
    if not found:
        return ""
    promised, present = int(found[1]), int(found[2])
    if promised >= 0x7FFF0000 or present >= promised:
        return ""
    return _cut_short(recording.seconds, recording.seconds * promised / max(1, present))


def _cut_short(present: float, promised: float) -> str:
    return f"cut short: {present:.1f} s of {promised:.1f} s are there, and are used"

"""Decodes one recording to mono 16-bit frames of the dataset's rate, in constant memory."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from timbrel.data.sources import FrontToBack, Recording, stated_frames, why_unreadable

_CHUNK = 1 << 17
"""Frames decoded at a time."""

_SILENCE = 10 ** (-80 / 20)
"""A recording that never rises above this is one of nothing."""

_CLIPPED_RUN = 3
"""Neighbouring samples at full scale that make clipping; one alone is a well-set level."""


class UndecodableError(Exception):
    """Why a recording that could be opened cannot be used."""


@dataclass
class Decoded:
    """What was written of one recording."""

    frames: int = 0
    energy: float = 0.0
    """Sum of squares, full scale being 1."""
    peak: float = 0.0
    clipped_samples: int = 0
    note: str = ""


def decode(
    recording: Recording,
    sample_rate: int,
    out: BinaryIO,
    advance: Callable[[float], None] = lambda seconds: None,
) -> Decoded:
    """Append a recording's frames, little-endian int16, to `out`.

    Args:
        recording: what to read.
        sample_rate: of what is written, in Hz.
        out: opened for writing; after an error it may have been written to.
        advance: told, in seconds of sound, how much more has been read.

    Raises:
        UndecodableError: it is damaged, silent, or holds what is no sound.
    """
    result = Decoded()
    try:
        with FrontToBack(recording.path) as file:
            result.note = _shortfall(file.extra_info, recording)
            for chunk in _resampled(_mono(file, result, advance), recording, sample_rate):
                _write(chunk, out, result)
    except soundfile.LibsndfileError as error:
        raise UndecodableError(f"damaged: {why_unreadable(error)}") from error
    if result.frames == 0:
        raise UndecodableError("holds no sound (0 frames)")
    if result.peak < _SILENCE:
        raise UndecodableError("only silence")
    return result


def _mono(
    file: soundfile.SoundFile, result: Decoded, advance: Callable[[float], None]
) -> Iterator[npt.NDArray[np.float32]]:
    read = 0
    while len(chunk := file.read(_CHUNK, dtype="float32", always_2d=True)):
        if not np.isfinite(chunk).all():
            raise UndecodableError("holds samples that are not numbers (NaN or infinity)")
        result.clipped_samples += _clipped(chunk)
        read += len(chunk)
        advance(len(chunk) / file.samplerate)
        yield chunk.mean(axis=1, dtype=np.float32)
    promised = stated_frames(file)
    if read < promised * 0.99 and not result.note:
        result.note = _cut_short(read / file.samplerate, promised / file.samplerate)


def _resampled(
    chunks: Iterator[npt.NDArray[np.float32]], recording: Recording, sample_rate: int
) -> Iterator[npt.NDArray[np.float32]]:
    if recording.sample_rate == sample_rate:
        yield from chunks
        return
    try:
        stream = soxr.ResampleStream(recording.sample_rate, sample_rate, 1, quality="VHQ")
    except (RuntimeError, ValueError) as error:
        raise UndecodableError(
            f"a rate of {recording.sample_rate} Hz cannot be converted"
        ) from error
    for chunk in chunks:
        yield stream.resample_chunk(chunk)
    yield stream.resample_chunk(np.empty(0, dtype=np.float32), last=True)


def _write(chunk: npt.NDArray[np.float32], out: BinaryIO, result: Decoded) -> None:
    if not len(chunk):
        return
    samples = np.clip(np.rint(chunk * 32768.0), -32768, 32767).astype("<i2")
    out.write(samples.tobytes())
    scaled = samples / 32768.0
    result.frames += len(samples)
    result.energy += float(scaled @ scaled)
    result.peak = max(result.peak, float(np.abs(scaled).max()))


def _clipped(chunk: npt.NDArray[np.float32]) -> int:
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

"""Frames from anywhere in a recording, as if all of it had been converted."""

import math
from pathlib import Path

import numpy as np
import soundfile
import soxr

from timbrel.data.channels import Frames, fold
from timbrel.data.sources import libsndfile_name

_LAST_PAGE = 1 << 18
"""Frames before the end of an Ogg file, in whose last page libsndfile may seek to a wrong place.

A page ends after 255 packets, a packet of Vorbis mostly holds 1024 frames.
"""

_RESERVOIR = 1 << 14
"""Frames of an MP3 before those that are wanted: its frames borrow bits from earlier ones."""

_REACH = 2048
"""Samples, at the lower of both rates, by which soxr's VHQ filter is given more than it needs."""


def excerpt(path: Path, sample_rate: int, channels: int, start: int, frames: int) -> Frames:
    """Frames ``(frames, channels)`` from `start` on, both counted at `sample_rate`.

    The file is decoded from shortly before to shortly behind; what comes differs from the whole
    conversion by the rounding of floats, and by less than 1e-4 where the rates have no small ratio
    (44,056 Hz to 44,100 Hz, say). Past the file's end there is silence.

    Raises:
        soundfile.LibsndfileError: the file cannot be read.
    """
    with soundfile.SoundFile(libsndfile_name(path)) as file:
        if file.samplerate == sample_rate:
            return _padded(read(file, start, frames, channels), frames)
        common = math.gcd(file.samplerate, sample_rate)
        # Only at whole multiples of these do samples of both rates coincide.
        step_in, step_out = file.samplerate // common, sample_rate // common
        reach = math.ceil(_REACH * max(1.0, file.samplerate / sample_rate))
        first = max(0, start // step_out - math.ceil(reach / step_in))
        end = math.ceil((start + frames) * file.samplerate / sample_rate) + reach
        source = read(file, first * step_in, end - first * step_in, channels)
        rate = file.samplerate
    if not len(source):
        return _padded(source, frames)
    converted = soxr.resample(source, rate, sample_rate, quality="VHQ")
    return _padded(converted[start - first * step_out :][:frames], frames)


def read(file: soundfile.SoundFile, start: int, frames: int, channels: int) -> Frames:
    """Frames from `start` on at the file's own rate; fewer where it ends."""
    begin = min(start, file.frames)
    if file.format == "OGG":
        begin = min(begin, max(0, file.frames - _LAST_PAGE))
    elif file.format == "MP3":
        begin = max(0, begin - _RESERVOIR)
    file.seek(begin)
    found = file.read(start - begin + frames, dtype="float32", always_2d=True)
    return fold(found[start - begin :], channels)


def _padded(found: Frames, frames: int) -> Frames:
    return np.pad(found, ((0, frames - len(found)), (0, 0))) if len(found) < frames else found

"""One recording as an array, for judging and listening; datasets are read by `AudioDataset`."""

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from timbrel.errors import UserError


def read_mono(path: Path, sample_rate: int) -> NDArray[np.float32]:
    """A sound file mixed to mono at `sample_rate`, ``(frames,)``, float32.

    Raises:
        UserError: when the file is missing or not readable as audio.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise UserError(f"{path}: not readable as audio ({error.error_string})") from None
    mono = samples.mean(axis=1, dtype=np.float32)
    if rate != sample_rate:
        mono = soxr.resample(mono, rate, sample_rate, quality="VHQ")
    return np.asarray(mono, dtype=np.float32)

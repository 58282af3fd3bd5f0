"""What comes out of a model, written as it comes."""

from pathlib import Path
from typing import BinaryIO, Protocol, Self

import numpy as np
import soundfile

from timbrel.errors import UserError
from timbrel.rendering.settings import SoundFormat
from timbrel.rendering.sources import Audio, UnusableError

_FLAC_CHANNELS = 8
"""As many as its format knows."""

_WAV_BYTES = 4_000_000_000
"""Beyond these, the sizes in a WAV file's header overflow; RF64 is the same with larger ones."""

_NO_PEAK_CHUNK = 0x1050
"""libsndfile's SFC_SET_ADD_PEAK_CHUNK."""

_HEADER = 256
"""Bytes of a `.npy` file before its data: more than the largest shape needs."""


class Sink(Protocol):
    """An output that is being written.

    Attributes:
        clipped: samples beyond what the format holds.
        form: what it is, in words.
    """

    clipped: int

    @property
    def form(self) -> str: ...

    def write(self, chunk: Audio) -> None:
        """Append ``(channels, frames)``."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


class SoundSink:
    """A sound file.

    Args:
        path: where to write.
        name: what to call the file when it cannot be written.
        rate: Hz.
        channels: of the file.
        format: of the file.
        frames: how many to expect; a hint.
    """

    def __init__(
        self, path: Path, name: Path, rate: int, channels: int, format: SoundFormat, frames: int
    ) -> None:
        if format is SoundFormat.FLAC and channels > _FLAC_CHANNELS:
            raise UnusableError(
                f"FLAC holds {_FLAC_CHANNELS} channels at most, not {channels}; use --format wav"
            )
        self._name = name
        self._full_scale = np.inf if format is SoundFormat.FLOAT else 1.0
        self.clipped = 0
        width = 4 if format is SoundFormat.FLOAT else 3
        container = "RF64" if frames * channels * width > _WAV_BYTES else "WAV"
        try:
            self._file = soundfile.SoundFile(
                path,
                "w",
                rate,
                channels,
                "FLOAT" if format is SoundFormat.FLOAT else "PCM_24",
                format="FLAC" if format is SoundFormat.FLAC else container,
            )
        except soundfile.LibsndfileError as error:
            raise UserError(f"{name}: cannot be written ({error.error_string})") from error
        if format is SoundFormat.FLOAT:
            # The chunk holds the time of day: no rendering would equal another to the byte.
            soundfile._snd.sf_command(
                self._file._file, _NO_PEAK_CHUNK, soundfile._ffi.NULL, soundfile._snd.SF_FALSE
            )

        self.form = f"{channels} channel{'' if channels == 1 else 's'} at {rate} Hz"

    def write(self, chunk: Audio) -> None:
        self.clipped += int((np.abs(chunk) > self._full_scale).sum())
        try:
            self._file.write(np.ascontiguousarray(chunk.T))
        except soundfile.LibsndfileError as error:
            raise self._unwritable() from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._file.close()
        except soundfile.LibsndfileError as error:
            raise self._unwritable() from error

    def _unwritable(self) -> UserError:
        # libsndfile keeps the system's own reason to itself.
        return UserError(
            f"{self._name}: cannot be written any further; is there space left on the disk?"
        )


class LatentSink:
    """A `.npy` file of latents, float32: ``(latents, frames)``, with examples before where many.

    Stored frame after frame (in numpy's terms, in Fortran order), so that it can be written without
    knowing how many there will be.
    """

    def __init__(self, path: Path, examples: int, latents: int) -> None:
        self._file: BinaryIO = path.open("wb")
        self._examples, self._latents = examples, latents
        self._frames = 0
        self.clipped = 0
        self._file.write(bytes(_HEADER))

    @property
    def form(self) -> str:
        return f"array of shape {self._shape}"

    def write(self, chunk: Audio) -> None:
        frames = chunk.reshape(self._examples, self._latents, -1)
        self._file.write(np.ascontiguousarray(frames.T, dtype="<f4").tobytes())
        self._frames += frames.shape[-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._file as file:
            file.seek(0)
            file.write(self._header())

    @property
    def _shape(self) -> tuple[int, ...]:
        shape = (self._latents, self._frames)
        return (self._examples, *shape) if self._examples > 1 else shape

    def _header(self) -> bytes:
        about = repr({"descr": "<f4", "fortran_order": True, "shape": self._shape}).encode()
        start = np.lib.format.magic(1, 0)
        length = _HEADER - len(start) - 2
        return start + length.to_bytes(2, "little") + about.ljust(length - 1) + b"\n"

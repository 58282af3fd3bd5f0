"""What goes into a model: sound of any rate, or latents, in chunks of what the engine takes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from timbrel.data.sources import FrontToBack, stated_frames, why_not_audio, why_unreadable

Audio = NDArray[np.float32]
"""``(channels, frames)``."""

_CHUNK = 1 << 16
"""Samples read at a time."""


class UnusableError(Exception):
    """Why one input cannot be rendered; the others can."""


class Source(Protocol):
    """An opened input.

    Attributes:
        channels: of all examples together.
        examples: how many instances of the model it needs.
        rate: samples per second of what `chunks` gives, or would give if it were not converted.
        expected: how many samples there are, as its header says; 0 where it does not.
        samples: given so far, counted at `rate` as `expected` is.
        finished: whether `chunks` has come to its end.
        notes: what a user should know about it.
    """

    channels: int
    examples: int
    rate: int
    expected: int
    samples: int
    finished: bool
    notes: list[str]

    def chunks(self, rate: int) -> Iterator[Audio]:
        """The samples ``(channels, n)`` as an object in a patch gets them, at `rate`."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


class SoundSource:
    """A recording, each `in_channels` neighbouring channels of which are one example."""

    def __init__(self, path: Path, in_channels: int) -> None:
        try:
            self._file = FrontToBack(path)
        except soundfile.LibsndfileError as error:
            raise UnusableError(why_not_audio(path, error)) from error
        except TypeError as error:  # soundfile's way to ask for what a header would say
            raise UnusableError("samples without a header; convert them to WAV") from error
        found = self._file.channels
        if found % in_channels and found != 1:
            self._file.close()
            raise UnusableError(f"has {found} channels; the method takes {in_channels}")
        self._wrapped = in_channels if found == 1 else 1
        self.channels = found * self._wrapped
        self.examples = self.channels // in_channels
        self.rate: int = self._file.samplerate
        self.expected: int = stated_frames(self._file)
        self.samples = 0
        self.finished = False
        self.notes: list[str] = []
        self._not_numbers = 0
        if found < in_channels:
            self.notes.append(f"mono, given to all {in_channels} channels")

    def chunks(self, rate: int) -> Iterator[Audio]:
        """Reads, and converts where `rate` is another."""
        chunks = self._read()
        yield from chunks if rate == self.rate else converted(chunks, self.rate, rate)

    def _read(self) -> Iterator[Audio]:
        try:
            while len(frames := self._file.read(_CHUNK, dtype="float32", always_2d=True)):
                self.samples += len(frames)
                yield np.tile(self._numbers(frames).T, (self._wrapped, 1))
        except soundfile.LibsndfileError as error:
            raise UnusableError(f"damaged: {why_unreadable(error)}") from error
        if self._not_numbers:
            self.notes.append(f"{self._not_numbers} samples that are not numbers became 0")
        if self.samples < 0.99 * self.expected:
            present, promised = (n / self.rate for n in (self.samples, self.expected))
            self.notes.append(f"cut short: {present:.1f} s of {promised:.1f} s are there")
        self.finished = True

    def _numbers(self, frames: Audio) -> Audio:
        """Without NaN and infinity, which a resampler would spread over their neighbours."""
        wrong = ~np.isfinite(frames)
        if wrong.any():
            self._not_numbers += int(wrong.sum())
            frames[wrong] = 0
        return frames

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class LatentSource:
    """Latents in a `.npy` file, ``(latents, frames)`` or ``(examples, latents, frames)``."""

    def __init__(self, path: Path, in_channels: int, ratio: int, rate: int) -> None:
        try:
            stored = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise UnusableError(
                "not readable as latents (a .npy file of numbers is needed)"
            ) from error
        if not isinstance(stored, np.ndarray) or stored.dtype.kind not in "fiu":
            raise UnusableError("holds no array of real numbers")
        if stored.ndim not in (2, 3) or stored.shape[-2] != in_channels:
            raise UnusableError(
                f"has shape {stored.shape}; the method takes ({in_channels}, frames), or "
                f"(examples, {in_channels}, frames)"
            )
        self._examples = stored if stored.ndim == 3 else stored[None]
        self._ratio = ratio
        self.examples = len(self._examples)
        self.channels = self.examples * in_channels
        self.rate = rate
        self.expected: int = stored.shape[-1] * ratio
        self.samples = 0
        self.finished = False
        self.notes: list[str] = []

    def chunks(self, rate: int) -> Iterator[Audio]:
        """Each value, held for as many samples as one frame lasts."""
        step = max(1, _CHUNK // self._ratio)
        for start in range(0, self._examples.shape[-1], step):
            part = np.asarray(self._examples[..., start : start + step], dtype=np.float32)
            held = np.repeat(part.reshape(self.channels, -1), self._ratio, axis=1)
            self.samples += held.shape[1]
            yield held
        self.finished = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held open: the array lives as long as it is used."""


def converted(chunks: Iterator[Audio], from_rate: int, to_rate: int) -> Iterator[Audio]:
    """The same sound at another rate, without a delay of its own."""
    stream = None
    for chunk in chunks:
        if stream is None:
            try:
                stream = soxr.ResampleStream(from_rate, to_rate, len(chunk), quality="VHQ")
            except (RuntimeError, ValueError) as error:
                raise UnusableError(
                    f"a rate of {from_rate} Hz cannot be converted to {to_rate} Hz"
                ) from error
            channels = len(chunk)
        yield np.ascontiguousarray(stream.resample_chunk(chunk.T.copy()).T)
    if stream is not None:
        end = np.empty((0, channels), dtype=np.float32)
        yield np.ascontiguousarray(stream.resample_chunk(end, last=True).T)

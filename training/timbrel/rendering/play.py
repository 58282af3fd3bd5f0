"""Chunks of any length through a stream of the engine, and its latency taken out."""

from collections.abc import Callable, Iterator

import numpy as np

from timbrel.engine import Stream
from timbrel.rendering.sources import Audio, UnusableError

_CHUNK = 1 << 16
"""Samples played at a time, at least: few calls, and little memory."""


class Player:
    """One input's way through a model.

    Args:
        stream: a fresh one. It is laid out so that cutting into blocks costs no latency: nobody
            listens, so there is nobody to be late for.
        rate: of the model, in Hz.
        align: take the model's latency out; otherwise the output begins with it.
    """

    def __init__(self, stream: Stream, rate: int, *, align: bool) -> None:
        stream.prepare(rate, stream.buffer, slack=0)
        self._stream = stream
        self._ratio = stream.method.out_ratio
        # To the nearest frame, where frames are latents.
        latency = (stream.latency.total + self._ratio // 2) // self._ratio
        self._skipped = latency if align else 0
        self._added = latency

    @property
    def frames_added(self) -> int:
        """By how many frames an output that is not aligned is longer."""
        return self._added - self._skipped

    def frames_of(self, samples: int) -> int:
        """How many frames come out for so many samples: one for each group that has begun."""
        return -(-samples // self._ratio) + self.frames_added

    def play(self, chunks: Iterator[Audio]) -> Iterator[Audio]:
        """Gives ``(examples * out_channels, frames)``, a frame per `out_ratio` samples.

        Raises:
            UnusableError: when the model fails.
        """
        samples = fed = skipped = 0
        block = self._stream.buffer
        unit = -(-_CHUNK // block) * block
        waiting: list[Audio] = []
        channels = 0
        for chunk in chunks:
            waiting.append(chunk)
            channels = len(chunk)
            samples += chunk.shape[1]
            if samples - fed >= unit:
                joined = np.concatenate(waiting, axis=1)
                whole = joined.shape[1] // unit * unit
                waiting = [joined[:, whole:]]
                fed += whole
                out = self._process(joined[:, :whole])
                skip = min(self._skipped - skipped, out.shape[1])
                skipped += skip
                yield out[:, skip:]
        if not samples:
            return
        # What follows the end brings out what the model still holds back.
        due = self.frames_of(samples) + self._skipped
        left = due * self._ratio - fed
        silence = -(-left // block) * block - (samples - fed)
        rest = np.concatenate([*waiting, np.zeros((channels, silence), np.float32)], axis=1)
        done = fed // self._ratio
        out = self._process(rest)[:, : due - done]
        yield out[:, self._skipped - skipped :]

    def _process(self, samples: Audio) -> Audio:
        out = self._stream.process_blocking(samples)
        if error := self._stream.poll_error():
            raise UnusableError(error)
        return out[:, :: self._ratio]


def fitted(chunks: Iterator[Audio], length: Callable[[], int | None]) -> Iterator[Audio]:
    """Exactly as many frames as `length` says, once it knows; resampling may be one off."""
    written = 0
    for chunk in chunks:
        whole = length()
        part = chunk if whole is None else chunk[:, : max(0, whole - written)]
        written += part.shape[1]
        yield part
        channels = len(chunk)
    missing = (length() or 0) - written
    if written and missing > 0:
        yield np.zeros((channels, missing), np.float32)

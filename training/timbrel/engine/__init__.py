"""The engine that plays models in Pure Data and Max, from Python: for tests, rendering, benchmarks.

What is heard here is what an object in a patch plays: the same library, the same blocks, the same
latency.

    model = Model("tabla.ts")
    stream = Stream(model, "forward")
    stream.prepare(sample_rate=44100, vector_size=64)
    heard = stream.process_blocking(recording)  # (channels, frames) in and out
    aligned = heard[:, stream.latency.total :]
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from timbrel.engine import _native

__all__ = ["Latency", "Method", "Model", "Statistics", "Stream", "torch_version", "version"]

SMALLEST_DEFAULT_BUFFER = 2048
"""A default buffer is the smallest multiple of a model's highest ratio that is not below this."""


@dataclass(frozen=True)
class Method:
    """One method of a model.

    It makes (batch, out_channels, n / out_ratio) of (batch, in_channels, n / in_ratio).

    `latency` is the model's own delay in samples, 0 where the file states none. A label is empty
    where the file has none.
    """

    name: str
    in_channels: int
    in_ratio: int
    out_channels: int
    out_ratio: int
    latency: int
    input_labels: list[str]
    output_labels: list[str]


@dataclass(frozen=True)
class Latency:
    """Delay in samples: what cutting into blocks costs, and what the model itself states."""

    buffer: int
    model: int

    @property
    def total(self) -> int:
        return self.buffer + self.model


@dataclass(frozen=True)
class Statistics:
    """Counts since a stream was made; times are of the last 1024 blocks.

    `late` blocks were not ready when their turn came, `skipped` ones were never computed, in
    `failed` ones the model raised an error, `non_finite` samples were NaN or infinite and became 0.
    `load` is the median inference time as a fraction of what a block lasts.
    """

    blocks: int
    late: int
    skipped: int
    failed: int
    non_finite: int
    median_ms: float
    p99_ms: float
    max_ms: float
    block_ms: float
    load: float


class Model:
    """A model file, verified and loaded.

    Attributes:
        name: from the file's metadata, else the file's name without extension.
        metadata: the file's `timbrel.json` as text, empty where there is none.
        sample_rate: in Hz, 0 where the file does not say.
        max_ratio: the highest ratio over all methods, or the least common multiple of all where
            that is more; a buffer is a multiple of it.
        methods: by name.
        attributes: names of what can be set in the model.
        default_buffer: what a patch gets that asks for none.

    Raises:
        UserError: when the file is missing, damaged, or not a model.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._native = _native.Model(os.fspath(path))
        self.name: str = self._native.name
        self.metadata: str = self._native.metadata
        self.sample_rate: float = self._native.sample_rate
        self.max_ratio: int = self._native.max_ratio
        self.methods: dict[str, Method] = {m[0]: Method(*m) for m in self._native.methods}
        self.attributes: list[str] = self._native.attributes

    @property
    def default_buffer(self) -> int:
        return -(-SMALLEST_DEFAULT_BUFFER // self.max_ratio) * self.max_ratio


class Stream:
    """One instance of a model, with streaming state of its own, played block by block.

    Args:
        model: what to play; a path works, too.
        method: one of the model's methods.
        buffer: samples per block, rounded up to a multiple of the model's highest ratio (see
            `buffer`); by default the smallest such multiple that is at least 2048. 0: every block
            is computed inside the call that completes it, for `process_blocking` only.
        batch: parallel examples, whose channels follow each other in the arrays.

    Raises:
        UserError: when the model has no such method, or its block cannot be computed.
    """

    def __init__(
        self,
        model: Model | str | os.PathLike[str],
        method: str = "forward",
        buffer: int | None = None,
        batch: int = 1,
    ) -> None:
        self.model = model if isinstance(model, Model) else Model(model)
        self._native = _native.Stream(self.model._native, method, buffer, batch)
        self.method = self.model.methods[method]

    @property
    def buffer(self) -> int:
        """Samples per block, after rounding."""
        return self._native.buffer

    def prepare(
        self,
        sample_rate: float,
        vector_size: int,
        *,
        varies: bool = False,
        slack: int | None = None,
    ) -> None:
        """Fixes the layout, and with it the latency.

        Args:
            sample_rate: Hz.
            vector_size: frames per call of the engine; `process` cuts longer arrays into these.
            varies: calls may bring any number of frames up to `vector_size`.
            slack: samples given to inference, by default max(buffer, vector_size).
        """
        self._native.prepare(sample_rate, vector_size, varies, slack)

    def process(self, samples: ArrayLike) -> NDArray[np.float32]:
        """Plays as an audio thread does: never waits; what is not ready in time is faded over.

        Args:
            samples: (batch * in_channels, frames).

        Returns:
            (batch * out_channels, frames), delayed by `latency`.
        """
        return self._native.process(np.asarray(samples, dtype=np.float32), False)

    def process_blocking(self, samples: ArrayLike) -> NDArray[np.float32]:
        """The same, but waits for every block: complete, and identical from run to run."""
        return self._native.process(np.asarray(samples, dtype=np.float32), True)

    @property
    def enabled(self) -> bool:
        """Whether the model is fed and heard; where not, the outputs are zero."""
        return self._native.enabled

    @enabled.setter
    def enabled(self, enabled: bool) -> None:
        self._native.enabled = enabled

    def reset(self) -> None:
        """Begins anew with the next call: streaming state as in the file, buffers empty."""
        self._native.reset()

    @property
    def latency(self) -> Latency:
        return Latency(*self._native.latency())

    @property
    def stats(self) -> Statistics:
        return Statistics(*self._native.stats())

    def poll_error(self) -> str | None:
        """The line of an error that the model raised and that was not fetched yet."""
        return self._native.poll_error()


def version() -> str:
    """Of the engine."""
    return _native.version()


def torch_version() -> str:
    """Of the libtorch inside the engine."""
    return _native.torch_version()

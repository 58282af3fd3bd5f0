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
import time
from collections import deque
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from timbrel.engine import _native
from timbrel.errors import UserError

__all__ = [
    "Attribute",
    "Buffer",
    "ElementType",
    "Event",
    "Latency",
    "Message",
    "Method",
    "Model",
    "Statistics",
    "Stream",
    "messages",
    "torch_version",
    "version",
]

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


class ElementType(Enum):
    """What an element of an attribute holds."""

    BOOL = 0
    INT = 1
    FLOAT = 2
    STRING = 3
    TENSOR = 4
    BUFFER = 5


@dataclass(frozen=True)
class Attribute:
    """What can be set in a model; `elements` is empty where the file does not say."""

    name: str
    elements: list[ElementType]


@dataclass(frozen=True)
class Buffer:
    """What a host's buffer holds: `samples` of shape (channels, frames), rate in Hz."""

    name: str
    samples: NDArray[np.float32]
    sample_rate: float


@dataclass(frozen=True)
class Event:
    """What a stream has to say.

    The `selector` is "error" or "notice" for one line to a person; others answer messages.
    """

    selector: str
    values: list[float | str]

    def __str__(self) -> str:
        return " ".join(str(value) for value in self.values)


@dataclass(frozen=True)
class Message:
    """One row of the table of what an object in a patch understands."""

    name: str
    arguments: str
    does: str


@dataclass(frozen=True)
class Latency:
    """Delay in samples: of cutting into blocks, of the model itself, of converting its rate."""

    buffer: int
    model: int
    resampling: int

    @property
    def total(self) -> int:
        return self.buffer + self.model + self.resampling


@dataclass(frozen=True)
class Statistics:
    """Counts since a stream was made; times are of the last 1024 blocks.

    `late` blocks were not ready when their turn came, `skipped` ones were never computed, in
    `failed` ones the model raised an error, `non_finite` samples were NaN or infinite and became 0.
    `swaps` counts models that took over from another.
    `load` is the median inference time as a fraction of what a block lasts.
    """

    blocks: int
    late: int
    skipped: int
    failed: int
    non_finite: int
    swaps: int
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
        attributes: what can be set in the model, by name.
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
        self.attributes: dict[str, Attribute] = {
            name: Attribute(name, [ElementType(element) for element in elements])
            for name, elements in self._native.attributes
        }

    @property
    def default_buffer(self) -> int:
        return -(-SMALLEST_DEFAULT_BUFFER // self.max_ratio) * self.max_ratio


class Stream:
    """What an object in a patch plays: a model block by block, another one when it is told to.

    Args:
        model: what to play; a path works, too. None: nothing yet, until `send("load", path)`.
        method: one of the model's methods.
        buffer: samples per block, rounded up to a multiple of the model's highest ratio (see
            `buffer`); by default the smallest such multiple that is at least 2048. 0: every block
            is computed inside the call that completes it, for `process_blocking` only.
        batch: parallel examples, whose channels follow each other in the arrays.
        inlets: channels per example that go in, by default those of the method.
        outlets: channels per example that come out, likewise.

    Raises:
        UserError: when the model has no such method, or its block cannot be computed.
    """

    def __init__(
        self,
        model: Model | str | os.PathLike[str] | None,
        method: str = "forward",
        buffer: int | None = None,
        batch: int = 1,
        *,
        inlets: int | None = None,
        outlets: int | None = None,
    ) -> None:
        if model is not None and not isinstance(model, Model):
            model = Model(model)
        shape = model.methods.get(method) if model else None
        if inlets is None:
            inlets = shape.in_channels if shape else 1
        if outlets is None:
            outlets = shape.out_channels if shape else 1
        self._native = _native.Stream(inlets, outlets, batch)
        self._events: deque[Event] = deque()
        self._offline = False
        if model:
            self._native.open(model._native, method, buffer)

    @property
    def playing(self) -> tuple[str, Method] | None:
        """The model's name and its method; None where there is nothing yet."""
        playing = self._native.playing
        return (playing[0], Method(*playing[1])) if playing else None

    @property
    def method(self) -> Method:
        """The method that is played.

        Raises:
            UserError: when no model is.
        """
        if (playing := self.playing) is None:
            raise UserError("the stream plays no model yet")
        return playing[1]

    def send(self, selector: str, *values: float | str | Buffer) -> None:
        """Sends a message as a patch does; `messages` lists them.

        Returns at once: what comes of it is told by `events`.

        Raises:
            UserError: when the message is not understood.
        """
        self._native.send(
            selector,
            *(
                (value.name, np.atleast_2d(value.samples), value.sample_rate)
                if isinstance(value, Buffer)
                else value
                for value in values
            ),
        )

    @property
    def busy(self) -> bool:
        """Whether messages are still being carried out."""
        return self._native.busy

    def settle(self) -> None:
        """Waits until all messages have been carried out."""
        while self.busy:
            time.sleep(0.001)

    def events(self) -> list[Event]:
        """What the stream has said since it was last asked."""
        self._collect()
        events = list(self._events)
        self._events.clear()
        return events

    def ask(self, selector: str, *values: float | str) -> list[Event]:
        """Sends a message, waits for what comes of it, and returns what was said since."""
        self.send(selector, *values)
        self.settle()
        return self.events()

    def poll_error(self) -> str | None:
        """The next error that was not fetched yet; other events stay."""
        self._collect()
        error = next((event for event in self._events if event.selector == "error"), None)
        if error is None:
            return None
        self._events.remove(error)
        return str(error)

    def _collect(self) -> None:
        while (event := self._native.event()) is not None:
            self._events.append(Event(*event))

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
        if slack is not None:
            self.send("slack", 1000 * slack / sample_rate)
            self.settle()
        self._native.prepare(sample_rate, vector_size, varies)

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

    @property
    def offline(self) -> bool:
        """Whether `process_blocking` also waits for what messages asked for before the call."""
        return self._offline

    @offline.setter
    def offline(self, offline: bool) -> None:
        self._offline = offline
        self._native.set_offline(offline)


def messages() -> list[Message]:
    """All that an object in a patch understands, in the order in which it is best explained."""
    return [Message(*row) for row in _native.messages()]


def version() -> str:
    """Of the engine."""
    return _native.version()


def torch_version() -> str:
    """Of the libtorch inside the engine."""
    return _native.torch_version()

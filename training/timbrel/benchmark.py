"""What a model costs on this machine, and which buffer it needs to keep up.

The engine itself measures how long its worker takes for a block, as for the `stats` of an object;
what is fed is noise, back to back. Times depend on the machine and on what else it does.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from timbrel.engine import Latency, Model, Stream
from timbrel.errors import UserError

BLOCKS = 300
"""Measured per buffer: enough for a 99th percentile that one hiccup does not decide."""

MARGIN = 1.5
"""A buffer is safe when this many times its 99th percentile fits into what a block lasts: a patch
has other things to do, and finds its caches cold."""

LARGEST_BUFFER = 1 << 16
"""Samples; above a second of latency there is nothing to be played."""

_PROBE = 16
"""Blocks after which a buffer that is far too small is given up."""

Advance = Callable[[int, int], None]
"""Told, for a buffer, how many of `BLOCKS` blocks are measured."""


@dataclass(frozen=True)
class Measured:
    """One buffer; times in ms per block."""

    buffer: int
    blocks: int
    block_ms: float
    median_ms: float
    p99_ms: float
    max_ms: float
    latency: Latency

    @property
    def real_time_factor(self) -> float:
        """How many times faster than real time the median block is computed."""
        return self.block_ms / self.median_ms

    @property
    def safe(self) -> bool:
        return self.blocks == BLOCKS and MARGIN * self.p99_ms <= self.block_ms


@dataclass(frozen=True)
class Benchmark:
    """All buffers that were measured, the smallest first.

    Attributes:
        default: the buffer that a patch has by default.
        smallest_safe: the smallest that is safe and not below the host's vector; None where not
            even `LARGEST_BUFFER` is.
    """

    measured: list[Measured]
    default: Measured
    smallest_safe: Measured | None


def benchmark(
    model: Model,
    method: str = "forward",
    *,
    rate: float,
    vector: int = 64,
    advance: Advance = lambda buffer, blocks: None,
) -> Benchmark:
    """Measures the default buffer, and finds the smallest safe one.

    Candidates are the multiples of the model's highest ratio from the host's vector on (a smaller
    buffer gains no latency). Their number doubles until one is safe; what lies between that and the
    last that is not is halved until they are neighbours.

    Args:
        model: an opened one.
        method: of the model.
        rate: at which it plays, in Hz.
        vector: frames per call of the host.
        advance: told how far it is.

    Raises:
        UserError: the model has no such method, or it fails.
    """
    results: dict[int, Measured] = {}

    def measure(units: int) -> Measured:
        buffer = units * model.max_ratio
        if buffer not in results:
            results[buffer] = _measure(model, method, buffer, rate, vector, advance)
        return results[buffer]

    default = measure(model.default_buffer // model.max_ratio)
    smallest = _smallest_safe(measure, -(-vector // model.max_ratio), model.max_ratio)
    return Benchmark([results[buffer] for buffer in sorted(results)], default, smallest)


def _smallest_safe(measure: Callable[[int], Measured], first: int, unit: int) -> Measured | None:
    below, units = first - 1, first
    while not measure(units).safe:
        below, units = units, 2 * units
        if units * unit > max(LARGEST_BUFFER, first * unit):
            return None
    while units - below > 1:
        middle = (below + units) // 2
        if measure(middle).safe:
            units = middle
        else:
            below = middle
    return measure(units)


def _measure(
    model: Model, method: str, buffer: int, rate: float, vector: int, advance: Advance
) -> Measured:
    stream = Stream(model, method, buffer)
    stream.prepare(rate, vector)
    generator = np.random.default_rng(0)
    channels = stream.method.in_channels
    block_ms = 1000 * buffer / rate
    advance(buffer, 0)
    for done in range(_PROBE, BLOCKS + _PROBE, _PROBE):
        noise = 0.1 * generator.standard_normal((channels, _PROBE * buffer), dtype=np.float32)
        stream.process_blocking(noise)
        if error := stream.poll_error():
            raise UserError(error)
        advance(buffer, min(done, BLOCKS))
        if done == _PROBE and stream.stats.median_ms > block_ms:
            break
    stats = stream.stats
    return Measured(
        buffer,
        min(stats.blocks, BLOCKS),
        block_ms,
        stats.median_ms,
        stats.p99_ms,
        stats.max_ms,
        stream.latency,
    )

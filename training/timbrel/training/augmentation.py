"""What is done to a crop before it is learned from; `x` is ``(channels, samples)``, float32.

Every function takes its chance from the generator that it is given, and all channels alike.
"""

import numpy as np
import soxr
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.signal import lfilter

Audio = NDArray[np.float32]


def dequantise(x: Audio, rng: Generator) -> Audio:
    """Adds uniform noise from 0 to 2⁻¹⁶, half a step of 16-bit audio, as the authors do."""
    return (x + rng.uniform(0.0, 2.0**-16, x.shape)).astype(np.float32)


def random_allpass(x: Audio, sample_rate: int, rng: Generator) -> Audio:
    """Rotates phases around a random frequency: the ear hears nothing, the waveform is another.

    A second-order all-pass with pole radius 0.99 and its angle log-uniform in 20-2000 Hz.
    """
    radius = 0.99
    frequency = np.exp(rng.uniform(np.log(20.0), np.log(2000.0)))
    angle = 2 * np.pi * frequency / sample_rate
    poles = np.array([1.0, -2 * radius * np.cos(angle), radius**2])
    return np.asarray(lfilter(poles[::-1], poles, x), dtype=np.float32)


def random_gain(x: Audio, range_db: float, rng: Generator) -> Audio:
    """Louder or softer by up to `range_db`, but never so loud that it clips."""
    gain = 10 ** (rng.uniform(-range_db, range_db) / 20)
    peak = float(np.abs(x).max(initial=0.0))
    return (x * min(gain, 1 / peak if peak > 0 else gain)).astype(np.float32)


def random_compression(x: Audio, sample_rate: int, rng: Generator) -> Audio:
    """Evens out loudness: every dB of level, followed over 20 ms, becomes 1/2 to 1/8 of one.

    The loudest moment keeps its level; silence stays silent.
    """
    slope = 1 / rng.uniform(2.0, 8.0)
    forget = float(np.exp(-1 / (0.02 * sample_rate)))
    power = lfilter([1 - forget], [1, -forget], np.mean(np.square(x, dtype=np.float64), axis=0))
    level = np.sqrt(np.maximum(power, 0))
    loudest = float(level.max(initial=0.0))
    if loudest == 0:
        return x
    # Below -60 dB of the loudest the gain stays what it is there: noise is not pulled up further.
    relative = np.maximum(level / loudest, 1e-3)
    compressed = x * relative ** (slope - 1)
    peak = float(np.abs(x).max())
    return (compressed * (peak / max(np.abs(compressed).max(), peak))).astype(np.float32)


def random_speed(range_cents: float, rng: Generator) -> float:
    """A playing speed within `range_cents` of one: pitch and tempo change together."""
    return float(2 ** (rng.uniform(-range_cents, range_cents) / 1200))


def at_speed(x: Audio, speed: float, samples: int) -> Audio:
    """The first `samples` of `x` played at `speed`; `x` must have `speed * samples` and a few."""
    y = soxr.resample(x.T, speed, 1.0, quality="HQ").T
    return np.ascontiguousarray(y[:, :samples], dtype=np.float32)

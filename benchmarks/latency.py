"""The latency that the engine states, beside the one that is heard."""

from dataclasses import dataclass

import numpy as np
from scipy.signal import correlate
from subjects import RATE, Subject, noise

from timbrel.engine import Stream

#: Buffer and vector size in samples: Pd's vector, a vector that divides nothing, a vector larger
#: than the buffer, and a buffer that is no power of two.
LAYOUTS = [(2048, 64), (4096, 64), (2048, 441), (512, 1024), (96, 64), (0, 64)]


@dataclass(frozen=True)
class Measured:
    """Samples between what goes in and what comes out."""

    buffer: int
    vector: int
    stated: int
    heard: int


def latency(subject: Subject, buffer: int, vector: int) -> Measured:
    """Finds the delay of noise that a model gives back, by cross-correlation."""
    stream = Stream(subject.path, buffer=buffer)
    stream.prepare(RATE, vector)
    stated = stream.latency.total
    x = noise(4 * (stated + vector))
    y = stream.process_blocking(x)
    heard = int(np.argmax(np.abs(correlate(y[0], x[0], method="fft")))) - (x.shape[1] - 1)
    return Measured(buffer, vector, stated, heard)

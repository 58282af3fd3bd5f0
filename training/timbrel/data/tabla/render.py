"""Turns timed strokes into sound."""

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import zip_longest

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, resample_poly, sosfilt

from timbrel.data.tabla.strokes import SAMPLE_RATE, load
from timbrel.data.tabla.tala import Event

OPEN_RELEASE = 0.09
DAMPED_RELEASE = 0.012
"""Seconds in which a drum's last stroke dies when the skin is struck again, or is covered."""

RUMBLE = 25.0
"""Hz. Below it the recordings hold offset and handling noise, which no loudspeaker plays."""


@lru_cache(maxsize=256)
def tuned(stroke: str, cents: int) -> npt.NDArray[np.float64]:
    """A stroke's samples, `(frames,)`, at another pitch (and so a little shorter or longer)."""
    samples = load(stroke).copy()
    # Some recordings begin or end away from zero; at these slopes that is no longer a click.
    samples[:16] *= np.linspace(0.0, 1.0, 16)
    fade = min(len(samples) // 4, int(0.005 * SAMPLE_RATE))
    samples[-fade:] *= np.linspace(1.0, 0.0, fade)
    if cents:
        # Within 0.5 cents of the wanted pitch, and exact arithmetic on every machine.
        ratio = Fraction(2.0 ** (-cents / 1200)).limit_denominator(400)
        samples = resample_poly(samples, ratio.numerator, ratio.denominator)
    samples.setflags(write=False)
    return samples


def render(
    events: Sequence[Event], seconds: float, peak_db: float, rng: np.random.Generator
) -> npt.NDArray[np.int16]:
    """The sound of `events` (in order of time), shape `(frames,)`.

    The two drums ring into one another; a new stroke takes over the drum it falls on.

    Args:
        events: what is played.
        seconds: length; what still rings at the end is faded out.
        peak_db: level of the highest sample, in dB of full scale.
        rng: source of the room's noise.
    """
    frames = round(seconds * SAMPLE_RATE)
    mix = np.zeros(frames)
    for drum in ("dayan", "bayan"):
        voices = [event for event in events if event.drum == drum]
        for event, following in zip_longest(voices, voices[1:]):
            start = round(event.seconds * SAMPLE_RATE)
            sound = tuned(event.stroke, event.cents)[: max(0, frames - start)]
            if following is not None:
                sound = _choked(sound, following, following.seconds - event.seconds)
            mix[start : start + len(sound)] += sound * 10.0 ** (event.gain_db / 20)
    mix = sosfilt(butter(2, RUMBLE, "highpass", fs=SAMPLE_RATE, output="sos"), mix)
    fade = min(frames // 4, SAMPLE_RATE // 10)
    mix[frames - fade :] *= np.linspace(1.0, 0.0, fade)
    mix *= 10.0 ** (peak_db / 20) * 32767 / max(1e-9, np.abs(mix).max())
    mix += _room(rng, frames)
    return np.clip(np.round(mix), -32768, 32767).astype(np.int16)


def _room(rng: np.random.Generator, frames: int) -> npt.NDArray[np.float64]:
    """The quiet noise of a room and of its microphone, in units of the least significant bit.

    The strokes were cut from their rooms; between them there would be digital silence, which no
    recording has, and to which a logarithmic spectral distance would give most of its attention.
    """
    level_db = rng.uniform(-86.0, -72.0)
    noise = rng.standard_normal(frames)
    # Falls by 6 dB per octave above the corner, as air conditioning and traffic do.
    noise += 4.0 * sosfilt(butter(1, 200.0, "lowpass", fs=SAMPLE_RATE, output="sos"), noise)
    return noise * 10.0 ** (level_db / 20) * 32767 / np.sqrt(np.mean(noise**2))


def _choked(
    sound: npt.NDArray[np.float64], by: Event, after_seconds: float
) -> npt.NDArray[np.float64]:
    release = round((DAMPED_RELEASE if by.damps else OPEN_RELEASE) * SAMPLE_RATE)
    hold = round(after_seconds * SAMPLE_RATE)
    sound = sound[: hold + release].copy()
    tail = len(sound) - hold
    if tail > 0:
        sound[hold:] *= (0.5 + 0.5 * np.cos(np.linspace(0.0, np.pi, release)))[:tail]
    return sound

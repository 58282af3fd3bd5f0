"""What the latent stage does, written once more, for comparison: see latent_stage.h.

Slow, and as close to the words as to the numbers: arrays are float64, and rounded at the end.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["set", "release", "bias", "scale", "noise", "freeze"]

DEFAULT_MS = 20.0


@dataclass(frozen=True)
class Move:
    """A gesture: of latent `index` (-1: all), over `ms` (negative: the default), at a sample."""

    kind: Kind
    index: int = -1
    value: float = 0.0
    ms: float = -1.0
    at: int = 0


def normal(seed: int, example: int, latent: int, frame: int) -> float:
    """Box and Muller's transform of a hash of the four numbers."""
    hashed = _mix(seed + _GOLDEN)
    for word in (example, latent, frame):
        hashed = _mix((hashed ^ word) + _GOLDEN)
    radius = ((hashed >> 32) + 0.5) / 2**32
    angle = (hashed & 0xFFFFFFFF) / 2**32
    return math.sqrt(-2 * math.log(radius)) * math.cos(2 * math.pi * angle)


_GOLDEN = 0x9E3779B97F4A7C15


def _mix(x: int) -> int:
    """The finaliser of splitmix64."""
    x %= 2**64
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB % 2**64
    return x ^ (x >> 31)


@dataclass
class _Line:
    """From a value to another, `frames` long; the first step is in frame `start`."""

    begin: NDArray[np.float64] | float
    end: float
    start: int = 0
    frames: float = 0.0

    def share(self, frame: int) -> float:
        if self.frames <= 0:
            return 1.0
        return min(max((frame - self.start + 1) / self.frames, 0.0), 1.0)

    def at(self, frame: int, end: NDArray[np.float64] | float | None = None) -> NDArray[np.float64]:
        goal = np.asarray(self.end if end is None else end, np.float64)
        share = self.share(frame)
        return goal if share == 1 else self.begin + (goal - self.begin) * share


@dataclass
class _Latent:
    batch: int
    held: float | None = None
    frozen: NDArray[np.float64] | None = None
    bias: _Line = field(default_factory=lambda: _Line(0.0, 0.0))
    scale: _Line = field(default_factory=lambda: _Line(1.0, 1.0))
    noise: _Line = field(default_factory=lambda: _Line(0.0, 0.0))
    way: _Line = field(default_factory=lambda: _Line(0.0, 0.0))
    last: NDArray[np.float64] | None = None

    def base(self, live: NDArray[np.float64], frame: int) -> NDArray[np.float64]:
        goal = live
        if self.frozen is not None:
            goal = self.frozen
        if self.held is not None:
            goal = np.full(self.batch, self.held)
        return self.way.at(frame, goal)

    def act(self, move: Move, live: NDArray[np.float64], frame: int, frames: float) -> None:
        if move.kind in ("bias", "scale", "noise"):
            line: _Line = getattr(self, move.kind)
            begin = line.at(frame - 1)
            setattr(self, move.kind, _Line(begin, np.float32(move.value), frame, frames))
            return
        here = self.base(live, frame)
        leaving = _Line(here if self.last is None else self.last, 0.0, frame, frames)
        if move.kind == "set":
            self.way, self.held = leaving, float(np.float32(move.value))
        elif move.kind == "release" and self.held is not None:
            self.way, self.held = leaving, None
        elif move.kind == "freeze" and move.value and self.frozen is None:
            self.frozen = here
            if self.held is None:
                self.way = _Line(0.0, 0.0)
        elif move.kind == "freeze" and not move.value and self.frozen is not None:
            self.frozen = None
            if self.held is None:
                self.way = leaving


def moved(
    latents: NDArray[np.float32],
    moves: Iterable[Move],
    *,
    sample_rate: float,
    ratio: float,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Latents ``(batch, latents, frames)`` from the stream's beginning, as `moves` have them.

    Args:
        latents: the encoder's.
        moves: in the order in which they were sent.
        sample_rate: of the host, in Hz.
        ratio: samples of the host's that a latent frame lasts.
        seed: of the noise.
    """
    batch, count, frames = latents.shape
    live = latents.astype(np.float64)
    out = np.empty_like(live)
    states = [_Latent(batch) for _ in range(count)]
    waiting = _last_of_each(moves, ratio)
    for frame in range(frames):
        due = [move for move in waiting if move.at // ratio <= frame]
        waiting = [move for move in waiting if move not in due]
        for move in due:
            steps = (DEFAULT_MS if move.ms < 0 else move.ms) / 1000 * sample_rate / ratio
            for index in range(count) if move.index < 0 else [move.index]:
                states[index].act(move, live[:, index, frame], frame, steps)
        for index, state in enumerate(states):
            state.last = state.base(live[:, index, frame], frame)
            value = state.scale.at(frame) * state.last + state.bias.at(frame)
            level = state.noise.at(frame)
            numbers = [normal(seed, e, index, frame) for e in range(batch)] if level else 0.0
            out[:, index, frame] = value + level * np.asarray(numbers)
    return out.astype(np.float32)


def _last_of_each(moves: Iterable[Move], ratio: float) -> list[Move]:
    """Of moves of one kind and index that share a frame, the last one alone."""
    kept: dict[tuple[str, int, float], Move] = {}
    for move in moves:
        key = (move.kind, move.index, move.at // ratio)
        kept.pop(key, None)
        kept[key] = move
    return list(kept.values())

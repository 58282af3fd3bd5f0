"""Noise as a function of (seed, position): the same for any partition of a signal into blocks."""

import torch
from torch import Tensor

from timbrel.nn.streaming import Twin


def _mix(x: Tensor) -> Tensor:
    """A 32-bit integer hash with low bias ("lowbias32", C. Wellons 2018), in int64 arithmetic."""
    x = x & 0xFFFFFFFF
    x = x ^ (x >> 16)
    x = (x * 0x7FEB352D) & 0xFFFFFFFF
    x = x ^ (x >> 15)
    x = (x * 0x846CA68B) & 0xFFFFFFFF
    return x ^ (x >> 16)


def counter_noise(seed: int, batch: int, channels: int, start: int, frames: int) -> Tensor:
    """Uniform noise in [-1, 1), ``(batch, channels, frames)``, for the frames from `start` on.

    Every value is a hash of (seed, batch index, channel, frame): nothing is drawn from, so nothing
    depends on what was asked for before, by whom, or in which pieces.
    """
    frame = torch.arange(start, start + frames)
    lanes = _mix(torch.arange(batch * channels) + _mix(torch.tensor(seed)))
    time = _mix(frame + _mix(frame >> 32))
    bits = _mix(lanes.reshape(batch, channels, 1) ^ time)
    return (bits >> 8).to(torch.float64) * 2.0**-23 - 1.0


class CounterNoise(Twin):
    """`counter_noise` that keeps its place in time.

    Its n-th frame overall is frame ``n - delay`` of the offline noise, so that a streaming twin
    which lags by `delay` frames adds the very noise the offline network adds.
    """

    position_state: Tensor

    def __init__(self, seed: int = 0, delay: int = 0) -> None:
        super().__init__()
        self.seed = seed
        self.delay = delay
        self.register_buffer("position_state", torch.zeros(1, dtype=torch.int64))

    def forward(self, like: Tensor) -> Tensor:
        """The next frames of noise, in the shape, dtype and device of `like`."""
        start = int(self.position_state.item())
        self.position_state = self.position_state + like.shape[-1]
        noise = counter_noise(
            self.seed, like.shape[0], like.shape[1], start - self.delay, like.shape[-1]
        )
        return noise.to(device=like.device, dtype=like.dtype)

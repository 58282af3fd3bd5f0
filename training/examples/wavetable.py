"""A wavetable oscillator that reads the patch's own arrays.

    timbrel script wavetable.py

    [sig~ 110]  [phasor~ 0.1]
    |           |
    [nn~ wavetable]            [set table my-array(: an array holds one period

In Max a buffer~ of several channels is a table of several waves, and the second inlet moves from
one to the next. Until a buffer is given it plays a sine, a triangle and a saw.
"""

import math

import torch
from torch import Tensor

import timbrel
from timbrel.nn import history


def classic_waves(samples: int = 2048, harmonics: int = 40) -> Tensor:
    """Sine, triangle and saw, band-limited: ``(3, samples)``."""
    time = torch.arange(samples) * (2.0 * math.pi / samples)
    numbers = torch.arange(1, harmonics + 1).unsqueeze(-1)
    odd = (numbers % 2 == 1).float()
    triangle = (odd * torch.sin(math.pi / 2.0 * numbers) / numbers.square() * 0.81).flatten()
    saw = (0.57 / numbers).flatten()
    waves = torch.sin(numbers * time)
    return torch.stack([waves[0], triangle @ waves, saw @ waves])


class Wavetable(timbrel.Module):
    """Frequency and position in, sound out."""

    table = timbrel.attribute(
        timbrel.Buffer(classic_waves(), min_samples=2), doc="one period; in Max one per channel"
    )
    gain = timbrel.attribute(0.5, range=(0.0, 1.0))

    phase: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("phase", torch.zeros(1, 1, 1, dtype=torch.float64))

    @timbrel.method(
        in_channels=2,
        out_channels=1,
        input_labels=["frequency in Hz", "position, 0 (first wave) to 1 (last)"],
        output_labels=["sound"],
    )
    def forward(self, x: Tensor) -> Tensor:
        # In periods, and double: a phase is a long sum.
        steps = (x[:, :1] / self.sample_rate).double()
        phase = history(self.phase, steps) + torch.cumsum(steps, dim=-1)
        self.phase = torch.frac(phase[..., -1:])
        waves = self.table.samples.to(x)
        row = x[:, 1:].clamp(0.0, 1.0) * (waves.shape[0] - 1)
        lower = row.floor().long()
        upper = (lower + 1).clamp(max=waves.shape[0] - 1)
        place = (phase - phase.floor()) * waves.shape[1]
        blend = row - lower
        sound = self.read(waves, lower, place) * (1.0 - blend)
        return self.gain * (sound + self.read(waves, upper, place) * blend)

    def read(self, waves: Tensor, row: Tensor, place: Tensor) -> Tensor:
        """Between two neighbours in a straight line, around the end to the beginning."""
        samples = waves.shape[1]
        first = place.long() % samples
        fraction = (place - place.floor()).to(waves)
        return waves[row, first] * (1.0 - fraction) + waves[row, (first + 1) % samples] * fraction


if __name__ == "__main__":
    Wavetable().export("wavetable.ts", license="MIT")

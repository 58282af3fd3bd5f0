"""Any signal-to-signal network of torch.nn as an effect, here one that learns a pedal.

    python learned_effect.py dry.wav wet.wav pedal.ts      learns what made wet of dry
    timbrel script learned_effect.py:effect                the same with a pedal that is a formula

`Effect` streams whatever network it is given: it measures how far the network's output depends on
its input, keeps that much of the past, and leaves out what the edges of a block have spoiled. The
network stays as it is, with its own padding. It must not have memory of its own, and must keep the
length of the signal.
"""

import math
import sys
from pathlib import Path

import soundfile
import torch
from torch import Tensor, nn

import timbrel
from timbrel.nn import Delay, Past
from timbrel.nn.reach import reach

RATE = 44_100


class Effect(timbrel.Module):
    """A network ``(batch, 1, n) -> (batch, 1, n)``, with the dry signal aligned to it."""

    mix = timbrel.attribute(1.0, range=(0.0, 1.0), doc="0: dry, 1: the effect alone")
    gain = timbrel.attribute(1.0, range=(0.0, 8.0), doc="into the effect")

    def __init__(self, network: nn.Module, sample_rate: int = RATE) -> None:
        super().__init__(sample_rate)
        span = reach(network.eval(), ratio=1, dtype=torch.float32)
        ahead, behind = span.before - 1, span.after
        self.network = network
        self.behind = behind
        self.past = Past(1, behind + ahead)
        self.dry = Delay(1, ahead)
        self.declare_method("forward", in_channels=1, out_channels=1, latency=ahead)

    def forward(self, x: Tensor) -> Tensor:
        wet = self.network(self.past(self.gain * x))
        wet = wet[..., self.behind : self.behind + x.shape[-1]]
        return self.mix * wet + (1.0 - self.mix) * self.dry(x)


class Gated(nn.Module):
    """A residual layer of a WaveNet, looking back only."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.context = nn.ConstantPad1d((2 * dilation, 0), 0.0)
        self.gates = nn.Conv1d(channels, 2 * channels, 3, dilation=dilation)
        self.out = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        signal, gate = self.gates(self.context(x)).chunk(2, dim=1)
        return x + self.out(torch.tanh(signal) * torch.sigmoid(gate))


def wavenet(channels: int = 8, layers: int = 7) -> nn.Sequential:
    """Enough for distortion and tone; it remembers ``2 ** (layers + 1)`` samples."""
    middle = [Gated(channels, 2**i) for i in range(layers)]
    return nn.Sequential(nn.Conv1d(1, channels, 1), *middle, nn.Conv1d(channels, 1, 1))


def learn(dry: Tensor, wet: Tensor, steps: int, crop: int = 1536, batch: int = 4) -> nn.Module:
    """Trains a network to make `wet` of `dry`, both ``(samples,)``."""
    torch.manual_seed(0)
    network = wavenet()
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=steps)
    for step in range(steps):
        starts = torch.randint(len(dry) - crop, (batch,))
        x, target = (torch.stack([s[i : i + crop] for i in starts])[:, None] for s in (dry, wet))
        # The first samples have no past in the crop.
        error = (network(x) - target)[..., 512:]
        loss = error.square().mean() / target.square().mean().clamp_min(1e-6)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 50 == 49:
            error_db = 10.0 * math.log10(loss.item())
            print(f"step {step + 1}: error {error_db:.1f} dB", file=sys.stderr)
    return network


def pedal(samples: int = 10 * RATE) -> tuple[Tensor, Tensor]:
    """Noise that comes and goes, and the same through a lopsided overdrive and a dull speaker."""
    torch.manual_seed(1)
    swell = torch.rand(1, 1, samples // 4410).repeat_interleave(4410, -1)[0, 0]
    dry = swell * torch.randn(len(swell)) * 0.5
    driven = torch.tanh(6.0 * dry + 0.3) - 0.29
    speaker = torch.hann_window(16)[None, None] / 8.0
    wet = nn.functional.conv1d(nn.functional.pad(driven[None, None], (15, 0)), speaker)[0, 0]
    return dry, 0.7 * wet


def effect(steps: int = 400) -> Effect:
    """The pedal above, learned in ten seconds to an error of some -14 dB."""
    return Effect(learn(*pedal(), steps))


def main(dry: str, wet: str, output: str) -> None:
    """From two recordings of the same length and rate, mono, in time with each other."""
    (x, rate), (y, other) = (soundfile.read(f, dtype="float32", always_2d=True) for f in (dry, wet))
    if rate != other or len(x) != len(y):
        sys.exit(f"{dry} and {wet} differ in rate or length; record one while playing the other")
    network = learn(torch.from_numpy(x[:, 0]), torch.from_numpy(y[:, 0]), steps=4000)
    Effect(network, rate).export(Path(output))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])

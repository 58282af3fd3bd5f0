"""Who judges in the adversarial stage: networks that tell recordings from reconstructions.

Each takes signals ``(batch, channels, n)`` and returns its features, layer by layer; the last one
is the score, high for what looks real. LeakyReLU 0.2, weight norm and biases throughout.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from timbrel.model.encoder import LEAK
from timbrel.training.config import DiscriminatorConfig

Features = list[Tensor]


class Discriminators(nn.Module):
    """All the judges of a run, in one."""

    def __init__(self, config: DiscriminatorConfig, channels: int = 1) -> None:
        super().__init__()
        layers = {"grouped": grouped_layers, "plain": plain_layers}[config.scale_layers]
        self.scales = nn.ModuleList(
            Judge(layers(channels, config.scale_capacity)) for _ in range(config.scales)
        )
        self.periods = nn.ModuleList(
            PeriodJudge(channels, config.period_capacity, period) for period in config.periods
        )
        self.windows = nn.ModuleList(
            SpectrumJudge(channels, config.window_capacity, size) for size in config.windows
        )

    def forward(self, x: Tensor) -> list[Features]:
        features: list[Features] = []
        scaled = x
        for position, judge in enumerate(self.scales):
            if position:
                scaled = F.avg_pool1d(scaled, 2)
            features.append(judge(scaled))
        for judge in (*self.periods, *self.windows):
            features.append(judge(x))
        return features


class Judge(nn.Module):
    """A chain of convolutions, all of whose outputs are looked at."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(weight_norm(layer) for layer in layers)

    def forward(self, x: Tensor) -> Features:
        features = []
        for layer in self.layers[:-1]:
            x = F.leaky_relu(layer(x), LEAK)
            features.append(x)
        features.append(self.layers[-1](x))
        return features


def grouped_layers(channels: int, capacity: int) -> list[nn.Module]:
    """One scale of MelGAN's discriminator, which the paper uses: 16.91 M parameters in three."""
    layers: list[nn.Module] = [nn.Conv1d(channels, capacity, 15, padding=7)]
    width = capacity
    for _ in range(4):
        wider = min(4 * width, 64 * capacity)
        layers.append(nn.Conv1d(width, wider, 41, stride=4, padding=20, groups=width // 4))
        width = wider
    return [*layers, nn.Conv1d(width, width, 5, padding=2), nn.Conv1d(width, 1, 1)]


def plain_layers(channels: int, capacity: int) -> list[nn.Module]:
    """One scale as in the authors' later code: four strided convolutions, doubling channels."""
    widths = [channels, *(capacity * 2**i for i in range(4))]
    layers: list[nn.Module] = [
        nn.Conv1d(narrow, wide, 15, stride=4, padding=7) for narrow, wide in pairwise(widths)
    ]
    return [*layers, nn.Conv1d(widths[-1], 1, 1)]


class PeriodJudge(Judge):
    """Sees every `period`-th sample side by side: ``(batch, channels, n / period, period)``."""

    def __init__(self, channels: int, capacity: int, period: int) -> None:
        widths = [channels, *(capacity * 2**i for i in range(4))]
        layers: list[nn.Module] = [
            nn.Conv2d(narrow, wide, (5, 1), stride=(4, 1), padding=(2, 0))
            for narrow, wide in pairwise(widths)
        ]
        super().__init__([*layers, nn.Conv2d(widths[-1], 1, 1)])
        self.period = period

    def forward(self, x: Tensor) -> Features:
        x = F.pad(x, (0, -x.shape[-1] % self.period))
        return super().forward(x.reshape(x.shape[0], x.shape[1], -1, self.period))


class SpectrumJudge(Judge):
    """Sees a complex spectrum, hop a quarter of the window: real and imaginary parts as channels.

    The layers after Défossez et al. (2022), "High fidelity neural audio compression": frames by
    frequencies, dilated in time, strided in frequency.
    """

    def __init__(self, channels: int, capacity: int, size: int) -> None:
        super().__init__(
            [
                nn.Conv2d(2 * channels, capacity, (3, 9), padding=(1, 4)),
                *(
                    nn.Conv2d(
                        capacity, capacity, (3, 9), stride=(1, 2), dilation=(d, 1), padding=(d, 4)
                    )
                    for d in (1, 2, 4)
                ),
                nn.Conv2d(capacity, capacity, 3, padding=1),
                nn.Conv2d(capacity, 1, 3, padding=1),
            ]
        )
        self.size = size

    def forward(self, x: Tensor) -> Features:
        # Spectra are taken in single precision, whatever the layers compute in.
        flat = x.flatten(0, 1).float()
        window = torch.hann_window(self.size, device=x.device)
        spectrum = torch.stft(
            flat, self.size, self.size // 4, window=window, normalized=True, return_complex=True
        )
        parts = torch.view_as_real(spectrum).permute(0, 3, 2, 1)  # (…, part, frame, frequency)
        return super().forward(parts.reshape(x.shape[0], -1, *parts.shape[2:]))

"""The paper's encoder (appendix C.1)."""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from timbrel.model.config import ModelConfig
from timbrel.nn import Conv1d, Padding, Sequential

LEAK = 0.2  #: negative slope of every LeakyReLU in the model


class Posterior(NamedTuple):
    """A diagonal Gaussian per latent frame; both ``(batch, latents, frames)``."""

    mean: Tensor
    std: Tensor

    @staticmethod
    def of(raw: Tensor) -> "Posterior":
        """The posterior that an encoder's output ``(batch, 2 * latents, frames)`` stands for."""
        mean, scale = raw.chunk(2, dim=1)
        return Posterior(mean, F.softplus(scale) + 1e-4)


def encoder(config: ModelConfig) -> Sequential:
    """Bands ``(batch, bands, n)`` to means and raw scales ``(batch, 2 * latents, n / band_ratio)``.

    Each of the strided convolutions doubles the channels; the last convolution has one group for
    the means and one for the scales.
    """
    padding = Padding(config.padding)
    channels = config.capacity
    layers: list[nn.Module] = [Conv1d(config.band_channels, channels, 7, padding=padding)]
    for ratio in config.ratios:
        layers += [
            nn.BatchNorm1d(channels),
            nn.LeakyReLU(LEAK),
            Conv1d(channels, 2 * channels, 2 * ratio + 1, stride=ratio, padding=padding),
        ]
        channels *= 2
    layers += [
        nn.LeakyReLU(LEAK),
        Conv1d(channels, 2 * config.latents, 5, groups=2, padding=padding),
    ]
    return Sequential(*layers)

"""The networks of variant `v2`: dilated residual units, weight norm throughout, no biases.

Published after the paper; figures in the authors' later configuration. Ratios and dilations are
given in the encoder's order, and the decoder is its mirror image.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from timbrel.model.config import ModelConfig
from timbrel.model.decoder import upsampling
from timbrel.model.encoder import LEAK
from timbrel.nn import Conv1d, Padding, Pointwise, Residual, Sequential, convert
from timbrel.nn.streaming import Streamed


def dilated_encoder(config: ModelConfig) -> Sequential:
    """Bands ``(batch, bands, n)`` to means and raw scales ``(batch, 2 * latents, n / band_ratio)``.

    Every stage is a few dilated units and a strided convolution that doubles the channels.
    """
    padding = Padding(config.padding)
    channels = config.capacity
    layers: list[nn.Module] = [
        weight_norm(Conv1d(config.band_channels, channels, 7, padding=padding))
    ]
    for ratio, dilations in zip(config.ratios, config.stage_dilations, strict=True):
        layers += [_unit(channels, dilation, padding) for dilation in dilations]
        # Twice the ratio, so that neighbours overlap; where nothing is skipped, three frames.
        kernel = 2 * ratio if ratio > 1 else 3
        layers += [
            nn.LeakyReLU(LEAK),
            weight_norm(Conv1d(channels, 2 * channels, kernel, stride=ratio, padding=padding)),
        ]
        channels *= 2
    layers += [
        nn.LeakyReLU(LEAK),
        weight_norm(Conv1d(channels, 2 * config.latents, 3, padding=padding)),
    ]
    return Sequential(*layers)


class DilatedDecoder(nn.Module):
    """Latents ``(batch, latents, n)`` to bands ``(batch, bands, n * band_ratio)``.

    Its one head gives a waveform and an amplitude for each band: ``tanh(x * sigmoid(a))``. It has
    no noise synthesizer; what `Decoder` offers for noise has no effect here.
    """

    noise = None

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        padding = Padding(config.padding)
        channels = config.capacity * 2 ** len(config.ratios)
        layers: list[nn.Module] = [
            weight_norm(Conv1d(config.latents, channels, 3, padding=padding))
        ]
        for ratio, dilations in zip(
            reversed(config.ratios), reversed(config.stage_dilations), strict=True
        ):
            layers += [
                nn.LeakyReLU(LEAK),
                weight_norm(upsampling(channels, channels // 2, ratio, padding)),
            ]
            channels //= 2
            layers += [_unit(channels, dilation, padding) for dilation in dilations]
        layers += [
            nn.LeakyReLU(LEAK),
            weight_norm(Conv1d(channels, 2 * config.band_channels, 7, padding=padding)),
            Pointwise(Amplitude()),
        ]
        self.body = Sequential(*layers)
        self.with_noise = False

    def forward(self, z: Tensor, noise: Tensor | None = None) -> Tensor:
        y: Tensor = self.body(z)
        return y

    def streamed(self, delay: int) -> Streamed:
        return convert(self.body, delay)


class Amplitude(nn.Module):
    """``(batch, 2 * bands, n) -> (batch, bands, n)``: ``tanh(x * sigmoid(a))``, x first."""

    def forward(self, x: Tensor) -> Tensor:
        waveform, amplitude = x.chunk(2, dim=1)
        return torch.tanh(waveform * torch.sigmoid(amplitude))


def _unit(channels: int, dilation: int, padding: Padding) -> Residual:
    return Residual(
        channels,
        nn.LeakyReLU(LEAK),
        weight_norm(Conv1d(channels, channels, 3, dilation=dilation, padding=padding)),
        nn.LeakyReLU(LEAK),
        weight_norm(Conv1d(channels, channels, 1, padding=padding)),
    )

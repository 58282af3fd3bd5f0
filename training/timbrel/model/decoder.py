"""The paper's decoder (appendix C.2, figures 5 and 6)."""

from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from timbrel.model.config import ModelConfig, NoiseConfig
from timbrel.model.encoder import LEAK
from timbrel.nn import (
    Conv1d,
    ConvTranspose1d,
    Gate,
    Padding,
    Pointwise,
    Residual,
    Sequential,
    Sum,
    convert,
)
from timbrel.nn.noise import CounterNoise, counter_noise
from timbrel.nn.streaming import Streamed, Twin


class Decoder(nn.Module):
    """Latents ``(batch, latents, n)`` to bands ``(batch, bands, n * band_ratio)``.

    A stack of upsampling layers and residual stacks ends in three heads: a waveform per band, one
    loudness envelope that scales all bands, and filtered noise. Noise joins from the adversarial
    stage on: until then `with_noise` is off, as in the authors' code.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        padding = Padding(config.padding)
        bands = config.band_channels
        channels = config.capacity * 2 ** len(config.ratios)
        layers: list[nn.Module] = [
            weight_norm(Conv1d(config.latents, channels, 7, padding=padding))
        ]
        # The paper's decoder walks the ratios in the encoder's own order: it is not its mirror
        # image.
        for ratio, dilations in zip(config.ratios, config.stage_dilations, strict=True):
            layers += [
                nn.LeakyReLU(LEAK),
                weight_norm(upsampling(channels, channels // 2, ratio, padding)),
            ]
            channels //= 2
            layers += [_residual(channels, dilation, padding) for dilation in dilations]
        self.body = Sequential(*layers)
        waveform = Sequential(weight_norm(Conv1d(channels, bands, 7, padding=padding)), nn.Tanh())
        loudness = Sequential(
            weight_norm(Conv1d(channels, 1, 3, padding=padding)), Pointwise(ModifiedSigmoid())
        )
        self.harmonic = Gate((bands, 1), waveform, loudness)
        self.noise = None if config.noise is None else NoiseSynthesizer(config, config.noise)
        self.bands = bands
        self.with_noise = False

    def forward(self, z: Tensor, noise: Tensor | None = None) -> Tensor:
        """Bands; `noise` (batch, bands, n) in [-1, 1) is what the synthesizer filters if given."""
        y = self.body(z)
        bands: Tensor = self.harmonic(y)
        if self.noise is None or not self.with_noise:
            return bands
        return bands + self.noise(y, noise)

    def streamed(self, delay: int) -> Streamed:
        heads = (
            self.harmonic
            if self.noise is None or not self.with_noise
            else Sum((self.bands, self.bands), self.harmonic, self.noise)
        )
        return convert(Sequential(self.body, heads), delay)


def upsampling(
    in_channels: int, out_channels: int, ratio: int, padding: Padding
) -> Conv1d | ConvTranspose1d:
    """The convolution that makes `ratio` frames of one; a ratio of one is a plain one of three."""
    if ratio == 1:
        return Conv1d(in_channels, out_channels, 3, padding=padding)
    return ConvTranspose1d(in_channels, out_channels, ratio, padding=padding)


def _residual(channels: int, dilation: int, padding: Padding) -> Residual:
    return Residual(
        channels,
        nn.LeakyReLU(LEAK),
        weight_norm(Conv1d(channels, channels, 3, dilation=dilation, padding=padding)),
        nn.LeakyReLU(LEAK),
        weight_norm(Conv1d(channels, channels, 3, padding=padding)),
    )


def modified_sigmoid(x: Tensor) -> Tensor:
    """``2 * sigmoid(x) ** 2.3 + 1e-7``: never zero, two at most (Engel et al. 2019)."""
    return 2 * torch.sigmoid(x) ** 2.3 + 1e-7


class ModifiedSigmoid(nn.Module):
    """`modified_sigmoid` as a layer."""

    def forward(self, x: Tensor) -> Tensor:
        return modified_sigmoid(x)


class NoiseSynthesizer(nn.Module):
    """Time-varying filtered noise per band: ``(batch, channels, n) -> (batch, bands, n)``.

    One frame of ``prod(strides)`` samples has `amplitudes` points of a magnitude response for each
    band. Noise that is not given is drawn in training, and else a function of the position alone.
    """

    def __init__(self, config: ModelConfig, noise: NoiseConfig) -> None:
        super().__init__()
        padding = Padding(config.padding)
        self.bands = config.band_channels
        strides = noise.strides
        outputs = [config.capacity] * (len(strides) - 1) + [self.bands * noise.amplitudes]
        layers: list[nn.Module] = []
        for stride, out_channels in zip(strides, outputs, strict=True):
            # The middle of the kernel on the first sample of each stride, for both paddings: with
            # strides of two or more nothing lies ahead of the stride itself.
            past = 1 if stride > 1 or padding is Padding.CENTRED else 2
            layers += [
                Conv1d(config.capacity, out_channels, 3, stride=stride, past=past),
                nn.LeakyReLU(LEAK),
            ]
        self.filter = Sequential(*layers[:-1])
        self.frame = prod(strides)
        self.seed = 0
        #: Position of the first sample of noise. A streaming decoder behind an encoder that looks
        #: ahead begins before zero; comparing the two means giving both the same origin.
        self.origin = 0

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        shape = x.shape[0], self.bands, x.shape[-1]
        if noise is not None:
            noise = noise.to(x)
        elif self.training:
            noise = torch.rand(shape, dtype=x.dtype, device=x.device) * 2 - 1
        else:
            noise = counter_noise(self.seed, shape[0], shape[1], self.origin, shape[2]).to(x)
        return filter_noise(self.filter(x), noise, self.frame)

    def streamed(self, delay: int) -> Streamed:
        twin, frames = convert(self.filter, delay)
        late = frames * self.frame
        return Streamed(
            StreamingNoise(twin, CounterNoise(self.seed, late), self.bands, self.frame), late
        )


class StreamingNoise(Twin):
    """Twin of `NoiseSynthesizer`."""

    def __init__(self, response: nn.Module, source: nn.Module, bands: int, frame: int) -> None:
        super().__init__()
        self.response = response
        self.source = source
        self.bands = bands
        self.frame = frame

    def forward(self, x: Tensor) -> Tensor:
        like = x[:, :1].expand(x.shape[0], self.bands, x.shape[-1])
        noise: Tensor = self.source(like)
        return filter_noise(self.response(x), noise, self.frame)


def filter_noise(amplitudes: Tensor, noise: Tensor, frame: int) -> Tensor:
    """Gives each frame of noise its magnitude response.

    Args:
        amplitudes: ``(batch, bands * points, frames)``, unconstrained; zero means a quiet -94 dB.
        noise: ``(batch, bands, frames * frame)``.
        frame: samples per frame.

    Returns:
        ``(batch, bands, frames * frame)``: each frame convolved with its short zero-phase impulse
        response, whose negative times wrap to the frame's end, truncated to the frame.
    """
    batch, bands, samples = noise.shape
    frames = samples // frame
    points = amplitudes.shape[1] // bands
    response = modified_sigmoid(amplitudes - 5)
    response = response.reshape(batch, bands, points, frames).transpose(2, 3)
    taps = 2 * (points - 1)
    window = torch.hann_window(taps, dtype=noise.dtype, device=noise.device)
    impulse = torch.fft.irfft(response, n=taps).roll(taps // 2, -1) * window
    impulse = F.pad(impulse, (0, max(frame - taps, 0)))[..., :frame].roll(-(taps // 2), -1)
    blocks = noise.reshape(batch, bands, frames, frame)
    spectrum = torch.fft.rfft(blocks, n=2 * frame) * torch.fft.rfft(impulse, n=2 * frame)
    shaped = torch.fft.irfft(spectrum, n=2 * frame)[..., :frame]
    return shaped.reshape(batch, bands, samples)

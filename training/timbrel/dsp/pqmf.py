"""Pseudo-quadrature mirror filters: a signal as M bands, and back (paper, appendix B).

``h_k[n] = 2 h[n] cos((2k + 1) pi n' / 2M + (-1)^k pi / 4)`` with n' counted from the filter's
middle; synthesis is the time-reversed bank times M. Both run in polyphase form, that is at the
bands' rate: a signal's M phases are M channels, and the bank is one dense convolution of
``taps / M`` frames. Every other frame of the odd bands is negated, which turns their mirrored
spectra the right way round.
"""

import numpy as np
import torch
from torch import Tensor, nn

from timbrel.dsp.prototype import design_prototype
from timbrel.nn.containers import Sequential
from timbrel.nn.conv import Conv1d, Padding
from timbrel.nn.streaming import Delay, Streamed, Twin


class PQMF(nn.Module):
    """Analysis and synthesis bank; of several channels each is split by itself.

    The bands of a channel follow one another: band k of channel c is ``c * bands + k``.

    With centred padding the two together have no delay offline, and look ``taps - bands`` samples
    ahead when they stream. Causal padding looks nowhere ahead: the delay then belongs to the bank
    itself, offline too, and is `latency`.

    Example:
        >>> pqmf = PQMF(bands=16, taps=128)
        >>> bands = pqmf.analysis(torch.zeros(1, 1, 4096))  # (1, 16, 256)
        >>> pqmf.synthesis(bands).shape
        torch.Size([1, 1, 4096])
    """

    def __init__(
        self,
        bands: int = 16,
        taps: int = 512,
        padding: Padding = Padding.CENTRED,
        channels: int = 1,
    ) -> None:
        super().__init__()
        h = design_prototype(bands, taps)
        time = np.arange(taps) - (taps - 1) / 2
        k = np.arange(bands)[:, None]
        bank = 2 * h * np.cos((2 * k + 1) * np.pi / (2 * bands) * time + (-1.0) ** k * np.pi / 4)
        frames = taps // bands
        # Polyphase weights: the tap that meets phase b of the signal, a frames after the oldest.
        phase = np.arange(bands)[:, None]
        age = bands * (frames - 1 - np.arange(frames))[None, :]
        analysis = bank[:, bands - 1 - phase + age]  # (band, phase, frame)
        synthesis = bands * bank[:, ::-1][:, phase + age].transpose(1, 0, 2)  # (phase, band, frame)
        causal = padding is Padding.CAUSAL
        self.bands = bands
        self.taps = taps
        self.latency = taps - bands if causal else 0
        self.analysis = Sequential(
            Split(bands, channels),
            _fixed(analysis, frames - 1 if causal else frames // 2, channels),
            FlipOddBands(bands),
        )
        self.synthesis = Sequential(
            FlipOddBands(bands),
            _fixed(synthesis, frames - 1 if causal else frames // 2 - 1, channels),
            Interleave(bands, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """The round trip ``(batch, channels, n)``: `x`, late by `latency` samples."""
        y: Tensor = self.synthesis(self.analysis(x))
        return y


def _fixed(weight: np.ndarray, past: int, channels: int) -> Conv1d:
    bands, _, frames = weight.shape
    conv = Conv1d(channels * bands, channels * bands, frames, past=past, groups=channels)
    repeated = torch.from_numpy(np.ascontiguousarray(weight)).to(conv.weight.dtype)
    conv.weight = nn.Parameter(repeated.repeat(channels, 1, 1), False)
    return conv


class Split(nn.Module):
    """``(batch, channels, n) -> (batch, channels * factor, n / factor)``: phases as channels."""

    def __init__(self, factor: int, channels: int = 1) -> None:
        super().__init__()
        self.factor = factor
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        phases = x.reshape(x.shape[0], self.channels, -1, self.factor).transpose(2, 3)
        return phases.reshape(x.shape[0], self.channels * self.factor, -1)

    def streamed(self, delay: int) -> Streamed:
        wait = -delay % self.factor  # frames must begin where the offline ones do
        twin = nn.Sequential(Delay(self.channels, wait), self) if wait else self
        return Streamed(twin, (delay + wait) // self.factor)


class Interleave(nn.Module):
    """``(batch, channels * factor, n) -> (batch, channels, n * factor)``: undoes `Split`."""

    def __init__(self, factor: int, channels: int = 1) -> None:
        super().__init__()
        self.factor = factor
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        phases = x.reshape(x.shape[0], self.channels, self.factor, -1).transpose(2, 3)
        return phases.reshape(x.shape[0], self.channels, -1)

    def streamed(self, delay: int) -> Streamed:
        return Streamed(self, delay * self.factor)


class FlipOddBands(nn.Module):
    """Negates the even frames of the odd bands."""

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.bands = bands

    def forward(self, x: Tensor) -> Tensor:
        return flip_odd_bands(x, 0)

    def streamed(self, delay: int) -> Streamed:
        return Streamed(StreamingFlip(delay % 2), delay)


class StreamingFlip(Twin):
    """Twin of `FlipOddBands` for blocks of an even number of frames."""

    def __init__(self, phase: int) -> None:
        super().__init__()
        self.phase = phase

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1] % 2:
            raise ValueError("a PQMF streams in blocks of an even number of frames")
        return flip_odd_bands(x, self.phase)


def flip_odd_bands(x: Tensor, phase: int) -> Tensor:
    """Negates frames phase, phase + 2, ... of the odd ones among ``(batch, bands, frames)``."""
    sign = torch.ones(x.shape[1], x.shape[2], dtype=x.dtype, device=x.device)
    sign[1::2, phase::2] = -1.0
    return x * sign

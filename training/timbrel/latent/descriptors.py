"""What an ear would say about a sound, once per latent frame: how loud, how bright, how high."""

import torch
import torch.nn.functional as F
from torch import Tensor

#: Seconds of sound that each value hears, about.
WINDOW = 0.046
#: dB below full scale: a frame below has neither brightness nor pitch.
QUIET = -60.0
#: Hz, lowest and highest pitch that is looked for.
PITCHES = (60.0, 1500.0)
#: Of 1: a frame whose waveform repeats itself less than this has no pitch.
VOICED = 0.7

NAMES = ("loudness", "centroid", "pitch")


def describe(x: Tensor, sample_rate: int, ratio: int) -> dict[str, Tensor]:
    """Descriptors of a signal ``(n,)``, each ``(n / ratio,)``, NaN where there is none.

    `loudness` in dB of full scale, `centroid` of the power spectrum in semitones above 1 Hz, and
    `pitch` likewise, by the autocorrelation of a window divided by that of the window function
    (Boersma 1993). A frame's window stands around its middle.
    """
    size = 1 << round(WINDOW * sample_rate - 1).bit_length()
    window = torch.hann_window(size, dtype=x.dtype)
    before = size // 2 - ratio // 2
    # Where a latent frame is longer than a window, the window looks at its middle.
    padded = F.pad(x, (max(before, 0), size))[max(-before, 0) :]
    frames = padded.unfold(0, size, ratio)[: len(x) // ratio] * window
    loudness = 10 * torch.log10(frames.square().sum(dim=1) / window.square().sum() + 1e-12)
    power = torch.fft.rfft(frames, 2 * size).abs().square()
    heard = loudness > QUIET
    hertz = torch.arange(power.shape[1], dtype=x.dtype) * sample_rate / (2 * size)
    centroid = (power * hertz).sum(dim=1) / power.sum(dim=1).clamp_min(1e-20)
    repeats, period = _periodicity(power, window, sample_rate)
    voiced = heard & (repeats > VOICED)
    return {
        "loudness": loudness,
        "centroid": _where(heard, _semitones(centroid)),
        "pitch": _where(voiced, _semitones(sample_rate / period)),
    }


def _periodicity(power: Tensor, window: Tensor, sample_rate: int) -> tuple[Tensor, Tensor]:
    """How exactly each window repeats itself, 0 to 1, and after how many samples."""
    size = len(window)
    of_window = torch.fft.irfft(torch.fft.rfft(window, 2 * size).abs().square())[: size // 2]
    own = torch.fft.irfft(power)[:, : size // 2]
    alike = own / own[:, :1].clamp_min(1e-12) / (of_window / of_window[0])
    first = int(sample_rate / PITCHES[1])
    last = min(int(sample_rate / PITCHES[0]), size // 2 - 1)
    lags = alike[:, first : last + 1]
    # The shortest period that is nearly as good as the best: multiples of it are as good.
    good = lags > 0.9 * lags.max(dim=1, keepdim=True).values
    peak = (lags >= F.pad(lags, (1, 0))[:, :-1]) & (lags >= F.pad(lags, (0, 1))[:, 1:])
    at = (good & peak).int().argmax(dim=1)
    return lags.gather(1, at[:, None])[:, 0], (at + first).to(power.dtype)


def _semitones(hertz: Tensor) -> Tensor:
    return 12 * torch.log2(hertz.clamp_min(1.0))


def _where(there: Tensor, values: Tensor) -> Tensor:
    return torch.where(there, values, torch.nan)

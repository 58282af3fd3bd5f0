"""Noise that sounds like the average of some recordings: the baseline that knows no time."""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SIZE = 2048


def mean_spectrum(recordings: Iterable[NDArray[np.float32]]) -> Tensor:
    """Root mean square magnitude spectrum ``(SIZE / 2 + 1,)`` over all frames of all recordings.

    Scaled such that white noise of unit variance has 1 in every bin.
    """
    power = torch.zeros(SIZE // 2 + 1, dtype=torch.float64)
    frames = 0
    window = torch.hann_window(SIZE, dtype=torch.float64)
    for recording in recordings:
        x = torch.from_numpy(np.asarray(recording, dtype=np.float64))
        spectrum = torch.stft(x, SIZE, SIZE // 4, window=window, return_complex=True)
        power += spectrum.abs().square().sum(dim=-1)
        frames += spectrum.shape[-1]
    return torch.sqrt(power / frames / window.square().sum()).float()


def shaped_noise(spectrum: Tensor, shape: tuple[int, int], seed: int = 0) -> Tensor:
    """Gaussian noise ``shape = (batch, n)`` with the given mean spectrum."""
    generator = torch.Generator().manual_seed(seed)
    white = torch.randn(shape, generator=generator)
    window = torch.hann_window(SIZE)
    frames = torch.stft(white, SIZE, SIZE // 4, window=window, return_complex=True)
    return torch.istft(
        frames * spectrum.reshape(1, -1, 1), SIZE, SIZE // 4, window=window, length=shape[1]
    )

"""What a training step sees: crops that depend on (seed, step, index) and on nothing else.

A run that is resumed, or split over more workers, therefore sees the same examples.
"""

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.signal import lfilter
from torch import Tensor
from torch.utils.data import Dataset

from timbrel.data import AudioDataset

Audio = NDArray[np.float32]


class Crops(Dataset[Tensor]):
    """A run's examples: item ``step * batch + index`` is a crop ``(1, segment)`` of the sound."""

    def __init__(
        self,
        dataset: AudioDataset,
        *,
        segment: int,
        examples: int,
        first: int = 0,
        seed: int = 0,
        phase_augmentation: float = 0.0,
    ) -> None:
        self.dataset = dataset
        self.segment = segment
        self.examples = examples
        self.first = first
        self.seed = seed
        self.phase_augmentation = phase_augmentation

    def __len__(self) -> int:
        return self.examples - self.first

    def __getitem__(self, item: int) -> Tensor:
        rng = np.random.default_rng((self.seed, self.first + item))
        start = int(rng.integers(self.dataset.split_frames("train")))
        x = self.dataset.read("train", start, self.segment)
        x = dequantise(x, rng)
        if rng.random() < self.phase_augmentation:
            x = random_allpass(x, self.dataset.sample_rate, rng)
        return torch.from_numpy(x).unsqueeze(0)


def dequantise(x: Audio, rng: Generator) -> Audio:
    """Adds uniform noise from 0 to 2⁻¹⁶, half a step of 16-bit audio, as the authors do."""
    return (x + rng.uniform(0.0, 2.0**-16, len(x))).astype(np.float32)


def random_allpass(x: Audio, sample_rate: int, rng: Generator) -> Audio:
    """Rotates phases around a random frequency: the ear hears nothing, the waveform is another.

    A second-order all-pass with pole radius 0.99 and its angle log-uniform in 20-2000 Hz.
    """
    radius = 0.99
    frequency = np.exp(rng.uniform(np.log(20.0), np.log(2000.0)))
    angle = 2 * np.pi * frequency / sample_rate
    poles = np.array([1.0, -2 * radius * np.cos(angle), radius**2])
    return np.asarray(lfilter(poles[::-1], poles, x), dtype=np.float32)

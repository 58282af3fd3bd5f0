"""What a training step sees: crops that depend on (seed, step, index) and on nothing else.

A run that is resumed, or split over more workers or devices, therefore sees the same examples.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from timbrel.data import AudioDataset
from timbrel.data.manifest import Split
from timbrel.training.augmentation import (
    Audio,
    at_speed,
    dequantise,
    random_allpass,
    random_compression,
    random_gain,
    random_speed,
)
from timbrel.training.config import AugmentationConfig, TrainingConfig

#: A crop ``(channels, segment)`` and its number in the run, ``step * batch + index``.
Example = tuple[Tensor, int]
#: An excerpt this far below the loudest one is nearly silent.
NEARLY_SILENT_DB = 40.0


class Crops(Dataset[Example]):
    """A run's examples by their number: crops of the training split, augmented."""

    def __init__(
        self,
        dataset: AudioDataset,
        *,
        segment: int,
        examples: int,
        seed: int = 0,
        augmentation: AugmentationConfig | None = None,
    ) -> None:
        self.dataset = dataset
        self.segment = segment
        self.examples = examples
        self.seed = seed
        self.augmentation = augmentation or AugmentationConfig()

    def __len__(self) -> int:
        return self.examples

    def __getitem__(self, example: int) -> Example:
        rate, options = self.dataset.sample_rate, self.augmentation
        rng = np.random.default_rng((self.seed, example))
        start = int(rng.integers(self.dataset.split_frames("train")))
        # What is optional draws from a stream of its own: it changes nothing else of an example.
        extra = np.random.default_rng((self.seed, example, 1))
        speed = random_speed(options.pitch_cents, extra) if options.pitch_cents else 1.0
        x = read(self.dataset, "train", start, self._needed(speed))
        if speed != 1.0:
            x = at_speed(x, speed, self.segment)
        if extra.random() < options.compression:
            x = random_compression(x, rate, extra)
        if options.gain_db:
            x = random_gain(x, options.gain_db, extra)
        if extra.random() < options.mute:
            x = np.zeros_like(x)
        x = dequantise(x, rng)
        if rng.random() < options.phase:
            x = random_allpass(x, rate, rng)
        return torch.from_numpy(x), example

    def _needed(self, speed: float) -> int:
        return self.segment if speed == 1.0 else int(np.ceil(self.segment * speed)) + 16


def read(dataset: AudioDataset, split: Split, start: int, frames: int) -> Audio:
    """Sound of a dataset as ``(channels, frames)``."""
    return dataset.read_channels(split, start, frames)


class Steps(Sampler[list[int]]):
    """The numbers of the examples that one of `devices` sees in each step from `first` on."""

    def __init__(self, first: int, last: int, batch: int, device: int = 0, devices: int = 1):
        self.steps = range(first, last)
        self.batch = batch
        self.share = range(batch * device // devices, batch * (device + 1) // devices)

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[list[int]]:
        for step in self.steps:
            yield [step * self.batch + index for index in self.share]


def loader(crops: Crops, steps: Steps, workers: int, pin: bool) -> DataLoader[Example]:
    """Batches ``(batch, channels, segment)`` with their examples' numbers, in order."""
    return DataLoader(
        crops,
        batch_sampler=steps,
        num_workers=workers,
        pin_memory=pin,
        persistent_workers=False,
        generator=torch.Generator(),
    )


def crops_of(dataset: AudioDataset, training: TrainingConfig) -> Crops:
    """The crops of a whole run."""
    return Crops(
        dataset,
        segment=training.segment,
        examples=training.most_steps * training.batch,
        seed=training.seed,
        augmentation=training.augmentation,
    )


def spread_excerpts(dataset: AudioDataset, split: Split, segment: int, count: int) -> Tensor:
    """At most `count` excerpts ``(n, channels, segment)`` spread evenly over a split.

    Two at least, and not more than fit side by side: a neighbour that overlaps would be no other
    excerpt to compare with. What is nearly silent is left out: distances are relative to the sound,
    and from silence everything is so far that nothing else would count in a mean.
    """
    frames = dataset.split_frames(split)
    count = max(2, min(count, frames // segment))
    starts = [frames * i // count for i in range(count)]
    found = torch.stack([torch.from_numpy(read(dataset, split, s, segment)) for s in starts])
    power = found.square().mean(dim=(1, 2))
    heard = found[power >= 10 ** (-NEARLY_SILENT_DB / 10) * power.max()]
    return heard if len(heard) > 1 else found

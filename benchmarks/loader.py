"""How many examples a second the loader gives on its own."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from subjects import RATE
from torch.utils.data import DataLoader

from timbrel.config import Config
from timbrel.data import AudioDataset
from timbrel.data.preprocess import preprocess
from timbrel.training.crops import Crops

FORMS = ("converted", "lazy WAV", "lazy FLAC", "lazy OGG", "lazy MP3")
"""A dataset's own frames, and recordings that are decoded anew for every crop."""

_FILES = 6
_SECONDS = 30
_PIECE = 4096


@dataclass(frozen=True)
class Loading:
    """A loader on its own, without anyone who does something with its batches."""

    form: str
    workers: int
    examples_per_second: float


def datasets(folder: Path) -> Iterator[tuple[str, AudioDataset]]:
    """The same three minutes of stereo, which is mixed to mono, in every form."""
    for form in FORMS:
        suffix = form.removeprefix("lazy ").lower() if form != "converted" else "wav"
        recordings = folder / suffix
        if not recordings.exists():
            recordings.mkdir()
            for index in range(_FILES):
                _record(recordings / f"{index}.{suffix}", index)
        out = folder / form
        preprocess(recordings, out, lazy=form != "converted")
        yield form, AudioDataset.open(out)


def _record(path: Path, seed: int) -> None:
    """Noise whose spectrum falls, as music's does: white noise would be no work to compress."""
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.standard_normal((_SECONDS * RATE, 2)), axis=0)
    walk = np.diff(walk - walk.mean(axis=0), axis=0) + 0.01 * (walk[1:] - walk.mean(axis=0))
    with soundfile.SoundFile(path, "w", RATE, 2) as file:
        for start in range(0, len(walk), _PIECE):
            file.write(0.5 * walk[start : start + _PIECE] / np.abs(walk).max())


def loading(
    form: str, dataset: AudioDataset, config: Config, workers: int, seconds: float
) -> Loading:
    """Takes batches for some seconds, after the first of every worker."""
    training = config.training
    crops = Crops(
        dataset,
        segment=training.segment,
        examples=10**6 * training.batch,
        augmentation=training.augmentation,
    )
    batches = iter(DataLoader(crops, batch_size=training.batch, num_workers=workers))
    for _ in range(1 + 2 * workers):
        next(batches)
    count, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        next(batches)
        count += 1
    return Loading(form, workers, count * training.batch / elapsed)

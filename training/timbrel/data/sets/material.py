"""What a set consists of: material to train on, what is held out from it, and a notice."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from timbrel.errors import UserError

LEAST_MINUTES, MOST_MINUTES = 0.1, 6000.0


@dataclass(frozen=True)
class Made:
    """A set, and where it lies."""

    train: Path
    train_files: int
    train_seconds: float
    heldout: Path
    heldout_files: int
    heldout_seconds: float
    sample_rate: int

    @classmethod
    def measured(cls, folder: Path) -> "Made":
        """What is in `train/` and `heldout/` below a folder."""
        found = {}
        for name in ("train", "heldout"):
            infos = [soundfile.info(path) for path in sorted((folder / name).iterdir())]
            found[name] = (len(infos), sum(info.duration for info in infos), infos[0].samplerate)
        return cls(
            train=folder / "train",
            train_files=found["train"][0],
            train_seconds=found["train"][1],
            heldout=folder / "heldout",
            heldout_files=found["heldout"][0],
            heldout_seconds=found["heldout"][1],
            sample_rate=found["train"][2],
        )


def check_asked(minutes: float | None, seed: int) -> None:
    """Raise UserError before anything is fetched, where what is asked for makes no sense."""
    if minutes is not None and not LEAST_MINUTES <= minutes <= MOST_MINUTES:
        raise UserError(
            f"--minutes is {minutes:g}; choose from {LEAST_MINUTES:g} to {MOST_MINUTES:g}"
        )
    if seed < 0:
        raise UserError(f"--seed is {seed}; choose a whole number from 0 on")


def sort_out(
    files: list[Path],
    folder: Path,
    *,
    held_out: Callable[[Path], bool],
    minutes: float | None,
    seed: int,
) -> None:
    """Move files to `train/` and `heldout/` below a folder.

    Args:
        files: of the whole set.
        folder: gets the two folders.
        held_out: whether a file is kept from training; those are the same for any seed.
        minutes: of training material: files in a random order until it is reached; None for all.
        seed: of that order.

    Raises:
        UserError: there are not as many minutes.
    """
    rest = sorted(path for path in files if not held_out(path))
    lengths = {path: soundfile.info(path).duration for path in rest}
    most = sum(lengths.values()) / 60
    if minutes is not None and minutes > most:
        raise UserError(f"--minutes is {minutes:g}; this set has {most:.1f}, leave it out for all")
    for name in ("train", "heldout"):
        (folder / name).mkdir()
    for path in files:
        if held_out(path):
            path.rename(folder / "heldout" / path.name)
    seconds = 0.0
    for index in np.random.default_rng(seed).permutation(len(rest)):
        if minutes is not None and seconds >= 60 * minutes:
            break
        path = rest[int(index)]
        seconds += lengths[path]
        path.rename(folder / "train" / path.name)

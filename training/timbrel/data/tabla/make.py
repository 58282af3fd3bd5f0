"""Writes the `tabla` set: training material, and a performance held out from it."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from timbrel import __version__
from timbrel.data.atomic import new_folder
from timbrel.data.tabla.render import render
from timbrel.data.tabla.strokes import HELD_OUT, LOOP, SAMPLE_RATE, TRAINED, assets, load
from timbrel.data.tabla.tala import compose
from timbrel.errors import UserError

SHORTEST, LONGEST = 10.0, 30.0
"""Seconds of one training file."""

HELD_OUT_SECONDS = 20.0

_NOTICE = """\
Tabla playing, sequenced by Timbrel {version} (seed {seed}) from recorded strokes.

The strokes are from Sonic Pi's sample collection, published under CC0 1.0 (LICENSE beside this
file); what is made from them here is likewise dedicated to the public domain under CC0 1.0.
Origin: SOURCE.md beside this file.

train/     for training; played with the strokes {trained}
heldout/   for listening and evaluation only: performance.wav is played with strokes that train/
           never uses ({held_out}), loop_tabla.wav by a person
"""


@dataclass(frozen=True)
class TablaSet:
    """What `make` wrote, and where."""

    train: tuple[Path, ...]
    performance: Path
    loop: Path
    seconds: float
    """Total length of the training files."""


def durations(rng: np.random.Generator, total: float) -> list[float]:
    """Lengths in seconds, each from `SHORTEST` to `LONGEST` where the total allows, that add up."""
    lengths: list[float] = []
    left = total
    while left > LONGEST:
        # Never leave a rest that would be too short for a file of its own.
        longest = min(LONGEST, left - SHORTEST)
        lengths.append(round(rng.uniform(SHORTEST, longest), 3))
        left -= lengths[-1]
    return [*lengths, round(left, 3)]


def make(folder: Path, *, minutes: float = 6.0, seed: int = 0) -> TablaSet:
    """Write `train/*.wav` and `heldout/*.wav` (mono, 16 bit, 44.1 kHz) into a new folder.

    The same `minutes` and `seed` give the same bytes. Each file has its own stream of random
    numbers, so that the held-out performance of a seed does not depend on `minutes`.

    Raises:
        UserError: `minutes` makes no sense, or `folder` is not empty.
    """
    if not 0.1 <= minutes <= 6000:
        raise UserError(f"--minutes is {minutes:g}; choose from 0.1 to 6000")
    if seed < 0:
        raise UserError(f"--seed is {seed}; choose a whole number from 0 on")
    held_out_seed, lengths_seed, train_seed = np.random.SeedSequence(seed).spawn(3)
    lengths = durations(np.random.default_rng(lengths_seed), minutes * 60)
    with new_folder(folder) as partial:
        (partial / "train").mkdir()
        (partial / "heldout").mkdir()
        names = [Path("train", f"tabla_{index:03d}.wav") for index in range(len(lengths))]
        for name, length, file_seed in zip(
            names, lengths, train_seed.spawn(len(lengths)), strict=True
        ):
            _perform(partial / name, file_seed, length, TRAINED)
        _perform(partial / "heldout/performance.wav", held_out_seed, HELD_OUT_SECONDS, HELD_OUT)
        _write(partial / "heldout/loop_tabla.wav", load(LOOP))
        for text in ("LICENSE", "SOURCE.md"):
            shutil.copyfile(assets() / text, partial / text)
        (partial / "NOTICE").write_text(
            _NOTICE.format(
                version=__version__,
                seed=seed,
                trained=", ".join(sorted(TRAINED)),
                held_out=", ".join(sorted(HELD_OUT)),
            ),
            encoding="utf-8",
        )
    return TablaSet(
        train=tuple(folder / name for name in names),
        performance=folder / "heldout/performance.wav",
        loop=folder / "heldout/loop_tabla.wav",
        seconds=sum(lengths),
    )


def _perform(
    path: Path, seed: np.random.SeedSequence, seconds: float, strokes: frozenset[str]
) -> None:
    rng = np.random.default_rng(seed)
    events = compose(rng, seconds, strokes)
    samples = render(events, seconds, peak_db=rng.uniform(-6.0, -1.0), rng=rng)
    _write(path, samples)


def _write(path: Path, samples: npt.NDArray[np.float64] | npt.NDArray[np.int16]) -> None:
    try:
        soundfile.write(path, samples, SAMPLE_RATE, "PCM_16")
    except soundfile.LibsndfileError:
        # libsndfile does not say why; on a file of our own, in a folder of our own, it is the disk.
        raise UserError(
            f"{path.name} could not be written; is there space left on the disk?"
        ) from None

"""`timbrel preprocess`: a folder of recordings becomes a dataset."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from timbrel.data.preprocess import Outcome

_LISTED = 10
"""Skipped files that are named; `dataset.json` lists them all."""


def preprocess(
    folder: Annotated[Path, typer.Argument(help="Your recordings, with all folders below it.")],
    out: Annotated[Path, typer.Argument(help="New folder for the dataset.")],
    rate: Annotated[int, typer.Option(help="Sample rate of the dataset, in Hz.")] = 44_100,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a dataset of other recordings.")
    ] = False,
) -> None:
    """Convert recordings of any rate and channel count to a dataset, ready for training.

    Reads WAV, AIFF, FLAC, OGG, MP3 and whatever else libsndfile knows; mixes to mono. A file that
    cannot be used is skipped, with its reason.
    """
    from timbrel.cli.progress import progress_bar
    from timbrel.data.preprocess import preprocess as convert

    with progress_bar() as bar:
        outcome = convert(folder, out, sample_rate=rate, overwrite=overwrite, progress=_Shown(bar))
    _report(out, outcome)


class _Shown:
    """Hands progress to the screen."""

    def __init__(self, bar: "Bar") -> None:
        self._bar = bar
        self._look = bar.add_task("looking at files", total=None)
        self._convert = bar.add_task("converting", total=None, visible=False)

    def looked_at(self, done: int, total: int) -> None:
        self._bar.update(self._look, completed=done, total=total)

    def converted(self, seconds: float, total: float) -> None:
        self._bar.update(self._convert, advance=seconds, total=total, visible=True)


def _report(out: Path, outcome: "Outcome") -> None:
    manifest = outcome.manifest
    for entry in manifest.skipped[:_LISTED]:
        print(f"skipped {entry.path}: {entry.reason}")
    if len(manifest.skipped) > _LISTED:
        print(f"skipped {len(manifest.skipped) - _LISTED} more, listed in {out / 'dataset.json'}")
    for note in manifest.notes:
        print(f"{note.path}: {note.note}")
    for clipped in manifest.clipped_files:
        print(f"{clipped.path}: {clipped.samples} samples are clipped")
    if manifest.ignored_files:
        print(f"ignored {manifest.ignored_files} files that are no audio")
    recordings = len({entry.path for entry in manifest.files})
    validation = sum(entry.frames for entry in manifest.files if entry.split == "validation")
    state = "already there, of the same recordings" if outcome.was_there else "written"
    print(
        f"{out}: {manifest.seconds / 60:.1f} minutes at {manifest.sample_rate} Hz from "
        f"{recordings} recordings, {100 * validation / manifest.frames:.0f} % of it for validation"
    )
    print(f"peak {manifest.peak_dbfs} dBFS, mean {manifest.rms_dbfs} dBFS; {state}")

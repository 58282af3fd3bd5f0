"""`timbrel preprocess`: a folder of recordings becomes a dataset."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from timbrel.data.preprocess import Outcome

_LISTED = 10
"""Files of a kind that are named; `dataset.json` lists them all."""

_SHORT_SECONDS = 3.0
"""A crop of the presets is about this long."""

_MUCH_SILENCE = 0.05
"""Share of silence from which on it is mentioned."""


def preprocess(
    folder: Annotated[Path, typer.Argument(help="Your recordings, with all folders below it.")],
    out: Annotated[Path, typer.Argument(help="New folder for the dataset.")],
    rate: Annotated[int, typer.Option(help="Sample rate of the dataset, in Hz.")] = 44_100,
    channels: Annotated[
        int, typer.Option(help="Channels of the dataset: 1 mixes all, 2 is stereo, and so on.")
    ] = 1,
    lazy: Annotated[
        bool,
        typer.Option(
            "--lazy", help="Leave the sound where it is; training decodes the recordings."
        ),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a dataset of other recordings.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(help="Recordings read at the same time.", show_default="all cores"),
    ] = None,
) -> None:
    """Convert recordings of any rate and channel count to a dataset, ready for training.

    Reads WAV, AIFF, FLAC, OGG, MP3 and whatever else libsndfile knows. A file that cannot be used
    is skipped, with its reason. Interrupted, the same command goes on where it stopped.
    """
    from timbrel.cli.progress import decoders_muted, progress_bar
    from timbrel.data.conversion import Progress
    from timbrel.data.preprocess import preprocess as convert

    class Shown(Progress):
        """Hands progress to the screen."""

        def looked_at(self, done: int, total: int) -> None:
            bar.update(look, completed=done, total=total)

        def planned(self, seconds: float, size: float, free: int) -> None:
            room = f"about {_size(size)} of {_size(free)} free" if size else "an index only"
            bar.console.print(f"{_duration(seconds)} of sound: {room}")

        def converted(self, seconds: float, total: float) -> None:
            bar.update(conversion, advance=seconds, total=total, visible=True)

    with decoders_muted(), progress_bar() as bar:
        look = bar.add_task("looking at files", total=None)
        conversion = bar.add_task("reading" if lazy else "converting", total=None, visible=False)
        outcome = convert(
            folder,
            out,
            sample_rate=rate,
            channels=channels,
            lazy=lazy,
            overwrite=overwrite,
            jobs=jobs,
            progress=Shown(),
        )
        # What was skipped has been expected in vain.
        bar.update(conversion, completed=bar.tasks[conversion].total)
    _report(out, outcome)


def _report(out: Path, outcome: "Outcome") -> None:
    manifest = outcome.manifest
    _list(out, [f"skipped {printable(s.path)}: {printable(s.reason)}" for s in manifest.skipped])
    _list(out, [f"{printable(note.path)}: {note.note}" for note in manifest.notes])
    _list(
        out,
        [f"{printable(c.path)}: {c.samples} samples are clipped" for c in manifest.clipped_files],
    )
    if manifest.ignored_files:
        print(f"ignored {manifest.ignored_files} files that are no audio")
    if outcome.resumed:
        print(f"went on behind {outcome.resumed} recordings of an interrupted run")
    recordings = {entry.path: 0 for entry in manifest.files}
    for entry in manifest.files:
        recordings[entry.path] += entry.frames
    short = sum(frames < _SHORT_SECONDS * manifest.sample_rate for frames in recordings.values())
    if short:
        print(f"{short} recordings are shorter than {_SHORT_SECONDS:g} s: they are joined")
    if manifest.silent_seconds > _MUCH_SILENCE * manifest.seconds:
        share = 100 * manifest.silent_seconds / manifest.seconds
        print(f"{share:.0f} % of it is silence, which teaches nothing: cut it, or leave it")
    validation = sum(entry.frames for entry in manifest.files if entry.split == "validation")
    state = "already there, of the same recordings" if outcome.was_there else "written"
    sound = {1: "", 2: " in stereo"}.get(manifest.channels, f" in {manifest.channels} channels")
    print(
        f"{out}: {manifest.seconds / 60:.1f} minutes{sound} at {manifest.sample_rate} Hz from "
        f"{len(recordings)} recordings, {100 * validation / manifest.frames:.0f} % of it for "
        "validation"
    )
    if manifest.lazy:
        print(f"the sound stays in {manifest.lazy.folder}, which has to stay as it is")
    print(f"peak {manifest.peak_dbfs} dBFS, mean {manifest.rms_dbfs} dBFS; {state}")
    print(f"next: timbrel doctor {shlex.quote(str(out))}")


def _list(out: Path, lines: list[str]) -> None:
    for line in lines[:_LISTED]:
        print(line)
    if len(lines) > _LISTED:
        print(f"... and {len(lines) - _LISTED} more, listed in {out / 'dataset.json'}")


def printable(text: str) -> str:
    """What would break the line, or the terminal, is written as its escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 7200 else f"{seconds / 60:.1f} min"

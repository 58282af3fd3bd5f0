"""`timbrel datasets`: ready-made material to train on and to test with."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Make a data set that anyone may use.", no_args_is_help=True)
make_app = typer.Typer(help="Make a data set that anyone may use.", no_args_is_help=True)
app.add_typer(make_app, name="make")


@make_app.command(
    "tabla",
    epilog="Example: [bold]timbrel datasets make tabla recordings/tabla --minutes 10[/bold]",
)
def tabla(
    out: Annotated[Path, typer.Argument(help="New folder to write train/ and heldout/ into.")],
    minutes: Annotated[float, typer.Option(help="Length of the training material.")] = 6.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
) -> None:
    """Play minutes of tabla from recorded strokes (CC0); six strokes are held out for listening."""
    from timbrel.data.tabla import make

    made = make(out, minutes=minutes, seed=seed)
    print(f"{made.seconds / 60:.1f} minutes in {len(made.train)} files in {out / 'train'}")
    print(f"held out: {made.performance} and {made.loop}")
    print(f"next: timbrel preprocess {out / 'train'} DATASET")

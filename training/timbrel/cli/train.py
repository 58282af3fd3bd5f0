"""`timbrel train`: a dataset becomes a run."""

from pathlib import Path
from typing import Annotated

import typer


def train(
    dataset: Annotated[Path, typer.Argument(help="What `timbrel preprocess` wrote.")],
    run: Annotated[Path, typer.Argument(help="Folder of the run: new, or one to go on with.")],
    preset: Annotated[str, typer.Option(help="Architecture and training, by name.")],
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="SECTION.KEY=VALUE",
            help="Change one setting: section.key=value. May be repeated.",
        ),
    ] = None,
) -> None:
    """Train a model on a dataset; interrupted, the same command goes on where it stopped."""
    from timbrel.config import load_preset
    from timbrel.data import AudioDataset

    # What is wrong is said before Lightning takes its seconds to load.
    config = load_preset(preset, set_ or [])
    opened = AudioDataset.open(dataset)
    from timbrel.training.fit import train as fit

    done = fit(config, opened, dataset, run)
    print(f"{done.folder}: trained for {config.training.steps} steps")
    print(f"next: timbrel export {done.folder} NAME.ts")

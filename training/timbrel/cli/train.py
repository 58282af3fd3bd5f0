"""`timbrel train`: a dataset becomes a run."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from timbrel.config import Config
    from timbrel.data import AudioDataset
    from timbrel.training.run import Run

#: The first question, which training answers once and for all: what is it for? An answer is a
#: preset, and what is set beside it.
PURPOSES = (
    ("play it live, as an instrument: 5.4 ms", "low_latency", ()),
    ("play it live on a small computer (Raspberry Pi)", "embedded", ()),
    ("play it live with a full sound: 60 ms and more", "v1", ("model.padding=causal",)),
    ("the best sound, 0.6 s late when it is played live", "v2", ()),
)

Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="SECTION.KEY=VALUE",
        help="Change one setting: section.key=value. May be repeated.",
    ),
]


def train(
    dataset: Annotated[Path, typer.Argument(help="What `timbrel preprocess` wrote.")],
    run: Annotated[Path, typer.Argument(help="Folder of the run: new, or one to go on with.")],
    preset: Annotated[
        str | None,
        typer.Option(help="Architecture and training, by name; without it you are asked."),
    ] = None,
    from_: Annotated[
        Path | None,
        typer.Option("--from", help="A run whose weights a new one begins with (fine-tuning)."),
    ] = None,
    set_: Overrides = None,
) -> None:
    """Train a model on a dataset; interrupted, the same command goes on where it stopped."""
    from timbrel.data import AudioDataset
    from timbrel.training.run import Run

    # What is wrong is said before anything large is loaded.
    opened = AudioDataset.open(dataset)
    source = None if from_ is None else Run(from_)
    config = chosen(opened, preset, set_ or [], Run(run), source)
    from timbrel.training.fit import train as fit

    done = fit(config, opened, dataset, run, source=source)
    print(f"{done.folder}: trained for {done.load_model()[1]} steps")
    print(f"next: timbrel evaluate {shlex.quote(str(done.folder))}")


def chosen(
    dataset: "AudioDataset",
    preset: str | None,
    overrides: list[str],
    run: "Run | None" = None,
    source: "Run | None" = None,
) -> "Config":
    """The configuration that a command line asks for: a run's own, another's, or a preset's.

    Raises:
        UserError: when it asks for none, or for two.
    """
    from timbrel.config import load_preset, with_overrides
    from timbrel.errors import UserError

    if source is not None and preset is not None:
        raise UserError("give --preset or --from, not both: fine-tuning keeps the architecture")
    if preset is None and run is not None and run.exists():
        return with_overrides(run.config(), overrides)
    if source is not None:
        return with_overrides(source.config(), overrides)
    if preset is None:
        preset, beside = ask()
        overrides = [*beside, *overrides]
    return load_preset(
        preset,
        overrides,
        sample_rate=dataset.sample_rate,
        channels=dataset.manifest.channels,
    )


def ask() -> tuple[str, tuple[str, ...]]:
    """Which preset, and with which settings, by what the model is for.

    Raises:
        UserError: where nobody is there to answer.
    """
    from timbrel.errors import UserError

    if not sys.stdin.isatty():
        ways = "; ".join(
            " ".join([f"--preset {name}", *(f"--set {s}" for s in beside)]) + f": {purpose}"
            for purpose, name, beside in PURPOSES
        )
        raise UserError(f"say what the model is for, it cannot be changed afterwards: {ways}")
    print("What is the model for? It cannot be changed afterwards.")
    for number, (purpose, name, _) in enumerate(PURPOSES, start=1):
        print(f"  {number}  {purpose} ({name})")
    answer = 0
    while not 1 <= answer <= len(PURPOSES):
        answer = typer.prompt(f"1 to {len(PURPOSES)}", type=int)
    return PURPOSES[answer - 1][1:]

"""`timbrel train`: a dataset becomes a run."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from timbrel.config import Config
    from timbrel.data import AudioDataset
    from timbrel.training.run import Run, Weights

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
        typer.Option(
            "--from",
            help="What a new run begins with (fine-tuning): a run, a checkpoint of one, or a "
            "checkpoint of RAVE v1 or v2 (.ckpt).",
        ),
    ] = None,
    set_: Overrides = None,
) -> None:
    """Train a model on a dataset; interrupted, the same command goes on where it stopped."""
    from timbrel.data import AudioDataset
    from timbrel.errors import UserError
    from timbrel.training.run import Run

    # What is wrong is said before anything large is loaded.
    opened = AudioDataset.open(dataset)
    if from_ is not None and preset is not None:
        raise UserError("give --preset or --from, not both: fine-tuning keeps the architecture")
    if from_ is not None and not Run(run).exists():
        config, first = _begun(from_, set_ or [], opened.sample_rate)
    else:
        config, first = chosen(opened, preset, set_ or [], Run(run)), None
    from timbrel.training.fit import train as fit

    done = fit(config, opened, dataset, run, first=first)
    print(f"{done.folder}: trained for {done.load_model()[1]} steps")
    print(f"next: timbrel evaluate {shlex.quote(str(done.folder))}")


def _begun(path: Path, overrides: list[str], sample_rate: int) -> "tuple[Config, Weights]":
    """The configuration and the weights of a run, or of a checkpoint, ours or RAVE's."""
    from timbrel.config import with_overrides
    from timbrel.training.original import read_original
    from timbrel.training.run import Run, Weights, find_run

    if path.is_dir() or Run(path.parent.parent).exists():
        run, checkpoint = find_run(path)
        config = with_overrides(run.config(), overrides)
        return config, Weights(run.load(checkpoint).model, str(path.resolve()))
    original = read_original(path, overrides, sample_rate)
    model = original.config.model
    print(
        f"{path}: RAVE {model.variant}, {model.latents} latents, ratio {model.ratio}, all weights"
    )
    for line in original.report:
        print(f"  {line}")
    return original.config, original.weights


def chosen(
    dataset: "AudioDataset",
    preset: str | None,
    overrides: list[str],
    run: "Run | None" = None,
) -> "Config":
    """The configuration that a command line asks for: a run's own, or a preset's.

    Raises:
        UserError: when it asks for none.
    """
    from timbrel.config import load_preset, with_overrides

    if preset is None and run is not None and run.exists():
        return with_overrides(run.config(), overrides)
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

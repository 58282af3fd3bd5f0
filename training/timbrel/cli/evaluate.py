"""`timbrel evaluate`: how well a model hears, in figures that mean something."""

import shlex
from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="Folder of a run, or a checkpoint; or a model file (.ts)."
        ),
    ],
    recordings: Annotated[
        list[Path] | None, typer.Argument(help="Sound that it was not trained on.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the report.", show_default="report in the run's folder"),
    ] = None,
    dataset: Annotated[
        Path | None, typer.Option(help="For a model file: the dataset it was trained on.")
    ] = None,
) -> None:
    """Measure a run on held-out sound, and write a report with pictures and sound.

    Distances are multiscale spectral distances; smaller is closer. `own` must be clearly below
    `other` (the decoder given other excerpts' latents), or the model ignores its input. Recordings
    are sent through the model (timbre transfer). For a model file, a table for each recording.
    """
    from timbrel.errors import UserError

    files = recordings or []
    if model.suffix == ".ts":
        if dataset is None or not files or out is not None:
            raise UserError(
                "a model file is evaluated on recordings beside its dataset: timbrel evaluate "
                "MODEL.ts RECORDINGS --dataset DATASET"
            )
        _judge(model, files, dataset)
        return
    if dataset is not None:
        raise UserError(f"{model}: a run knows its dataset; leave --dataset out")
    from timbrel.evaluation.evaluate import evaluate as measure
    from timbrel.training.run import find_run

    folder = find_run(model)[0].folder
    found = measure(model, out or folder / "report", files)
    for name, one in found.stages:
        print(
            f"{name}: distance {one.own:.2f} with own latents, {one.other:.2f} with another "
            f"excerpt's (ratio {one.own_to_other:.2f})"
        )
    beside = found.baselines
    print(f"beside: noise of the same colour {beside.noise:.2f}, silence {beside.silence:.2f}")
    print(f"report: {found.page}")
    print(f"next: timbrel export {shlex.quote(str(model))} NAME.ts")


def _judge(model: Path, recordings: list[Path], dataset: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    from timbrel.data import AudioDataset
    from timbrel.data.recording import read_mono
    from timbrel.errors import UserError
    from timbrel.evaluation import judge, mean_spectrum
    from timbrel.export.file import read_metadata

    opened = AudioDataset.open(dataset)
    made_for = read_metadata(model).get("sample_rate", opened.sample_rate)
    if made_for != opened.sample_rate:
        raise UserError(
            f"{model} was made for {made_for} Hz and {dataset} is at {opened.sample_rate} Hz: "
            "that is not the dataset it was trained on"
        )
    spectrum = mean_spectrum(
        opened.read("train", start, 30 * opened.sample_rate)
        for start in range(0, opened.split_frames("train"), 30 * opened.sample_rate)
    )
    table = Table("recording", "own", "other", "noise", "silence", "own/other", "own/noise")
    for path in recordings:
        heard = judge(model, read_mono(path, opened.sample_rate), spectrum)
        figures = (heard.own, heard.other, heard.noise, heard.silence)
        ratios = (heard.own_to_other, heard.own_to_noise)
        table.add_row(path.name, *(f"{v:.2f}" for v in (*figures, *ratios)))
    Console().print(table)

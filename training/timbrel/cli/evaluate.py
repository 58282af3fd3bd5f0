"""`timbrel evaluate`: how well a model hears, in figures that mean something."""

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    model: Annotated[Path, typer.Argument(help="Model file that `timbrel export` wrote.")],
    recordings: Annotated[list[Path], typer.Argument(help="Sound that it was not trained on.")],
    dataset: Annotated[Path, typer.Option(help="The dataset it was trained on.")],
) -> None:
    """Compare a model's output with the sound it was given, and with what knows less than it does.

    Distances are multiscale spectral distances; smaller is closer. `own` must be clearly below
    `other` (the decoder given other excerpts' latents), or the model ignores its input.
    """
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

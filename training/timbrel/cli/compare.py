"""`timbrel compare`: two runs on the same sound."""

from pathlib import Path
from typing import Annotated

import typer


def compare(
    first: Annotated[Path, typer.Argument(help="Folder of a run, or a checkpoint in one.")],
    second: Annotated[Path, typer.Argument(help="Another one, at the same rate.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for a report with level-matched sound.")
    ] = None,
) -> None:
    """Compare two runs on held-out sound of the first one's dataset, at the same loudness."""
    from statistics import mean

    from timbrel.evaluation.compare import compare as measure

    found = measure(first, second, out)
    for path, distances in ((first, found.first), (second, found.second)):
        print(f"{path}: mean distance {mean(distances):.2f} over {len(distances)} excerpts")
    print(found.verdict)
    if found.page is not None:
        print(f"report: {found.page}")

"""`timbrel export`: a run becomes a model file."""

from pathlib import Path
from typing import Annotated

import typer


def export(
    run: Annotated[Path, typer.Argument(help="Folder that `timbrel train` wrote.")],
    output: Annotated[Path, typer.Argument(help="Model file to write; its name ends in .ts.")],
    author: Annotated[str | None, typer.Option(help="Written into the file.")] = None,
    license_: Annotated[
        str | None, typer.Option("--license", help="Terms of use, written into the file.")
    ] = None,
) -> None:
    """Export the last checkpoint of a run as a model that plays in a patch.

    The file is reloaded and streamed in blocks before it is put in place: what does not sound like
    the trained network is not written.
    """
    from timbrel.export.write import Authorship, export_run
    from timbrel.training.run import Run

    described = export_run(Run(run), output, Authorship(author, license_))
    latency, rate = described["latency"]["forward"], described["sample_rate"]
    latents = described["latents"]
    print(
        f"{output}: {latents['count']} latents, one frame per {latents['ratio']} samples; latency "
        f"{latency} samples ({1000 * latency / rate:.1f} ms) beside the buffer's"
    )
    if "statistics" not in latents:
        print("without statistics of its latents: the dataset is no longer where it was")
    print(f"next: [nn~ {output.stem} forward] in Pure Data, with the file in the patch's folder")

"""`timbrel export`: a run becomes a model file."""

from pathlib import Path
from typing import Annotated

import typer


def export(
    run: Annotated[
        Path,
        typer.Argument(
            help="Folder that `timbrel train` wrote (its last checkpoint), or a checkpoint."
        ),
    ],
    output: Annotated[Path, typer.Argument(help="Model file to write; its name ends in .ts.")],
    latents: Annotated[
        int | None, typer.Option(help="How many latents can be played, from 1 on.")
    ] = None,
    fidelity: Annotated[
        float | None,
        typer.Option(
            help="As many latents as keep this share of what the encoder says.",
            show_default="0.99",
        ),
    ] = None,
    stereo: Annotated[
        bool,
        typer.Option("--stereo", help="Two channels from a mono model: two samples of its chance."),
    ] = False,
    author: Annotated[str | None, typer.Option(help="Written into the file.")] = None,
    license_: Annotated[
        str | None, typer.Option("--license", help="Terms of use, written into the file.")
    ] = None,
) -> None:
    """Export a checkpoint of a run, finished or not, as a model that plays in a patch.

    Latents come in the order in which they matter; those that are left out are filled with chance
    (attribute `noise`). The file is reloaded and streamed in blocks before it is put in place: what
    does not sound like the trained network is not written.
    """
    from timbrel.export.write import Authorship, Latents, export_run

    wanted = Latents(latents, fidelity)
    described = export_run(run, output, Authorship(author, license_), wanted, stereo=stereo)
    latency, rate = described["latency"]["forward"], described["sample_rate"]
    about = described["latents"]
    print(
        f"{output}: {about['count']} of {about['of']} latents, one frame per {about['ratio']} "
        f"samples; latency {latency} samples ({1000 * latency / rate:.1f} ms) beside the buffer's"
    )
    if "statistics" not in about:
        print("its latents are in no order: the dataset is no longer where it was")
    else:
        print(f"fidelity {about['fidelity']:.3f}; found at step {about['found_at_step']}")
    if "match" in about:
        print(
            f"its latents stand where those of an earlier export stood (match {about['match']:.2f})"
        )
    for index, latent in enumerate(about.get("statistics", [])[:8]):
        follows = f", follows {latent['descriptor']} {latent['correlation']:+.2f}"
        print(
            f"  latent {index}: {latent['min']:.1f} to {latent['max']:.1f}"
            + (follows if latent["descriptor"] else "")
        )
    print(f"next: timbrel render {output} RECORDINGS --out rendered")
    print(f"or: [nn~ {output.stem} forward] in Pure Data, with the file in the patch's folder")

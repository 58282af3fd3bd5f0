"""`timbrel doctor`: what a training will need, before days are spent on it."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from timbrel.cli.train import Overrides, ask, chosen


def doctor(
    dataset: Annotated[Path, typer.Argument(help="What `timbrel preprocess` wrote.")],
    preset: Annotated[
        str | None,
        typer.Option(help="Architecture and training, by name; without it you are asked."),
    ] = None,
    folder: Annotated[
        Path, typer.Option("--folder", help="Where the run is going to be: its disk is looked at.")
    ] = Path(),
    set_: Overrides = None,
) -> None:
    """Rehearse both stages of a training for a few steps, and look at its sound.

    Ends with status 1 when the training would fail.
    """
    from timbrel.data import AudioDataset
    from timbrel.errors import UserError

    opened = AudioDataset.open(dataset)
    settings = set_ or []
    if preset is None:
        preset, beside = ask()
        settings = [*beside, *settings]
    config = chosen(opened, preset, settings)
    from timbrel.training.fit import check_fits
    from timbrel.training.progress import duration
    from timbrel.training.rehearsal import disk_problem, rehearse, sound_problems

    check_fits(config, opened, dataset)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    found = rehearse(config, opened, folder)
    training, model = config.training, config.model
    hop = 1000 * model.ratio / model.sample_rate
    own = 1000 * found.latency / model.sample_rate
    lines = [
        f"model: {found.parameters / 1e6:.2f} M parameters; latency of its own {found.latency} "
        f"samples ({own:.1f} ms), one latent every {model.ratio} ({hop:.1f} ms)",
        f"device: {found.device}, {found.memory_gb:.1f} GB of memory used"
        + (f", each batch in {found.parts} parts" if found.parts > 1 else ""),
    ]
    steps = {1: training.steps, 2: training.adversarial.steps}
    for stage, seconds in found.seconds_per_step.items():
        lines.append(
            f"stage {stage}: {1 / seconds:.2f} steps/s, {steps[stage]:,} steps in "
            f"{duration(steps[stage] * seconds)}"
        )
    lines += [
        f"in all: {duration(found.seconds_in_all)}, a validation taking "
        f"{duration(found.seconds_per_validation)}",
        f"disk: {found.checkpoint_gb:.2f} GB for a checkpoint, up to {found.checkpoints_gb:.1f} GB",
    ]
    print("\n".join(lines))
    for problem in sound_problems(config, opened):
        print(f"sound: {problem}")
    if lacking := disk_problem(found.checkpoints_gb, folder):
        raise UserError(lacking)
    repeated = "".join(f" --set {shlex.quote(s)}" for s in settings)
    place = shlex.quote(str(dataset))
    print(f"next: timbrel train {place} RUN --preset {preset}{repeated}")

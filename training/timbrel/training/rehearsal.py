"""Both stages for a few steps, before days are spent: what a training will need, and how long."""

import resource
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from timbrel.config import Config
from timbrel.data import AudioDataset
from timbrel.model.autoencoder import Autoencoder
from timbrel.nn import Sequential, convert
from timbrel.training.checkpoints import write_checkpoint
from timbrel.training.crops import Steps, crops_of, loader, read, spread_excerpts
from timbrel.training.hardware import launch, worker_count
from timbrel.training.stages import Stages
from timbrel.training.validation import validate

#: Steps before the clock runs: the first ones allocate, compile and choose algorithms.
WARM_UP = 2
#: Excerpts of a second that a dataset is looked at in.
LOOKS = 300


@dataclass(frozen=True)
class Rehearsal:
    """What a few steps say about all of them."""

    device: str
    parts: int  #: that each batch must be computed in
    seconds_per_step: dict[int, float]  #: by stage
    seconds_per_validation: float
    seconds_in_all: float
    memory_gb: float  #: most that was in use: of the GPU, or of the process
    checkpoint_gb: float
    checkpoints_gb: float  #: that the run's checkpoints will take
    parameters: int  #: of the autoencoder
    latency: int  #: its own, in samples: what it looks ahead and its filter bank's delay


def rehearse(config: Config, dataset: AudioDataset, folder: Path, steps: int = 4) -> Rehearsal:
    """Takes a few steps of each stage as a training would take them.

    Args:
        config: of the run.
        dataset: its sound.
        folder: where a checkpoint may be written and removed again.
        steps: that are timed, in each stage.

    Raises:
        UserError: whatever would stop the training, memory that is too short included.
    """
    training = config.training
    fabric = launch(config.hardware, training.batch)
    if fabric.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(fabric.device)
    stages = Stages(config, fabric)
    stages.prepare()
    turns = training.adversarial.discriminator_every
    # Whole rounds, so that decoder and discriminator have their shares of the time.
    counted = {1: steps, 2: -(-steps // turns) * turns}
    planned = WARM_UP + counted[1] + (turns + counted[2] if training.adversarial.steps else 0)
    batches = iter(
        loader(
            crops_of(dataset, training),
            Steps(0, planned, training.batch),
            worker_count(config.hardware, fabric.device),
            fabric.device.type == "cuda",
        )
    )

    def timed(count: int) -> float:
        began = time.perf_counter()
        for _ in range(count):
            x, examples = next(batches)
            stages.advance(x.to(fabric.device, non_blocking=True), examples)
        if fabric.device.type == "cuda":
            torch.cuda.synchronize(fabric.device)
        return (time.perf_counter() - began) / count

    timed(WARM_UP)
    seconds = {1: timed(counted[1])}
    if training.adversarial.steps:
        stages.begin_stage_2()
        timed(turns)
        seconds[2] = timed(counted[2])
    held_out = spread_excerpts(dataset, "validation", training.segment, 8)
    began = time.perf_counter()
    validate(stages, held_out, spread_excerpts(dataset, "train", training.segment, len(held_out)))
    validation = time.perf_counter() - began
    checkpoint = _checkpoint_gb(stages, folder)
    saved = 1 + training.most_steps // training.checkpoint_every
    return Rehearsal(
        device=_device_name(fabric.device),
        parts=stages.parts,
        seconds_per_step=seconds,
        seconds_per_validation=validation,
        seconds_in_all=training.steps * seconds[1]
        + training.adversarial.steps * seconds.get(2, 0)
        + training.most_steps / training.validate_every * validation,
        memory_gb=_memory_gb(fabric.device),
        checkpoint_gb=checkpoint,
        # While a new one is written, the last one is still there.
        checkpoints_gb=max(min(config.hardware.checkpoints_gb, saved * checkpoint), checkpoint)
        + checkpoint,
        parameters=_parameters(stages),
        latency=_latency(config),
    )


def sound_problems(config: Config, dataset: AudioDataset) -> list[str]:
    """What about a dataset will disappoint, in plain words."""
    rate = dataset.sample_rate
    problems = []
    seconds = {s: dataset.split_frames(s) / rate for s in ("train", "validation")}
    if seconds["train"] < 600:
        problems.append(
            f"{seconds['train'] / 60:.1f} minutes to learn from: expect an instrument that knows "
            "little else than these; ten minutes and more are better, hours best"
        )
    if seconds["validation"] < 2 * config.training.segment / rate:
        problems.append(
            f"{seconds['validation']:.0f} s of held-out sound are too few to judge by; "
            "give preprocess more files"
        )
    frames = dataset.split_frames("train")
    starts = [frames * i // LOOKS for i in range(LOOKS)]
    looks = [read(dataset, "train", start, rate) for start in starts]
    silent = sum(float((x**2).mean()) < 1e-6 for x in looks) / LOOKS
    if silent > 0.3:
        problems.append(
            f"{100 * silent:.0f} % of the sound is below -60 dBFS: the model will learn silence; "
            "cut it out before preprocess"
        )
    loudest = max(float(abs(x).max()) for x in looks)
    if loudest < 0.05:
        problems.append(
            f"nothing is louder than {loudest:.3f} of full scale: normalise the recordings"
        )
    clipped = len(dataset.manifest.clipped_files)
    if clipped:
        problems.append(f"{clipped} recordings are clipped: distortion is learned as part of them")
    return problems


def disk_problem(needed_gb: float, folder: Path) -> str | None:
    """Why `folder`'s disk is too small, if it is."""
    existing = next(p for p in (folder, *folder.resolve().parents) if p.exists())
    free = shutil.disk_usage(existing).free / 1e9
    if free >= needed_gb:
        return None
    return (
        f"checkpoints need {needed_gb:.1f} GB and {free:.1f} GB are free; choose another disk or "
        "--set hardware.checkpoints_gb=N"
    )


def _checkpoint_gb(stages: Stages, folder: Path) -> float:
    file = folder / "rehearsal.ckpt"
    try:
        write_checkpoint(stages.state(), file)
        return file.stat().st_size / 1e9
    finally:
        file.unlink(missing_ok=True)


def _memory_gb(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    unit = 1 if sys.platform == "darwin" else 1024  # which Linux counts in kilobytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def _parameters(stages: Stages) -> int:
    # Weight norm keeps a weight as its direction and its size (`original0`): one weight all the
    # same.
    return sum(
        p.numel()
        for name, p in stages.model.named_parameters()
        if not name.endswith("original0") and "pqmf" not in name
    )


def _latency(config: Config) -> int:
    model = Autoencoder(config.model).eval()
    encoder = Sequential(model.pqmf.analysis, model.encoder)
    decoder = Sequential(model.decoder, model.pqmf.synthesis)
    # Means are half of what the encoder gives; how late they are is all that is asked for.
    return convert(decoder, convert(encoder).delay).delay + model.latency

"""Small runs for the tests of training, in this process or in ones of their own."""

from dataclasses import dataclass
from pathlib import Path

import torch
from lightning.fabric import Fabric

from timbrel.config import Config, load_preset
from timbrel.data import AudioDataset
from timbrel.training.crops import crops_of
from timbrel.training.fit import train
from timbrel.training.run import Run
from timbrel.training.stages import Stages

QUICK = [
    "model.capacity=2",
    "model.latents=4",
    "training.batch=2",
    "training.segment=18432",
    "training.validate_every=4",
    "training.checkpoint_every=2",
    "training.adversarial.discriminator.scales=1",
    "training.adversarial.discriminator.scale_layers=plain",
    "training.adversarial.discriminator.scale_capacity=2",
]

#: What makes a run that learns within seconds, if on one recording.
LEARNING = [
    "model.capacity=4",
    "model.latents=16",
    "model.dilations=[1, 3]",
    "training.batch=4",
    "training.learning_rate=5e-3",
    "training.final_learning_rate=1e-3",
    "training.validate_every=50",
    "training.checkpoint_every=100",
]


@dataclass(frozen=True)
class Learned:
    """A run, and what it said on stderr."""

    run: Run
    said: str


def quick(steps: int, *overrides: str) -> Config:
    return load_preset("tiny", [*QUICK, f"training.steps={steps}", *overrides])


def fit(dataset: Path, folder: Path, config: Config) -> Run:
    return train(config, AudioDataset.open(dataset), dataset, folder)


def stages(config: Config) -> Stages:
    """Ready to learn, on the CPU."""
    made = Stages(config, Fabric(accelerator="cpu", devices=1))
    made.prepare()
    return made


def batch(config: Config, dataset: Path, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """What a run of `config` sees in `step`."""
    crops = crops_of(AudioDataset.open(dataset), config.training)
    size = config.training.batch
    numbers = range(step * size, (step + 1) * size)
    return torch.stack([crops[i][0] for i in numbers]), torch.tensor(list(numbers))


def state(stages: Stages) -> dict[str, torch.Tensor]:
    return {k: v.clone() for k, v in stages.state()["state_dict"].items()}

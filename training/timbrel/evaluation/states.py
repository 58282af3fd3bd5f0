"""The networks of a run at the beginning and at the end of each stage."""

import torch

from timbrel.config import Config
from timbrel.model.autoencoder import Autoencoder
from timbrel.training.checkpoints import END_OF_STAGE_1
from timbrel.training.networks import Networks
from timbrel.training.run import Run, Trained


def states(run: Run, last: Trained) -> list[tuple[str, Trained]]:
    """Named, from the first weights to `last`."""
    found = [("before training", Trained(first_weights(run.config()), 0, 1))]
    file = run.checkpoints / END_OF_STAGE_1
    if last.stage == 2 and file.exists():
        found.append(("after stage 1", run.load(file)))
    return [*found, (f"after stage {last.stage}", last)]


def first_weights(config: Config) -> Autoencoder:
    """What a run of `config` begins with, unless it is fine-tuned."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.training.seed)
        return Networks(config).model.eval()

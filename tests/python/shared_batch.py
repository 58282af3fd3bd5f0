"""The gradients of one step in stage 1 and of both learners in stage 2, however many devices.

    torchrun --nproc-per-node N shared_batch.py DATASET OUT

Writes them as one file. Batch norm is in eval mode: its statistics are each device's own.
"""

import sys
from pathlib import Path

import torch
from training_runs import batch, quick

from timbrel.training.hardware import launch
from timbrel.training.stages import Stages


def main() -> None:
    dataset, out = map(Path, sys.argv[1:])
    config = quick(4, "training.batch=4", "training.adversarial.steps=4", "hardware.device=cpu")
    fabric = launch(config.hardware, config.training.batch)
    made = Stages(config, fabric)
    made.networks.double()
    made._set_modes = lambda learner: made.networks.eval()
    made.prepare()
    gradients = {}
    for step, learner in enumerate(("autoencoder", "discriminator", "decoder")):
        if step == 1:
            made.begin_stage_2()
        assert made.learner == learner
        x, numbers = batch(config, dataset, step)
        mine = torch.arange(4).tensor_split(fabric.world_size)[fabric.global_rank]
        # No step is taken: what the three learn from are the same first weights.
        for optimizer in (made.optimizer, made.discriminator_optimizer):
            optimizer.step = lambda: None
        made.advance(x[mine].double(), numbers[mine])
        learning = made.networks.discriminator if step == 1 else made.model
        for name, parameter in learning.named_parameters():
            if parameter.grad is not None:
                gradients[f"{learner}.{name}"] = parameter.grad.clone()
    if fabric.is_global_zero:
        torch.save(gradients, out)


if __name__ == "__main__":
    main()

"""Trains one run in process after process, each killed at a random moment, for a test to judge.

    python killed_runs.py DATASET STRAIGHT KILLED KILLS

First the run STRAIGHT is trained in one go; then KILLED, in children of this process, each of
which is sent SIGKILL after a random part of the time that a whole run takes; then KILLED to its
end. After every kill each of its checkpoints must be readable.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

from training_runs import fit, quick

from timbrel.training.run import Run, read_checkpoint

SETTINGS = [
    "training.segment=16896",
    "model.ratios=[2, 2, 2, 2]",
    "model.noise.strides=[2, 2]",
    "model.dilations=[1]",
    "training.adversarial.steps=12",
    "training.ema=0.9",
    "training.checkpoint_every=1",
]


def main() -> None:
    dataset, straight, killed, kills = *map(Path, sys.argv[1:4]), int(sys.argv[4])
    config = quick(12, *SETTINGS)
    began = time.monotonic()
    fit(dataset, straight, config)
    whole = time.monotonic() - began
    chance = random.Random(0)
    survived = 0
    for _ in range(kills):
        child = os.fork()
        if child == 0:
            fit(dataset, killed, config)
            os._exit(0)
        time.sleep(chance.uniform(0, 0.2 * whole))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        survived += os.WIFEXITED(status)
        for checkpoint in (killed / "checkpoints").glob("*.ckpt"):
            read_checkpoint(checkpoint)
    fit(dataset, killed, config)
    print(f"{kills - survived} of {kills} killed; {Run(killed).load_model()[1]} steps")


if __name__ == "__main__":
    main()

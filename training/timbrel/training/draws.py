"""Chance in training, as a function of (seed, purpose, example) and of nothing else.

An example is numbered by its place in the whole run, ``step * batch + index``: a run that is
resumed, or split over devices, draws what it would have drawn otherwise. Draws are made on the
CPU, so that every device is given the same.
"""

from enum import IntEnum

import numpy as np
import torch
from torch import Tensor


class Purpose(IntEnum):
    """What a draw is for; each is a stream of its own."""

    POSTERIOR = 0
    NOISE = 1


def standard_normal(
    seed: int, purpose: Purpose, examples: Tensor, shape: tuple[int, ...]
) -> Tensor:
    """Normal draws ``(len(examples), *shape)``, float32."""
    return torch.stack(
        [torch.randn(shape, generator=_generator(seed, purpose, int(e))) for e in examples]
    )


def uniform(seed: int, purpose: Purpose, examples: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Uniform draws in [-1, 1) ``(len(examples), *shape)``, float32."""
    return torch.stack(
        [torch.rand(shape, generator=_generator(seed, purpose, int(e))) * 2 - 1 for e in examples]
    )


def _generator(seed: int, purpose: Purpose, example: int) -> torch.Generator:
    state = np.random.SeedSequence((seed, int(purpose), example)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]))

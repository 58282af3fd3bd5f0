"""How far a network's output depends on its input, measured rather than computed."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class Reach(NamedTuple):
    """Samples of output, before and after an input sample's place, that this sample can change."""

    before: int
    after: int


def reach(
    function: Callable[[Tensor], Tensor], *, ratio: int, dtype: torch.dtype, limit: int = 2**21
) -> Reach:
    """Measures the reach of an offline signal-to-signal network.

    One sample that is not a number poisons every output it touches: what is poisoned is exactly
    the reach, whatever the network is made of. The signal grows until the poison fits in.

    Args:
        function: maps ``(1, 1, n)`` to ``(1, 1, n)`` for n a multiple of `ratio`, without memory.
        ratio: samples per latent frame; the poison takes a whole one, so that no phase is missed.
        dtype: of the network's weights.
        limit: length at which to give up.

    Raises:
        ValueError: when the reach does not fit into `limit` samples, or nothing depends on the
        input.
    """
    length = 16 * ratio
    while length <= limit:
        x = torch.zeros(1, 1, length, dtype=dtype)
        middle = length // ratio // 2 * ratio
        x[..., middle : middle + ratio] = torch.nan
        with torch.no_grad():
            poisoned = torch.isnan(function(x)[0, 0]).nonzero().flatten()
        if len(poisoned) == 0:
            raise ValueError("the output does not depend on the input")
        first, last = int(poisoned[0]), int(poisoned[-1])
        if first > ratio and last < length - ratio:
            return Reach(middle + ratio - first, last - middle)
        length *= 2
    raise ValueError(f"the output depends on more than {limit} samples of the input")

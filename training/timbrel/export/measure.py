"""What the gate measures of a method: latency, randomness, speed, and why blocks differ."""

import time
from collections.abc import Callable, Sequence
from statistics import median

import torch
from torch import Tensor

from timbrel.export.played import FindingError, Played, noise
from timbrel.module.attributes import Kind

LONGEST_LATENCY = 2**17
"""Samples after which nothing is waited for any more."""


def latency(played: Played, samples: int, stated: int | None) -> int:
    """Samples by which a method's output lags: as stated, else after which an impulse is heard.

    Raises:
        FindingError: where an impulse is forgotten before the stated latency has passed.
    """
    shape = played.shape
    unit = played.unit
    length = -(-max(samples, 2 * (stated or 0), 6 * unit) // unit) * unit
    changed = torch.zeros(0)
    at = 0
    while length <= 2 * LONGEST_LATENCY:
        x = noise(shape, 1, length)
        struck = x.clone()
        at = length // unit // 4 * unit
        struck[..., at // shape.in_ratio] += 1.0
        y, other = played.run(x), played.run(struck)
        # Rounding may differ before the impulse where a whole block is transformed at once.
        audible = (other - y).abs().amax(dim=(0, 1)) > 1e-6 * y.abs().max().clamp_min(1e-3)
        changed = audible.nonzero().flatten()
        if len(changed) or stated is not None:
            break
        length *= 4
    if stated is None:
        return max(int(changed[0]) * shape.out_ratio - at, 0) if len(changed) else 0
    last = int(changed[-1]) * shape.out_ratio - at if len(changed) else 0
    if last + shape.out_ratio <= stated:
        raise FindingError(
            f"`{played.method}`",
            f"lag by {stated} samples, as it states",
            f"an impulse is over {last} samples later",
            "its declaration; state the latency that it has, or none: then it is measured",
        )
    return stated


def randomness(played: Played, x: Tensor) -> tuple[bool, str | None]:
    """Whether another seed gives another sound, and the attribute whose zero prevents that."""
    if _seeds_agree(played, x, lambda module: None):
        return False, None
    module = played.load()
    for name in module.get_attributes():
        if name == "none":
            continue
        if _zero(module, name) is None:
            continue
        try:
            if _seeds_agree(played, x, silenced(name)):
                return True, name
        except (FindingError, torch.jit.Error):
            continue  # a setter that does not take zero
    return True, None


def silenced(name: str) -> Callable[[torch.jit.ScriptModule], object]:
    """Sets an attribute of one element to zero."""
    return lambda module: getattr(module, f"set_{name}")(_zero(module, name))


def _zero(module: torch.jit.ScriptModule, name: str) -> object:
    codes = getattr(module, f"{name}_params").tolist()
    zeros: dict[int, object] = {Kind.BOOL: False, Kind.INT: 0, Kind.FLOAT: 0.0}
    return zeros.get(codes[0]) if len(codes) == 1 else None


def _seeds_agree(
    played: Played, x: Tensor, prepare: Callable[[torch.jit.ScriptModule], object]
) -> bool:
    return torch.equal(
        played.run(x, seed=0, prepare=prepare), played.run(x, seed=1, prepare=prepare)
    )


def real_time_factor(played: Played, block: int, sample_rate: float, seconds: float = 0.2) -> float:
    """How much faster than real time a block is computed, once the compiler has settled."""
    module = played.load()
    method = getattr(module, played.method)
    x = noise(played.shape, 1, block)
    times: list[float] = []
    with torch.no_grad():
        for _ in range(3):
            method(x.clone())
        while len(times) < 3 or (sum(times) < seconds and len(times) < 20):
            start = time.perf_counter()
            method(x.clone())
            times.append(time.perf_counter() - start)
    return float(f"{block / sample_rate / max(median(times), 1e-9):.3g}")


def why_blocks_differ(
    played: Played,
    x: Tensor,
    blocks: Sequence[int],
    whole: Tensor,
    streamed: Tensor,
    tolerance: float,
) -> FindingError:
    """The likely cause of a method giving in blocks what it does not give at once.

    Where the difference lies tells causes apart: around the edges of blocks, from the first edge
    on, or already far within the first block, which has seen nothing but itself.
    """
    ratio = played.shape.out_ratio
    error = (streamed - whole).abs().amax(dim=(0, 1))
    peak = whole.abs().max().clamp_min(1e-6)
    wrong = (error > tolerance * peak).nonzero().flatten() * ratio
    if not torch.equal(played.run(x), whole):
        cause = (
            "it is not even the same twice: it counts on something that is neither its input nor "
            "its state, nor torch's random numbers"
        )
    elif not torch.equal(played.run(x, seed=1), whole):
        cause = (
            "its random numbers are drawn in an order that depends on the blocks; take them from "
            "timbrel.nn.CounterNoise, which counts time"
        )
    elif int(wrong[0]) < blocks[0] // 2:
        cause = (
            "something is computed once per block (a mean, a maximum, a transform, a state that "
            "moves on by one step per call), so that it depends on the block's length; compute it "
            "per sample, or per group of samples with a ratio"
        )
    elif int(wrong[0]) < blocks[0]:
        cause = (
            "the ends of blocks are padded, as by a convolution that does not stream; put the past "
            "before each block (timbrel.nn.Past), or convert the network (timbrel.nn.convert)"
        )
    else:
        cause = (
            "what it has to remember from block to block is lost; keep it in self: a recurrent "
            "layer's state, a position in time, the past that a causal convolution pads with zeros "
            "(timbrel.nn.Past)"
        )
    sizes = f"{min(blocks)}" if min(blocks) == max(blocks) else f"{min(blocks)} to {max(blocks)}"
    found = f"in blocks of {sizes} samples it differs by "
    return FindingError(
        f"`{played.method}`",
        "give the same in any blocks as at once",
        f"{found}{float(error.max() / peak):.1e} of the peak, first at sample {int(wrong[0])}",
        cause,
    )

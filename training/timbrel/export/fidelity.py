"""The exporter's own proof: the file that was written streams exactly what was trained."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from timbrel.errors import UserError
from timbrel.export.file import load_instrument, unoptimised
from timbrel.export.instrument import Instrument
from timbrel.export.offline import Offline
from timbrel.nn import reset
from timbrel.nn.reach import reach

#: Largest relative error ``|a - b| / |b|`` between the file in blocks and the network at once
#: (float32).
TOLERANCE = 1e-5


def relative_error(candidate: Tensor, reference: Tensor) -> float:
    """``|candidate - reference| / |reference|``; not a number counts as infinitely wrong."""
    error = float((candidate - reference).norm() / reference.norm().clamp_min(1e-30))
    return error if np.isfinite(error) else float("inf")


def block_partition(frames: int, ratio: int, rng: np.random.Generator) -> Iterator[int]:
    """Random block lengths, multiples of `ratio`, that add up to `frames`."""
    while frames > 0:
        block = min(ratio * int(rng.integers(1, 5)), frames)
        yield block
        frames -= block


def stream(method: Callable[[Tensor], Tensor], x: Tensor, blocks: Iterator[int]) -> Tensor:
    """Runs `x` through `method` block by block and joins the results."""
    outputs, start = [], 0
    with torch.no_grad(), unoptimised():
        for block in blocks:
            outputs.append(method(x[..., start : start + block]))
            start += block
    return torch.cat(outputs, dim=-1)


def padded_signal(model: Offline, batch: int, frames: int, seed: int = 0) -> tuple[Tensor, slice]:
    """Noise between silences of one reach each, and where streaming must equal offline.

    At a signal's edges the two differ by right: a streaming layer has look-ahead where an offline
    one pads zeros. The slice leaves those out.

    Returns:
        The signal ``(batch, channels, n)``, float of the model's dtype, and the slice of its
        samples that count.
    """
    ratio = model.config.ratio
    channels = model.config.channels
    dtype = next(model.parameters()).dtype
    span = reach(lambda x: model(x.expand(-1, channels, -1)), ratio=ratio, dtype=dtype)
    margin = -(-max(span) // ratio) * ratio
    generator = torch.Generator().manual_seed(seed)
    body = torch.randn(batch, channels, frames * ratio, generator=generator, dtype=dtype) * 0.1
    silence = torch.zeros(batch, channels, margin, dtype=dtype)
    x = torch.cat([silence, body, silence], dim=-1)
    return x, slice(margin, x.shape[-1] - margin)


def streaming_errors(
    model: Offline,
    instrument: torch.nn.Module,
    delays: dict[str, int],
    batch: int,
    seed: int = 0,
) -> dict[str, float]:
    """Relative error of each method, streamed in random blocks, against the network at once.

    Args:
        model: what the file computes, at once, in eval mode.
        instrument: its streaming twin, fresh, scripted or not.
        delays: the delay in samples that the instrument states for each method.
        batch: examples streamed side by side.
        seed: of the signal and of the partition.
    """
    ratio = model.config.ratio
    x, valid = padded_signal(model, batch, frames=8, seed=seed)
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        z = model.encode(x)
        # Alone, `decode` meets latents that are not late, but its noise still expects them to be.
        late = delays["encode"] // ratio
        offline = {"encode": z, "forward": model.decode(z), "decode": model.decode(z, late)}
    errors = {}
    for method, whole in offline.items():
        reset(instrument)
        scale = ratio if method == "encode" else 1
        source, unit = (z, 1) if method == "decode" else (x, ratio)
        streamed = stream(
            getattr(instrument, method), source, block_partition(source.shape[-1], unit, rng)
        )
        delay = delays[method] // scale
        first, last = valid.start // scale, valid.stop // scale
        last = min(last, whole.shape[-1] - delay)
        settled = streamed[..., first + delay : last + delay]
        # Latents are centred: their rounding is that of what they were before.
        offset = model.offset if method == "encode" else torch.zeros(1, 1)
        errors[method] = relative_error(settled + offset, whole[..., first:last] + offset)
    return errors


def verify(path: Path, model: Offline, instrument: Instrument) -> None:
    """Reloads the file and streams it against the network it came from.

    Raises:
        UserError: naming the method and the error, when the file does not do what was trained.
    """
    for batch in (1, 4):
        loaded = load_instrument(path)
        errors = streaming_errors(model, loaded, instrument.streaming_delay, batch)
        for method, error in errors.items():
            if not error < TOLERANCE:
                raise UserError(
                    f"not exported: `{method}` streamed in blocks differs from the trained network "
                    f"by {error:.1e} (batch {batch}, at most {TOLERANCE:.0e} is allowed): a "
                    "layer without a faithful streaming twin"
                )

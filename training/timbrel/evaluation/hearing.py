"""Does a model hear? Its evaluation distance beside what knows less than it does.

A distance alone says little: little training lowers it for *any* latents. So every figure stands
beside silence, noise with the training sound's mean spectrum, and the decoder given another
excerpt's latents.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from timbrel.dsp.spectral import evaluation_distance
from timbrel.errors import UserError
from timbrel.evaluation.spectrum import shaped_noise
from timbrel.export.file import load_instrument, read_metadata, unoptimised

#: Samples per excerpt: long enough for every scale, short enough to differ from its neighbours.
EXCERPT = 32_768

#: An excerpt that never rises above this (-80 dBFS) is left out.
SILENCE = 1e-4


@dataclass(frozen=True)
class Hearing:
    """Mean evaluation distances over the excerpts of a recording; smaller is closer."""

    excerpts: int
    own: float  #: decoded from the excerpt's own latents
    other: float  #: decoded from the latents of other excerpts
    noise: float  #: noise with the training sound's mean spectrum
    silence: float

    @property
    def own_to_other(self) -> float:
        """Near 1: the model ignores its input (posterior collapse)."""
        return self.own / self.other

    @property
    def own_to_noise(self) -> float:
        """At 1: no better than noise that knows no time."""
        return self.own / self.noise


@torch.no_grad()
def judge(model: Path, recording: NDArray[np.float32], spectrum: Tensor) -> Hearing:
    """Judges an exported model on one recording.

    Args:
        model: a model file with `encode` and `decode`, made by Timbrel.
        recording: mono samples ``(frames,)`` at the model's rate, two excerpts at least.
        spectrum: `mean_spectrum` of the training sound.

    Raises:
        UserError: when the recording is too short or the file is not one of ours.
    """
    if not np.isfinite(recording).all():
        raise UserError("a recording to judge by holds samples that are not numbers")
    excerpts = recording[: len(recording) // EXCERPT * EXCERPT].reshape(-1, 1, EXCERPT)
    # A distance relative to silence has no meaning.
    excerpts = excerpts[np.abs(excerpts).max(axis=(1, 2)) > SILENCE]
    count = len(excerpts)
    if count < 2:
        raise UserError(
            f"a recording to judge by needs at least {2 * EXCERPT} samples that are not silent, "
            f"this one has {count * EXCERPT}"
        )
    metadata = read_metadata(model)
    if "latency" not in metadata:
        raise UserError(f"{model}: states no latency; it was not made by `timbrel export`")
    ratio = metadata["latents"]["ratio"]
    ahead = metadata["latency"]["encode"] // ratio
    delay = metadata["latency"]["forward"] - metadata["latency"]["encode"]
    x = torch.from_numpy(excerpts)
    # Silence behind the excerpts lets out what look-ahead and latency still hold.
    tail = -(-metadata["latency"]["forward"] // ratio) * ratio
    padded = torch.cat([x, torch.zeros(count, 1, tail)], dim=-1)
    with unoptimised():
        z = load_instrument(model).encode(padded)[..., ahead:]
        others = range(1, min(count, 5))
        decoded = [_decode(model, z.roll(shift, dims=0), delay) for shift in (0, *others)]
    target = x.squeeze(1)
    own, *other = (evaluation_distance(target[..., : y.shape[-1]], y) for y in decoded)
    noise = shaped_noise(spectrum, (count, EXCERPT))
    return Hearing(
        excerpts=count,
        own=float(own.mean()),
        other=float(torch.stack(other).mean()),
        noise=float(evaluation_distance(target, noise).mean()),
        silence=float(evaluation_distance(target, torch.zeros_like(target)).mean()),
    )


def _decode(model: Path, z: Tensor, delay: int) -> Tensor:
    y: Tensor = load_instrument(model).decode(z)
    return y[:, 0, delay:][..., :EXCERPT]

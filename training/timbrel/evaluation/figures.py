"""The figures of a run: what the paper reports of a model, measured on sound it never learned.

Distances are `evaluation_distance`; KL divergences are exact, with the factor 1/2, so that they can
be read beside the paper's (table 3, figure 7).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from timbrel.data import AudioDataset
from timbrel.dsp.spectral import evaluation_distance
from timbrel.evaluation.spectrum import mean_spectrum, shaped_noise
from timbrel.export.offline import Offline
from timbrel.latent.descriptors import describe
from timbrel.latent.fidelity import fidelity
from timbrel.latent.space import LatentSpace
from timbrel.model.autoencoder import Autoencoder
from timbrel.training.losses import kl_per_latent
from timbrel.training.validation import distances as per_excerpt
from timbrel.training.validation import in_parts

#: Samples of an excerpt, about: long enough for every scale, short enough to differ from others.
EXCERPT = 32_768
#: Draws of chance that a distance with latents left out is the mean of.
DRAWS = 3
#: Networks process so many excerpts at a time.
BATCH = 8


def excerpt_length(ratio: int) -> int:
    """Whole latent frames."""
    return -(-EXCERPT // ratio) * ratio


def in_batches(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """`function` of as many excerpts at a time as fit."""
    return in_parts(function, x, -(-len(x) // BATCH))


@dataclass(frozen=True)
class Closeness:
    """Means over excerpts; smaller is closer."""

    own: float  #: decoded from the excerpt's own latents
    other: float  #: decoded from another excerpt's
    #: Median |error| of pitch in cents, over frames where both have one; NaN where there are none.
    pitch_cents: float
    loudness_correlation: float  #: of the loudness envelopes, over all frames

    @property
    def own_to_other(self) -> float:
        """Near 1: the model ignores its input."""
        return self.own / self.other


@dataclass(frozen=True)
class Baselines:
    """Distances of what knows nothing of an excerpt."""

    noise: float  #: with the training sound's mean spectrum
    silence: float


@torch.no_grad()
def closeness(model: Autoencoder, x: Tensor) -> Closeness:
    """How close a network's output is to excerpts ``(n, channels, samples)``, two at least."""
    target = in_batches(model.pqmf, x)
    z = in_batches(model.encode, x)
    own, other = (in_batches(model.decode, codes) for codes in (z, z.roll(1, dims=0)))
    rate, ratio = model.config.sample_rate, min(model.config.ratio, 512)
    heard = [_described(signal, rate, ratio) for signal in (target, own)]
    cents = 100 * (heard[0]["pitch"] - heard[1]["pitch"]).abs()
    voiced = cents[~cents.isnan()]
    # Below -80 dB nobody hears how much quieter it is.
    envelopes = torch.stack([h["loudness"].clamp_min(-80) for h in heard])
    return Closeness(
        float(per_excerpt(target, own).mean()),
        float(per_excerpt(target, other).mean()),
        float(voiced.median()) if len(voiced) else float("nan"),
        float(torch.corrcoef(envelopes)[0, 1]),
    )


def baselines(dataset: AudioDataset, x: Tensor) -> Baselines:
    """What the same excerpts are from noise and from silence."""
    rate = dataset.sample_rate
    total = dataset.split_frames("train")
    seconds = min(total // rate, 600)
    pieces = max(seconds // 10, 1)
    spectrum = mean_spectrum(
        dataset.read("train", total * i // pieces, min(10 * rate, total)) for i in range(pieces)
    )
    flat = x.flatten(0, 1)
    noise = shaped_noise(spectrum, (len(flat), flat.shape[-1]))
    return Baselines(
        float(evaluation_distance(flat, noise).mean()),
        float(evaluation_distance(flat, torch.zeros_like(flat)).mean()),
    )


@dataclass(frozen=True)
class Rank:
    """A number of latents, what it keeps, and what that does to the sound (figure 2)."""

    kept: int
    fidelity: float  #: by singular values (equation 11)
    fidelity_by_variance: float  #: as the authors' code has it
    distance: float
    spread: float  #: standard deviation over draws of what fills the others


@torch.no_grad()
def ranks(model: Autoencoder, space: LatentSpace, x: Tensor) -> list[Rank]:
    """Distances of excerpts with 1, 2, 3, 4, 6, 8, 12, ... and with all latents."""
    size = space.size
    values = space.singular_values.double().sort(descending=True).values
    by = [fidelity(values, name) for name in ("singular_values", "variance")]
    steps = sorted({n for i in range(12) for n in (2**i, 3 * 2**i) if n < size} | {size})
    target = in_batches(model.pqmf, x)
    found = []
    for kept in steps:
        offline = Offline(model, space, kept)
        z = in_batches(offline.encode, x)
        draws = []
        for draw in range(1 if kept == size else DRAWS):
            # Another place in time is another draw.
            y = in_batches(partial(offline.decode, late=1000 * draw), z)
            draws.append(float(per_excerpt(target, y).mean()))
        found.append(
            Rank(
                kept,
                float(by[0][kept - 1]),
                float(by[1][kept - 1]),
                float(np.mean(draws)),
                float(np.std(draws)),
            )
        )
    return found


@dataclass(frozen=True)
class Divergence:
    """KL divergence from the prior on one kind of sound (table 3)."""

    name: str
    mean: float  #: over latents, time and excerpts
    spread: float  #: standard deviation over excerpts
    per_latent: list[float]  #: mean over time and excerpts (figure 7)


@torch.no_grad()
def divergence(model: Autoencoder, name: str, x: Tensor) -> Divergence:
    """Of excerpts ``(n, channels, samples)``."""
    pieces = [
        kl_per_latent(model.posterior(model.pqmf.analysis(piece)), "exact")
        for piece in x.tensor_split(-(-len(x) // BATCH))
    ]
    found = torch.cat(pieces)
    over_excerpts = found.mean(dim=1)
    return Divergence(
        name,
        float(over_excerpts.mean()),
        float(over_excerpts.std()) if len(x) > 1 else 0.0,
        found.mean(dim=0).tolist(),
    )


@dataclass(frozen=True)
class Speed:
    """Samples per second that a method makes (table 2), and how many times real time that is."""

    method: str
    device: str
    samples_per_second: float
    real_time: float


@torch.no_grad()
def speeds(model: Autoencoder, trials: int = 100, seconds: float = 2.0) -> list[Speed]:
    """Of decoding and of encoding and decoding, one excerpt at a time, on the model's device.

    The mean of `trials`, or of as many as fit into `seconds`.
    """
    config = model.config
    device = next(model.parameters()).device
    length = excerpt_length(config.ratio)
    z = torch.randn(1, config.latents, length // config.ratio, device=device)
    x = 0.1 * torch.randn(1, config.channels, length, device=device)
    threads = torch.get_num_threads()
    name = f"{device.type}, {threads} thread{'s' if threads > 1 else ''}"
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    found = []
    for method, call in (("decode", lambda: model.decode(z)), ("forward", lambda: model(x))):
        call()  # what is only done once
        times: list[float] = []
        while len(times) < trials and (sum(times) < seconds or len(times) < 3):
            _wait(device)
            start = time.perf_counter()
            call()
            _wait(device)
            times.append(time.perf_counter() - start)
        rate = length / float(np.mean(times))
        found.append(Speed(method, name, rate, rate / config.sample_rate))
    return found


def cut(recording: NDArray[np.float32], channels: int, length: int, most: int = 32) -> Tensor:
    """Excerpts ``(n, channels, length)`` of a mono recording, at most so many, silence left out."""
    padded = np.pad(recording, (0, max(0, length - len(recording))))
    whole = padded[: len(padded) // length * length].reshape(-1, 1, length)
    heard = whole[np.abs(whole).max(axis=(1, 2)) > 1e-4]
    step = max(1, -(-len(heard) // most))
    return torch.from_numpy(heard[::step]).expand(-1, channels, -1).contiguous()


def _described(x: Tensor, sample_rate: int, ratio: int) -> dict[str, Tensor]:
    pieces = [describe(mono, sample_rate, ratio) for mono in x.mean(dim=1)]
    return {name: torch.cat([p[name] for p in pieces]) for name in pieces[0]}


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)

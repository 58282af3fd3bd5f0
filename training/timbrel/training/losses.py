"""What both stages minimise (paper, equations 5 to 8), per example throughout.

A loss of one example depends on no other: a batch can be split over devices, or in time, without
a difference but rounding.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from timbrel.dsp.spectral import MultiscaleDistance, loudness_distance
from timbrel.model.autoencoder import networks
from timbrel.model.config import ModelConfig
from timbrel.model.discriminators import Features
from timbrel.model.encoder import Posterior
from timbrel.nn.reach import reach
from timbrel.training.config import LossConfig


def kl_divergence(posterior: Posterior, form: str = "doubled") -> Tensor:
    """KL divergence from a standard normal, summed over latents, mean over time: ``(batch,)``.

    `doubled` is ``mean² + var - ln var - 1``, as the authors have it; `exact` is half of that.
    """
    return kl_per_latent(posterior, form).sum(dim=1)


def kl_per_latent(posterior: Posterior, form: str = "doubled") -> Tensor:
    """`kl_divergence` of each latent: ``(batch, latents)``."""
    variance = posterior.std**2
    doubled = posterior.mean**2 + variance - torch.log(variance) - 1
    return doubled.mean(dim=-1) * (0.5 if form == "exact" else 1.0)


def beta(config: LossConfig, step: int) -> float:
    """Weight of the divergence at `step` (equation 6)."""
    share = min(step / config.beta_warmup, 1.0) if config.beta_warmup else 1.0
    if config.beta_start is None:
        return config.beta * share
    return config.beta_start * (config.beta / config.beta_start) ** share


class SpectralLoss(NamedTuple):
    """Equation 5 and what the authors add to it, each ``(batch,)``."""

    bands: Tensor  #: spectral distance between the bands
    full_band: Tensor  #: spectral distance between the signals
    loudness: Tensor  #: unweighted

    def total(self, config: LossConfig) -> Tensor:
        """The reconstruction term of equations 6 and 8."""
        return self.bands + self.full_band + config.loudness * self.loudness


class SpectralCriterion(nn.Module):
    """Distances on the bands and on the full band.

    The full-band target is the input after its own round trip through the filter bank: whatever
    delay the bank has, target and output share it.
    """

    def __init__(self, config: LossConfig, model: ModelConfig) -> None:
        super().__init__()
        self.distance = MultiscaleDistance(config.logarithm)
        self.edges = (0, 0) if config.edges else padded_frames(model)

    def forward(self, target: Tensor, bands: Tensor, aligned: Tensor, y: Tensor) -> SpectralLoss:
        """Distances of `bands` from `target` and of the signal `y` from `aligned`."""
        inner = slice(self.edges[0], target.shape[-1] - self.edges[1])
        return SpectralLoss(
            self.distance(target[..., inner], bands[..., inner]),
            self.distance(aligned, y),
            loudness_distance(aligned, y),
        )


def padded_frames(config: ModelConfig) -> tuple[int, int]:
    """Band frames at a segment's beginning and end that depend on the zeros beyond it."""
    # How far networks reach depends on their kernels, not on their widths.
    narrow = config.model_copy(update={"capacity": 2, "latents": 1, "channels": 1, "noise": None})
    with torch.random.fork_rng(devices=[]):
        encoder, decoder = (network.eval() for network in networks(narrow))

    def bands(x: Tensor) -> Tensor:
        raw = encoder(x.expand(1, narrow.band_channels, -1))
        y: Tensor = decoder(raw[:, :1])[:, :1]
        return y

    span = reach(bands, ratio=narrow.band_ratio, dtype=torch.float32)
    bank = config.pqmf.taps // config.pqmf.bands
    return span.after + bank, span.before + bank


def hinge_discriminator(real: list[Features], fake: list[Features]) -> Tensor:
    """Equation 7, the discriminator's part, summed over discriminators: ``(batch,)``."""
    return torch.stack(
        [
            F.relu(1 - r[-1]).flatten(1).mean(dim=1) + F.relu(1 + f[-1]).flatten(1).mean(dim=1)
            for r, f in zip(real, fake, strict=True)
        ]
    ).sum(dim=0)


def hinge_generator(fake: list[Features]) -> Tensor:
    """Equation 7, the generator's part, summed over discriminators: ``(batch,)``."""
    return torch.stack([-f[-1].flatten(1).mean(dim=1) for f in fake]).sum(dim=0)


def feature_matching(
    real: list[Features], fake: list[Features], *, relative: bool = False, skip: int = 0
) -> Tensor:
    """Equation 8's feature distance (Kumar et al. 2019), scores included: ``(batch,)``.

    Over a discriminator's layers the mean of mean |Δ|, over discriminators the sum.

    Args:
        real: features of recordings.
        fake: features of their reconstructions.
        relative: divides each layer's mean |Δ| by the mean size of the real features.
        skip: first layers that are not compared.
    """
    total = []
    for real_layers, fake_layers in zip(real, fake, strict=True):
        distances = []
        for r, f in zip(real_layers[skip:], fake_layers[skip:], strict=True):
            distance = (r - f).abs().flatten(1).mean(dim=1)
            if relative:
                distance = distance / r.abs().flatten(1).mean(dim=1).clamp_min(1e-7)
            distances.append(distance)
        total.append(torch.stack(distances).mean(dim=0))
    return torch.stack(total).sum(dim=0)

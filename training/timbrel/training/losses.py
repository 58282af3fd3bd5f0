"""The variational stage's loss (paper, equations 5 and 6)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from timbrel.config import LossConfig
from timbrel.dsp.spectral import MultiscaleDistance, loudness_distance
from timbrel.model.autoencoder import Autoencoder
from timbrel.model.encoder import Posterior


class VariationalLoss(NamedTuple):
    """Terms of equation 6, each a mean over the batch."""

    total: Tensor
    bands: Tensor  #: spectral distance between the bands
    full_band: Tensor  #: spectral distance between the signals
    loudness: Tensor
    divergence: Tensor  #: KL, unweighted


def kl_divergence(posterior: Posterior) -> Tensor:
    """``sum over latents of mean² + var - ln var - 1``, mean over time: ``(batch,)``.

    Twice the KL divergence from a standard normal: the authors leave out the factor one half, so
    that their beta of 0.1 means what 0.2 would mean in equation 6.
    """
    variance = posterior.std**2
    per_latent = posterior.mean**2 + variance - torch.log(variance) - 1
    return per_latent.sum(dim=1).mean(dim=-1)


class VariationalCriterion(nn.Module):
    """Equation 6: spectral distances on the bands and on the full band, plus beta times KL.

    The full-band target is the input after its own round trip through the filter bank: whatever
    delay the bank has, target and output share it.
    """

    def __init__(self, config: LossConfig) -> None:
        super().__init__()
        self.config = config
        self.distance = MultiscaleDistance()

    def forward(self, model: Autoencoder, x: Tensor, step: int) -> VariationalLoss:
        """Loss of signals `x` ``(batch, 1, n)`` at training step `step`."""
        bands, target, posterior = model.reconstruct(x)
        y, aligned = model.pqmf.synthesis(bands), model.pqmf.synthesis(target)
        band_distance = self.distance(target, bands).mean()
        full_distance = self.distance(aligned, y).mean()
        loudness = loudness_distance(aligned, y).mean()
        divergence = kl_divergence(posterior).mean()
        total = (
            band_distance
            + full_distance
            + self.config.loudness * loudness
            + self.beta(step) * divergence
        )
        return VariationalLoss(total, band_distance, full_distance, loudness, divergence)

    def beta(self, step: int) -> float:
        """Weight of the divergence at `step`."""
        if self.config.beta_warmup == 0:
            return self.config.beta
        return self.config.beta * min(step / self.config.beta_warmup, 1.0)

"""Encoder, latent posterior, decoder and filter bank as one module."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from timbrel.dsp.pqmf import PQMF
from timbrel.model.config import ModelConfig
from timbrel.model.decoder import Decoder
from timbrel.model.encoder import Posterior, encoder
from timbrel.nn import Padding


class Reconstruction(NamedTuple):
    """What one pass of the autoencoder gives; bands are ``(batch, bands, n / bands)``."""

    bands: Tensor  #: the decoder's output
    target: Tensor  #: the input, analysed
    posterior: Posterior


class Autoencoder(nn.Module):
    """The paper's model (figure 1), mono: ``(batch, 1, n)``, n a multiple of `config.ratio`."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.pqmf = PQMF(config.pqmf.bands, config.pqmf.taps, Padding(config.padding))
        self.encoder = encoder(config)
        self.decoder = Decoder(config)

    def encode(self, x: Tensor) -> Tensor:
        """Posterior means ``(batch, latents, n / ratio)``."""
        return self.posterior(self.pqmf.analysis(x)).mean

    def decode(self, z: Tensor) -> Tensor:
        """Signal ``(batch, 1, frames * ratio)`` from latents ``(batch, latents, frames)``."""
        y: Tensor = self.pqmf.synthesis(self.decoder(z))
        return y

    def forward(self, x: Tensor) -> Tensor:
        """`decode` of `encode`, late by `latency` samples."""
        return self.decode(self.encode(x))

    @property
    def latency(self) -> int:
        """Samples by which the offline output lags: a causal filter bank's delay, else 0."""
        return self.pqmf.latency

    def posterior(self, bands: Tensor) -> Posterior:
        """The posterior of latents given bands ``(batch, bands, n)``."""
        mean, scale = self.encoder(bands).chunk(2, dim=1)
        return Posterior(mean, F.softplus(scale) + 1e-4)

    def reconstruct(self, x: Tensor) -> Reconstruction:
        """One training pass: latents are sampled from the posterior (equation 2)."""
        target = self.pqmf.analysis(x)
        posterior = self.posterior(target)
        z = posterior.mean + posterior.std * torch.randn_like(posterior.std)
        return Reconstruction(self.decoder(z), target, posterior)

"""Encoder, latent posterior, decoder and filter bank as one module."""

from torch import Tensor, nn

from timbrel.dsp.pqmf import PQMF
from timbrel.model.config import ModelConfig
from timbrel.model.decoder import Decoder
from timbrel.model.dilated import DilatedDecoder, dilated_encoder
from timbrel.model.encoder import Posterior, encoder
from timbrel.nn import Padding, Sequential


class Autoencoder(nn.Module):
    """The model (paper, figure 1): ``(batch, channels, n)``, n a multiple of `config.ratio`."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.pqmf = PQMF(
            config.pqmf.bands, config.pqmf.taps, Padding(config.padding), config.channels
        )
        self.encoder, self.decoder = networks(config)

    def encode(self, x: Tensor) -> Tensor:
        """Posterior means ``(batch, latents, n / ratio)``."""
        return self.posterior(self.pqmf.analysis(x)).mean

    def decode(self, z: Tensor) -> Tensor:
        """Signal ``(batch, channels, frames * ratio)`` of ``(batch, latents, frames)``."""
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
        return Posterior.of(self.encoder(bands))


def networks(config: ModelConfig) -> tuple[Sequential, Decoder | DilatedDecoder]:
    """Encoder and decoder of the variant that `config` names."""
    if config.variant == "v1":
        return encoder(config), Decoder(config)
    return dilated_encoder(config), DilatedDecoder(config)

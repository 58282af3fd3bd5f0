"""The module that a model file holds: the streaming twins behind the methods that a patch calls."""

from torch import Tensor, nn

from timbrel.model.autoencoder import Autoencoder
from timbrel.module import Module
from timbrel.nn import Sequential, convert


class Means(nn.Module):
    """The first half of the encoder's channels: the posterior's means."""

    def __init__(self, latents: int) -> None:
        super().__init__()
        self.latents = latents

    def forward(self, x: Tensor) -> Tensor:
        return x[:, : self.latents]


class Instrument(Module):
    """`encode`, `decode` and `forward` of a trained network, streaming."""

    def __init__(self, model: Autoencoder) -> None:
        config = model.config
        super().__init__(config.sample_rate)
        encoder = Sequential(model.pqmf.analysis, model.encoder)
        encoder_twin, encoder_delay = convert(encoder)
        # The decoder is told how late its latents are, so that what depends on absolute positions
        # (noise) is the offline network's in `forward`.
        decoder = Sequential(model.decoder, model.pqmf.synthesis)
        decoder_twin, forward_delay = convert(decoder, encoder_delay)
        self.encoder = nn.Sequential(encoder_twin, Means(config.latents))
        self.decoder = decoder_twin
        #: Streaming delay of each method in samples, against the offline network.
        self.streaming_delay = {
            "encode": encoder_delay * config.ratio,
            "decode": forward_delay - encoder_delay * config.ratio,
            "forward": forward_delay,
        }
        latents = [f"latent {i}" for i in range(config.latents)]
        # What a listener measures: the streaming delay, and that of a causal filter bank within the
        # network.
        self.declare_method(
            "encode",
            in_channels=1,
            out_channels=config.latents,
            out_ratio=config.ratio,
            input_labels=["audio"],
            output_labels=latents,
            latency=self.streaming_delay["encode"],
        )
        self.declare_method(
            "decode",
            in_channels=config.latents,
            in_ratio=config.ratio,
            out_channels=1,
            input_labels=latents,
            output_labels=["audio"],
            latency=self.streaming_delay["decode"],
        )
        self.declare_method(
            "forward",
            in_channels=1,
            out_channels=1,
            input_labels=["audio"],
            output_labels=["audio"],
            latency=self.streaming_delay["forward"] + model.latency,
        )

    def encode(self, x: Tensor) -> Tensor:
        """Signal ``(batch, 1, n)`` to latents ``(batch, latents, n / ratio)``."""
        z: Tensor = self.encoder(x)
        return z

    def decode(self, z: Tensor) -> Tensor:
        """Latents ``(batch, latents, frames)`` to a signal ``(batch, 1, frames * ratio)``."""
        y: Tensor = self.decoder(z)
        return y

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))

"""The module that a model file holds: the streaming twins behind the methods that a patch calls."""

import torch
from torch import Tensor, nn

from timbrel.model.autoencoder import Autoencoder
from timbrel.nn import Sequential, convert


class Means(nn.Module):
    """The first half of the encoder's channels: the posterior's means."""

    def __init__(self, latents: int) -> None:
        super().__init__()
        self.latents = latents

    def forward(self, x: Tensor) -> Tensor:
        return x[:, : self.latents]


class Instrument(nn.Module):
    """`encode`, `decode` and `forward` as every nn~ expects them (design, contract 1).

    Each method takes and returns ``(batch, channels, frames)``. Its ``_params`` buffer says
    [input channels, input ratio, output channels, output ratio], ratios in samples per frame.
    """

    encode_input_labels: list[str]
    encode_output_labels: list[str]
    decode_input_labels: list[str]
    decode_output_labels: list[str]
    forward_input_labels: list[str]
    forward_output_labels: list[str]
    methods: list[str]
    attributes: list[str]

    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        config = model.config
        encoder = Sequential(model.pqmf.analysis, model.encoder)
        encoder_twin, encoder_delay = convert(encoder)
        # The decoder is told how late its latents are, so that what depends on absolute positions
        # (noise) is the offline network's in `forward`.
        decoder = Sequential(model.decoder, model.pqmf.synthesis)
        decoder_twin, forward_delay = convert(decoder, encoder_delay)
        self.encoder = nn.Sequential(encoder_twin, Means(config.latents))
        self.decoder = decoder_twin
        self.sample_rate = config.sample_rate
        #: Streaming delay of each method in samples, against the offline network.
        self.streaming_delay = {
            "encode": encoder_delay * config.ratio,
            "decode": forward_delay - encoder_delay * config.ratio,
            "forward": forward_delay,
        }
        latents = [f"(signal) latent {i}" for i in range(config.latents)]
        audio = ["(signal) audio"]
        self._declare("encode", 1, 1, config.latents, config.ratio)
        self.encode_input_labels, self.encode_output_labels = audio, latents
        self._declare("decode", config.latents, config.ratio, 1, 1)
        self.decode_input_labels, self.decode_output_labels = latents, audio
        self._declare("forward", 1, 1, 1, 1)
        self.forward_input_labels, self.forward_output_labels = audio, audio
        self.methods = list(self.streaming_delay)
        self.attributes = ["none"]  # contract 1's placeholder for "there are none"

    def _declare(
        self, method: str, in_channels: int, in_ratio: int, out_channels: int, out_ratio: int
    ) -> None:
        params = torch.tensor([in_channels, in_ratio, out_channels, out_ratio])
        self.register_buffer(f"{method}_params", params)

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        """Signal ``(batch, 1, n)`` to latents ``(batch, latents, n / ratio)``."""
        z: Tensor = self.encoder(x)
        return z

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        """Latents ``(batch, latents, frames)`` to a signal ``(batch, 1, frames * ratio)``."""
        y: Tensor = self.decoder(z)
        return y

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))

    @torch.jit.export
    def get_methods(self) -> list[str]:
        """Names of the methods, as hosts ask for them."""
        return self.methods

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        """Names of the attributes, as hosts ask for them."""
        return self.attributes

    @torch.jit.export
    def get_sample_rate(self) -> int:
        """Sample rate in Hz that the model was trained at."""
        return self.sample_rate

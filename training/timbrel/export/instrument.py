"""The module that a model file holds: the streaming twins behind the methods that a patch calls."""

from torch import Tensor

from timbrel.errors import UserError
from timbrel.latent.crop import Expand, Project
from timbrel.latent.space import LatentSpace
from timbrel.model.autoencoder import Autoencoder
from timbrel.module import Module, attribute
from timbrel.nn import Sequential, convert


class Instrument(Module):
    """`encode`, `decode` and `forward` of a trained network, streaming.

    `forward` is `decode` of `encode`, chance included, so that a host may split it and play the
    latents in between.
    """

    temperature = attribute(
        0.0,
        range=(0.0, 4.0),
        doc="chance in the latents: 0 the posterior's mean, 1 a sample of it",
    )
    noise = attribute(
        1.0,
        range=(0.0, 4.0),
        doc="chance in the latents that were left out: 1 as the prior has it, 0 none",
    )

    def __init__(
        self,
        model: Autoencoder,
        space: LatentSpace | None = None,
        kept: int | None = None,
        *,
        stereo: bool = False,
    ) -> None:
        """A mono network's `stereo` decodes two samples of the posterior (with temperature 1).

        Raises:
            UserError: when there are not so many latents, or the network has channels of its own.
        """
        config = model.config
        super().__init__(config.sample_rate)
        space = space or LatentSpace.unrotated(config.latents)
        kept = config.latents if kept is None else kept
        check_kept(config.latents, kept)
        if stereo and config.channels > 1:
            raise UserError(
                f"the model has {config.channels} channels of its own: leave stereo out"
            )
        channels = 2 if stereo else config.channels
        encoder = Sequential(model.pqmf.analysis, model.encoder)
        encoder_twin, encoder_delay = convert(encoder)
        # The decoder is told how late its latents are, so that what depends on absolute positions
        # (noise) is the offline network's in `forward`.
        decoder = Sequential(model.decoder, model.pqmf.synthesis)
        decoder_twin, forward_delay = convert(decoder, encoder_delay)
        self.encoder = encoder_twin
        dtype = next(model.parameters()).dtype
        self.project = Project(space, kept, encoder_delay).to(dtype)
        self.expand = Expand(space, kept, encoder_delay, samples=2 if stereo else 1).to(dtype)
        self.decoder = decoder_twin
        self.stereo = stereo
        self.temperature = 1.0 if stereo else 0.0
        #: Streaming delay of each method in samples, against the offline network.
        self.streaming_delay = {
            "encode": encoder_delay * config.ratio,
            "decode": forward_delay - encoder_delay * config.ratio,
            "forward": forward_delay,
        }
        about = [space.latents[i].label for i in space.order(kept)] if space.latents else []
        latents = [f"latent {i}{about[i] if about else ''}" for i in range(kept)]
        sound_in, sound_out = _sound(config.channels), _sound(channels)
        self.declare_method(
            "encode",
            in_channels=config.channels,
            out_channels=kept,
            out_ratio=config.ratio,
            input_labels=sound_in,
            output_labels=latents,
            latency=self.streaming_delay["encode"],
        )
        self.declare_method(
            "decode",
            in_channels=kept,
            in_ratio=config.ratio,
            out_channels=channels,
            input_labels=latents,
            output_labels=sound_out,
            latency=self.streaming_delay["decode"],
        )
        # What a listener measures: the streaming delay, and that of a causal filter bank within the
        # network.
        self.declare_method(
            "forward",
            in_channels=config.channels,
            out_channels=channels,
            input_labels=sound_in,
            output_labels=sound_out,
            latency=self.streaming_delay["forward"] + model.latency,
        )

    def encode(self, x: Tensor) -> Tensor:
        """Signal ``(batch, channels, n)`` to latents ``(batch, kept, n / ratio)``."""
        z: Tensor = self.project(self.encoder(x), 0.0 if self.stereo else self.temperature)
        return z

    def decode(self, z: Tensor) -> Tensor:
        """Latents ``(batch, kept, frames)`` to a signal ``(batch, channels, frames * ratio)``."""
        y: Tensor = self.decoder(self.expand(z, self.noise, self.temperature))
        return y.reshape(z.shape[0], -1, y.shape[-1])

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))


def check_kept(latents: int, kept: int) -> None:
    """Refuses more latents than there are, or none.

    Raises:
        UserError: naming how many there are.
    """
    if not 1 <= kept <= latents:
        raise UserError(f"the model has {latents} latents; choose from 1 to {latents}, not {kept}")


def _sound(channels: int) -> list[str]:
    if channels == 1:
        return ["audio"]
    if channels == 2:
        return ["audio left", "audio right"]
    return [f"audio {i + 1}" for i in range(channels)]

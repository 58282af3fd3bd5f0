"""What an exported file computes, for a whole signal at once: the reference of its streaming."""

from torch import Tensor, nn

from timbrel.latent.crop import Expand, Project
from timbrel.latent.space import LatentSpace
from timbrel.model.autoencoder import Autoencoder


class Offline(nn.Module):
    """A network with its latents rotated and cropped; no state remains from call to call.

    `temperature` and `noise` are the file's attributes of these names.
    """

    def __init__(
        self,
        model: Autoencoder,
        space: LatentSpace | None = None,
        kept: int | None = None,
        *,
        samples: int = 1,
    ) -> None:
        super().__init__()
        self.model = model
        self.config = model.config
        self.space = space or LatentSpace.unrotated(model.config.latents)
        self.kept = model.config.latents if kept is None else kept
        self.samples = samples
        self.temperature = 0.0
        self.noise = 1.0

    @property
    def offset(self) -> Tensor:
        """What centring takes away from each latent that is kept: ``(kept, 1)``."""
        columns = self.space.basis[:, self.space.order(self.kept)[: self.kept]]
        return (self.space.mean @ columns).unsqueeze(-1)

    def encode(self, x: Tensor) -> Tensor:
        """Signal ``(batch, channels, n)`` to latents ``(batch, kept, n / ratio)``."""
        raw = self.model.encoder(self.model.pqmf.analysis(x))
        project = Project(self.space, self.kept).to(raw)
        z: Tensor = project(raw, self.temperature if self.samples == 1 else 0.0)
        return z

    def decode(self, z: Tensor, late: int = 0) -> Tensor:
        """Latents to a signal ``(batch, channels, frames * ratio)``; `late` moves chance in time.

        Args:
            z: ``(batch, kept, frames)``.
            late: frames by which a streaming decoder expects its latents to be late.
        """
        expand = Expand(self.space, self.kept, late, self.samples).to(z)
        head = self.model.decoder.noise
        if head is not None:
            head.origin = -late * self.config.band_ratio
        y = self.model.decode(expand(z, self.noise, self.temperature))
        if head is not None:
            head.origin = 0
        return y.reshape(z.shape[0], -1, y.shape[-1])

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))

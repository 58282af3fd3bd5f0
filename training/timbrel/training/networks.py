"""What a training step computes: the networks of both stages and their losses, in one module."""

from contextlib import AbstractContextManager
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from timbrel.config import Config
from timbrel.dsp.spectral import SCALES
from timbrel.errors import UserError
from timbrel.model.autoencoder import Autoencoder
from timbrel.model.discriminators import Discriminators, Features
from timbrel.model.encoder import Posterior
from timbrel.training.losses import (
    SpectralCriterion,
    beta,
    feature_matching,
    hinge_discriminator,
    hinge_generator,
    kl_divergence,
)

#: Who learns in a step: the whole autoencoder (stage 1), or the decoder or the discriminator.
Learner = Literal["autoencoder", "decoder", "discriminator"]


class Draws(NamedTuple):
    """The chance in one step, given from outside (`timbrel.training.draws`)."""

    latents: Tensor  #: standard normal ``(batch, latents, frames)``
    noise: Tensor | None = None  #: uniform in [-1, 1) ``(batch, bands, n / bands)``, for stage 2


class Reconstruction(NamedTuple):
    """What one pass of the autoencoder gives; bands are ``(batch, bands, n / bands)``."""

    target: Tensor  #: the input, analysed
    aligned: Tensor  #: the input after its round trip through the filter bank
    posterior: Posterior
    bands: Tensor  #: the decoder's output
    signal: Tensor  #: the same, synthesised


class Networks(nn.Module):
    """Autoencoder and discriminators; the losses of a batch for whoever learns from it.

    With `mixed` the convolutions run in bfloat16. Filter banks, spectra and the divergence stay in
    float32: their logarithms and differences of near equals do not survive eight bits of mantissa.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.model = Autoencoder(config.model)
        self.criterion = SpectralCriterion(config.training.loss, config.model)
        bands = config.model.pqmf.bands
        inner = config.training.segment // bands - sum(self.criterion.edges)
        if inner <= max(SCALES) // 2:
            needed = (max(SCALES) // 2 + sum(self.criterion.edges)) * bands
            raise UserError(
                f"training.segment must exceed {needed} samples: of {config.training.segment} too "
                "little is out of reach of their ends (or set training.loss.edges=true)"
            )
        adversarial = config.training.adversarial
        self.discriminator = (
            Discriminators(adversarial.discriminator, config.model.channels)
            if adversarial.steps
            else None
        )

    def forward(self, learner: Learner, x: Tensor, draws: Draws, step: int) -> dict[str, Tensor]:
        """Losses of signals `x` ``(batch, channels, n)``, each ``(batch,)``.

        `total` is what `learner` minimises; the others are its parts.
        """
        if learner == "autoencoder":
            return self.variational(x, draws, step)
        return self.decoder_step(x, draws) if learner == "decoder" else self.judge(x, draws)

    def variational(self, x: Tensor, draws: Draws, step: int) -> dict[str, Tensor]:
        """Stage 1 (equation 6): spectral distance plus beta times the KL divergence."""
        config = self.config.training.loss
        made = self.reconstruct(x, draws)
        spectral = self.criterion(made.target, made.bands, made.aligned, made.signal)
        divergence = kl_divergence(made.posterior, config.divergence)
        total = spectral.total(config) + beta(config, step) * divergence
        return {"total": total, **spectral._asdict(), "divergence": divergence}

    def decoder_step(self, x: Tensor, draws: Draws) -> dict[str, Tensor]:
        """Stage 2, the decoder's part (equation 8)."""
        config = self.config.training
        made = self.reconstruct(x, draws, frozen_encoder=True)
        spectral = self.criterion(made.target, made.bands, made.aligned, made.signal)
        with torch.no_grad():
            real = self.judged(made.aligned)
        fake = self.judged(made.signal)
        adversarial = hinge_generator(fake)
        matching = feature_matching(
            real,
            fake,
            relative=config.adversarial.relative_features,
            skip=config.adversarial.skipped_features,
        )
        total = (
            spectral.total(config.loss)
            + adversarial
            + config.adversarial.feature_matching * matching
        )
        parts = {"adversarial": adversarial, "feature_matching": matching}
        return {"total": total, **spectral._asdict(), **parts}

    def judge(self, x: Tensor, draws: Draws) -> dict[str, Tensor]:
        """Stage 2, the discriminator's part (equation 7)."""
        with torch.no_grad():
            made = self.reconstruct(x, draws, frozen_encoder=True)
        both = self.judged(torch.cat([made.aligned, made.signal]))
        real = [[layer.chunk(2)[0] for layer in layers] for layers in both]
        fake = [[layer.chunk(2)[1] for layer in layers] for layers in both]
        return {
            "total": hinge_discriminator(real, fake),
            "real_score": _score(real),
            "fake_score": _score(fake),
        }

    def reconstruct(
        self, x: Tensor, draws: Draws, *, frozen_encoder: bool = False
    ) -> Reconstruction:
        """One pass; latents are sampled from the posterior (equation 2)."""
        model = self.model
        target = model.pqmf.analysis(x)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not frozen_encoder):
            with self.mixed():
                raw = model.encoder(target)
            posterior = Posterior.of(raw.to(x.dtype))
            z = posterior.mean + posterior.std * draws.latents
        with self.mixed():
            bands = model.decoder(z, draws.noise)
        bands = bands.to(x.dtype)
        return Reconstruction(
            target, model.pqmf.synthesis(target), posterior, bands, model.pqmf.synthesis(bands)
        )

    def judged(self, x: Tensor) -> list[Features]:
        """What the discriminators make of signals, in the signals' precision."""
        assert self.discriminator is not None, "a run without stage 2 has no discriminator"
        with self.mixed():
            features = self.discriminator(x)
        return [[layer.to(x.dtype) for layer in layers] for layers in features]

    def mixed(self) -> AbstractContextManager[object]:
        """The context that the convolutions run in."""
        device = next(self.model.parameters()).device.type
        return torch.autocast(
            device, torch.bfloat16, enabled=self.config.hardware.precision == "bf16"
        )


def _score(features: list[Features]) -> Tensor:
    """Mean score over discriminators: ``(batch,)``."""
    return torch.stack([layers[-1].flatten(1).mean(dim=1) for layers in features]).mean(dim=0)

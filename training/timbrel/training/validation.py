"""How a run is doing on sound that it does not learn from."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from timbrel.dsp.spectral import evaluation_distance
from timbrel.latent.fidelity import rank, singular_values
from timbrel.model.autoencoder import Autoencoder
from timbrel.model.encoder import Posterior
from timbrel.training.losses import hinge_discriminator, kl_per_latent
from timbrel.training.stages import Stages

#: The fidelity whose number of latents is reported (paper, section 5.3).
FIDELITY = 0.95
#: A latent whose KL divergence exceeds this is informative (paper, appendix D).
INFORMATIVE = 0.1


@dataclass(frozen=True)
class Validation:
    """What is measured at a validation; distances as in `evaluation_distance`."""

    step: int
    stage: int
    distance: float  #: of the output from the sound
    distance_other: float  #: of what the decoder makes of another excerpt's latents
    distance_training: float  #: of the output from the sound, on sound that is learned from
    level_db: float  #: of the output against the sound's
    informative_latents: int
    fidelity_rank: int  #: latents that a fidelity of 0.95 asks for
    doubt: float | None = None  #: stage 2: the discriminators' hinge loss, 0 sure to 2 at a loss

    @property
    def own_to_other(self) -> float:
        """Near one, the output does not depend on the input: posterior collapse."""
        return self.distance / self.distance_other

    def record(self) -> dict[str, float]:
        """Its figures by name, for the log."""
        values = {k: v for k, v in asdict(self).items() if v is not None}
        step, stage = values.pop("step"), values.pop("stage")
        named = {f"validation/{k}": v for k, v in values.items()}
        return {
            "step": step,
            "stage": stage,
            **named,
            "validation/own_to_other": self.own_to_other,
        }


@dataclass(frozen=True)
class Heard:
    """What a validation heard, for a closer look."""

    sound: Tensor  #: ``(n, channels, samples)``
    output: Tensor
    posterior: Posterior


@torch.no_grad()
def validate(stages: Stages, held_out: Tensor, learned: Tensor) -> tuple[Validation, Heard]:
    """Measures the model that would be exported.

    Args:
        stages: the state of the run; it is not changed.
        held_out: excerpts of the validation split ``(n, channels, samples)``, at least two.
        learned: as many of the training split.
    """
    model = stages.heard
    parts = stages.parts
    device = stages.fabric.device
    with evaluating(model):
        x = held_out.to(device)
        target = in_parts(model.pqmf, x, parts)
        posterior = posterior_of(model, x, parts)
        own = in_parts(model.decode, posterior.mean, parts)
        other = in_parts(model.decode, posterior.mean.roll(1, dims=0), parts)
        known = learned.to(device)
        known_own = in_parts(model.decode, posterior_of(model, known, parts).mean, parts)
        known_target = in_parts(model.pqmf, known, parts)
    divergence = kl_per_latent(posterior, "exact").mean(dim=0)
    rank_by = stages.config.latent_space.rank_by
    return (
        Validation(
            step=stages.step,
            stage=stages.stage,
            distance=float(distances(target, own).mean()),
            distance_other=float(distances(target, other).mean()),
            distance_training=float(distances(known_target, known_own).mean()),
            level_db=float(10 * torch.log10(_power(own) / _power(target))),
            informative_latents=int((divergence > INFORMATIVE).sum()),
            fidelity_rank=rank(singular_values(posterior.mean.cpu()), FIDELITY, rank_by),
            doubt=_doubt(stages, target, own) if stages.stage == 2 else None,
        ),
        Heard(target.cpu(), own.cpu(), Posterior(posterior.mean.cpu(), posterior.std.cpu())),
    )


@contextmanager
def evaluating(model: Autoencoder) -> Iterator[None]:
    """The model in eval mode; afterwards every part of it is in the mode it was in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def in_parts(function: Callable[[Tensor], Tensor], x: Tensor, parts: int) -> Tensor:
    """`function` of a batch, as many examples at a time as a step computes."""
    return torch.cat([function(piece) for piece in x.tensor_split(min(parts, len(x)))])


def posterior_of(model: Autoencoder, x: Tensor, parts: int) -> Posterior:
    """The posterior of signals ``(batch, channels, n)``."""
    raw = in_parts(lambda piece: model.encoder(model.pqmf.analysis(piece)), x, parts)
    return Posterior.of(raw)


def distances(x: Tensor, y: Tensor) -> Tensor:
    """`evaluation_distance` ``(batch,)`` of signals ``(batch, channels, n)``."""
    flat = evaluation_distance(x.flatten(0, 1), y.flatten(0, 1))
    return flat.reshape(len(x), -1).mean(dim=1)


def _power(x: Tensor) -> Tensor:
    return x.square().mean().clamp_min(1e-12)


def _doubt(stages: Stages, real: Tensor, fake: Tensor) -> float:
    """The hinge loss per discriminator: none (0), or as much as when all score zero (2)."""
    networks = stages.networks
    judged = [networks.judged(torch.stack(pair)) for pair in zip(real, fake, strict=True)]
    losses = [
        hinge_discriminator(
            [[layer[:1] for layer in layers] for layers in both],
            [[layer[1:] for layer in layers] for layers in both],
        )
        / len(both)
        for both in judged
    ]
    return float(torch.cat(losses).mean())

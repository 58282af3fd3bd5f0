"""From a network's latents to the few that are played, and back."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from timbrel.latent.space import LatentSpace
from timbrel.nn.noise import counter_noise
from timbrel.nn.streaming import Twin

_POSTERIOR_SEED, _PRIOR_SEED = 1, 2


class NormalNoise(Twin):
    """Standard normal draws as a function of (seed, example, channel, frame), as `CounterNoise`.

    Its n-th frame overall is frame ``n - delay``; two uniform draws make one (Box and Muller).
    """

    position_state: Tensor

    def __init__(self, seed: int, delay: int) -> None:
        super().__init__()
        self.seed = seed
        self.delay = delay
        self.register_buffer("position_state", torch.zeros(1, dtype=torch.int64))

    def forward(self, examples: int, channels: int, frames: int, wanted: bool) -> Tensor:
        """The next frames, ``(examples, channels, frames)``, float64; nothing if not `wanted`."""
        start = int(self.position_state.item()) - self.delay
        self.position_state = self.position_state + frames
        if not wanted:
            return torch.zeros(1, 1, 1)
        uniform = counter_noise(self.seed, examples, 2 * channels, start, frames)
        radius = torch.sqrt(-2 * torch.log((1 - uniform[:, :channels]) / 2))
        return radius * torch.cos(math.pi * uniform[:, channels:])


class Project(Twin):
    """A posterior's raw parameters ``(batch, 2 * latents, n)`` to what is played.

    ``(batch, kept, n)``: the mean, plus `temperature` standard deviations of chance, rotated.
    """

    rotation: Tensor
    mean: Tensor

    def __init__(self, space: LatentSpace, kept: int, delay: int = 0) -> None:
        super().__init__()
        self.latents = space.size
        self.register_buffer("rotation", space.basis[:, space.order(kept)[:kept]].T.unsqueeze(-1))
        self.register_buffer("mean", space.mean.reshape(1, -1, 1))
        self.noise = NormalNoise(_POSTERIOR_SEED, delay)

    def forward(self, raw: Tensor, temperature: float) -> Tensor:
        z = raw[:, : self.latents]
        # Time is counted in any case: what comes must not depend on when the temperature rose.
        drawn = self.noise(z.shape[0], z.shape[1], z.shape[2], temperature > 0).to(z)
        if temperature > 0:
            std = F.softplus(raw[:, self.latents :]) + 1e-4
            z = z + temperature * std * drawn
        return F.conv1d(z - self.mean, self.rotation)


class Expand(Twin):
    """What is played, ``(batch, kept, n)``, to all of the network's latents.

    Latents that were left out are drawn from the prior (paper, section 3.2), scaled by `noise`.
    With several `samples` each example is decoded so many times, ``(batch * samples, latents, n)``,
    from draws of their own around the latents given: `temperature` times the posterior's mean
    standard deviation.
    """

    rotation: Tensor
    mean: Tensor
    std: Tensor

    def __init__(self, space: LatentSpace, kept: int, delay: int = 0, samples: int = 1) -> None:
        super().__init__()
        self.left_out = space.size - kept
        self.latents = space.size
        self.samples = samples
        self.register_buffer("rotation", space.basis[:, space.order(kept)].unsqueeze(-1))
        self.register_buffer("mean", space.mean.reshape(1, -1, 1))
        self.register_buffer("std", space.posterior_std.reshape(1, -1, 1))
        self.prior = NormalNoise(_PRIOR_SEED, delay)
        self.posterior = NormalNoise(_POSTERIOR_SEED, delay)

    def forward(self, z: Tensor, noise: float, temperature: float) -> Tensor:
        if self.samples > 1:
            z = z.repeat_interleave(self.samples, dim=0)
        if self.left_out > 0:
            drawn = self.prior(z.shape[0], self.left_out, z.shape[2], noise > 0).to(z)
            z = torch.cat([z, (noise * drawn).expand(z.shape[0], self.left_out, z.shape[2])], dim=1)
        full = F.conv1d(z, self.rotation) + self.mean
        if self.samples > 1:
            around = self.posterior(full.shape[0], self.latents, full.shape[2], temperature > 0).to(
                full
            )
            full = full + temperature * self.std * around
        return full

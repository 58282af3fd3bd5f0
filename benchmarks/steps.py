"""Steps per second of both stages, beside a plain loop over the same networks in the same run."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from timbrel.config import Config
from timbrel.training.hardware import launch
from timbrel.training.networks import Draws, Networks
from timbrel.training.stages import Stages


@dataclass(frozen=True)
class Steps:
    """Steps per second of one stage."""

    preset: str
    stage: int
    ours: float
    plain: float

    @property
    def ratio(self) -> float:
        return self.ours / self.plain


def steps(config: Config, rounds: int) -> list[Steps]:
    """Stage 1, and stage 2 where `config` has one, on the device that it names."""
    stages = Stages(config, launch(config.hardware, config.training.batch))
    stages.prepare()
    plain = _Plain(config, stages.fabric.device)
    training = config.training
    x = 0.1 * torch.randn(training.batch, config.model.channels, training.segment)
    x = x.to(stages.fabric.device)
    numbers = torch.arange(training.batch)
    found = []
    for stage in (1, 2) if training.adversarial.steps else (1,):
        if stage == 2:
            stages.begin_stage_2()
            plain.begin_stage_2()
        turns = 1 if stage == 1 else training.adversarial.discriminator_every
        ours = _rate(lambda: stages.advance(x, numbers), rounds * turns, turns)
        found.append(
            Steps(config.preset, stage, ours, _rate(lambda: plain.step(x), rounds * turns, turns))
        )
    return found


def _rate(step: Callable[[], object], count: int, warm_up: int) -> float:
    for _ in range(warm_up):  # which allocates, and chooses algorithms
        step()
    _wait()
    start = time.perf_counter()
    for _ in range(count):
        step()
    _wait()
    return count / (time.perf_counter() - start)


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


class _Plain:
    """What one writes first: the losses, backward, and Adam one parameter after the other."""

    def __init__(self, config: Config, device: torch.device) -> None:
        self.config = config
        self.networks = Networks(config).to(device)
        self.autoencoder = self._adam(self.networks.model)
        judges = self.networks.discriminator
        self.discriminator = None if judges is None else self._adam(judges)
        self.stage, self.count = 1, 0

    def _adam(self, module: torch.nn.Module) -> torch.optim.Adam:
        return torch.optim.Adam(module.parameters(), 1e-4, (0.5, 0.9), foreach=False)

    def begin_stage_2(self) -> None:
        self.stage, self.count = 2, 0
        self.networks.model.encoder.requires_grad_(False).eval()
        self.networks.model.decoder.with_noise = True

    def step(self, x: Tensor) -> None:
        model, every = self.config.model, self.config.training.adversarial.discriminator_every
        learner, optimizer = "autoencoder", self.autoencoder
        if self.stage == 2:
            learner = "discriminator" if self.count % every == 0 else "decoder"
        if learner == "discriminator":
            assert self.discriminator is not None
            optimizer = self.discriminator
        frames = x.shape[-1] // model.pqmf.bands
        draws = Draws(
            torch.randn(len(x), model.latents, x.shape[-1] // model.ratio, device=x.device),
            torch.rand(len(x), model.band_channels, frames, device=x.device) * 2 - 1,
        )
        optimizer.zero_grad()
        self.networks(learner, x, draws, self.count)["total"].mean().backward()
        optimizer.step()
        self.count += 1

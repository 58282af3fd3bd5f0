"""Two stages of learning on one set of networks, a step at a time, and all their state."""

import copy
from typing import Any, Literal

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from timbrel.config import Config
from timbrel.errors import UserError
from timbrel.model.autoencoder import Autoencoder
from timbrel.training.draws import Purpose, standard_normal, uniform
from timbrel.training.memory import out_of_memory, release_memory
from timbrel.training.networks import Draws, Learner, Networks

Stage = Literal[1, 2]


class Stages:
    """Learns from one batch after the other; everything that it knows can be saved and restored.

    Stage 1 trains encoder and decoder (paper, section 3.1.1). `begin_stage_2` freezes the encoder,
    batch statistics included, adds the decoder's noise, and lets decoder and discriminator take
    turns (section 3.1.2). One step is one update of one of them.

    What a step does depends on the state, the batch and the step's number alone.
    """

    def __init__(self, config: Config, fabric: Fabric) -> None:
        self.config = config
        self.fabric = fabric
        self.stage: Stage = 1
        self.step = 0  #: steps done
        self.switched_at: int | None = None  #: steps done when stage 2 began
        self.parts = config.hardware.parts  #: a batch is computed in
        torch.manual_seed(config.training.seed)  # of the first weights
        self.networks = Networks(config).to(fabric.device)
        self.average = copy.deepcopy(self.model) if config.training.ema else None
        if self.average is not None:
            self.average.requires_grad_(False)
        training = config.training
        self.optimizer = torch.optim.Adam(
            [p for p in self.model.parameters() if p.requires_grad],
            training.learning_rate,
            training.adam_betas,
        )
        self.discriminator_optimizer = (
            torch.optim.Adam(
                self.networks.discriminator.parameters(),
                training.discriminator_learning_rate,
                training.adam_betas,
            )
            if self.networks.discriminator is not None
            else None
        )
        self._wrapped: Any = None

    @property
    def model(self) -> Autoencoder:
        """The autoencoder that learns."""
        return self.networks.model

    @property
    def heard(self) -> Autoencoder:
        """The autoencoder that is validated and exported: the averaged one, where there is one."""
        return self.model if self.average is None else self.average

    @property
    def last_step(self) -> int:
        """Steps after which there is nothing left to do, if stage 1 takes all of its own."""
        training = self.config.training
        begun = training.steps if self.switched_at is None else self.switched_at
        return begun + training.adversarial.steps

    @property
    def learner(self) -> Learner:
        """Who learns in the next step."""
        if self.switched_at is None:
            return "autoencoder"
        turn = (self.step - self.switched_at) % self.config.training.adversarial.discriminator_every
        return "discriminator" if turn == 0 else "decoder"

    def begin_with(self, weights: Autoencoder) -> None:
        """Takes the first weights from another model of the same architecture (fine-tuning)."""
        for model in {self.model, self.heard}:
            model.load_state_dict(weights.state_dict())

    def begin_stage_2(self) -> None:
        """Freezes the encoder as it is heard; from here on the decoder learns to convince."""
        if self.average is not None:
            self.model.load_state_dict(self.average.state_dict())
        self.switched_at = self.step
        self._enter_stage_2()

    def _enter_stage_2(self) -> None:
        self.stage = 2
        self.model.encoder.requires_grad_(False)
        for model in {self.model, self.heard}:
            model.decoder.with_noise = True

    def prepare(self) -> None:
        """Readies the networks for training on this machine; call it after restoring a state."""
        if self.config.hardware.compile:
            self.model.encoder.compile()
            self.model.decoder.compile()
            if self.networks.discriminator is not None:
                self.networks.discriminator.compile()
        self._wrapped = self.fabric.setup_module(self.networks, move_to_device=False)

    def advance(self, x: Tensor, examples: Tensor) -> dict[str, Tensor]:
        """One step on signals `x` ``(batch, channels, n)``, which are the run's `examples`.

        Returns:
            The learner's losses, means over the batch.

        Raises:
            UserError: when a gradient is not finite, before it can destroy the weights, or when
                memory is too short for a single example.
        """
        learner, optimizer = self.learner, self._learning()
        self._set_modes(learner)
        while True:
            statistics = [b.clone() for b in self._batch_statistics()]
            optimizer.zero_grad(set_to_none=True)
            try:
                losses = self._accumulate(learner, x, examples)
                break
            except RuntimeError as error:
                if not out_of_memory(error):
                    raise
                self._halve(len(x))
            # Outside of the handler, which would keep the failed attempt's tensors alive.
            optimizer.zero_grad(set_to_none=True)
            release_memory()
            for buffer, kept in zip(self._batch_statistics(), statistics, strict=True):
                buffer.copy_(kept)
        self._check_and_clip(optimizer)
        optimizer.step()
        self.step += 1
        if self.average is not None and learner != "discriminator":
            self._follow(self.average)
        return losses

    def _learning(self) -> torch.optim.Adam:
        if self.learner == "discriminator":
            assert self.discriminator_optimizer is not None
            return self.discriminator_optimizer
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate
        return self.optimizer

    @property
    def learning_rate(self) -> float:
        """Of encoder and decoder, in the next step: a function of the step alone."""
        training = self.config.training
        if training.final_learning_rate is None:
            return training.learning_rate
        if self.stage == 2:
            return training.final_learning_rate
        end = training.final_learning_rate / training.learning_rate
        return training.learning_rate * (1 + (end - 1) * min(self.step / training.steps, 1))

    def _set_modes(self, learner: Learner) -> None:
        self.networks.train()
        if self.stage == 2:
            self.model.encoder.eval()
        if self.networks.discriminator is not None:
            self.networks.discriminator.requires_grad_(learner == "discriminator")

    def _accumulate(self, learner: Learner, x: Tensor, examples: Tensor) -> dict[str, Tensor]:
        totals: dict[str, Tensor] = {}
        pieces = list(
            zip(x.tensor_split(self.parts), examples.tensor_split(self.parts), strict=True)
        )
        for position, (piece, numbers) in enumerate(pieces):
            share = len(piece) / len(x)
            last = position == len(pieces) - 1
            with self.fabric.no_backward_sync(self._wrapped, enabled=not last):
                losses = self._wrapped(learner, piece, self._draws(piece, numbers), self.step)
                means = {name: loss.mean() * share for name, loss in losses.items()}
                self.fabric.backward(means["total"])
            for name, value in means.items():
                totals[name] = totals.get(name, torch.zeros_like(value)) + value.detach()
        return totals

    def _draws(self, x: Tensor, examples: Tensor) -> Draws:
        seed, model = self.config.training.seed, self.config.model
        frames = x.shape[-1] // model.ratio
        latents = standard_normal(seed, Purpose.POSTERIOR, examples, (model.latents, frames))
        noise = None
        if self.stage == 2 and model.noise is not None:
            shape = (model.band_channels, x.shape[-1] // model.pqmf.bands)
            noise = uniform(seed, Purpose.NOISE, examples, shape).to(x)
        return Draws(latents.to(x), noise)

    def _halve(self, batch: int) -> None:
        if self.fabric.world_size > 1:
            raise UserError(
                "memory ran out; compute each batch in parts: --set "
                f"hardware.parts={2 * self.parts}"
            )
        if self.parts >= batch:
            raise UserError(
                "memory is too short for a single example; try a shorter segment: "
                f"--set training.segment={self.config.training.segment // 2}"
            )
        self.parts = min(2 * self.parts, batch)

    def _batch_statistics(self) -> list[Tensor]:
        norms = [m for m in self.model.encoder.modules() if isinstance(m, nn.BatchNorm1d)]
        return [buffer for norm in norms for buffer in norm.buffers()]

    def _check_and_clip(self, optimizer: torch.optim.Adam) -> None:
        parameters = [
            p for group in optimizer.param_groups for p in group["params"] if p.grad is not None
        ]
        norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        if not bool(torch.isfinite(norm)):
            training = self.config.training
            raise UserError(
                f"training became unstable at step {self.step}: a gradient is not finite; the last "
                "checkpoint is kept; try a lower learning rate: "
                f"--set training.learning_rate={training.learning_rate / 2:g}"
            )
        if self.config.training.clip_gradient is not None:
            torch.nn.utils.clip_grads_with_norm_(
                parameters, self.config.training.clip_gradient, norm
            )

    @torch.no_grad()
    def _follow(self, average: Autoencoder) -> None:
        decay = self.config.training.ema
        # An average of few steps would remember the first weights: it forgets faster at first.
        weight = 1 - min(decay, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(list(average.parameters()), list(self.model.parameters()), weight)
        for kept, current in zip(average.buffers(), self.model.buffers(), strict=True):
            kept.copy_(current)

    def state(self) -> dict[str, Any]:
        """Everything: networks, averages, optimisers, and where in the run they stand.

        Chance needs no state: it is a function of the step.
        """
        networks = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        if self.average is not None:
            networks |= {f"average.{k}": v for k, v in self.average.state_dict().items()}
        if self.networks.discriminator is not None:
            judges = self.networks.discriminator.state_dict()
            networks |= {f"discriminator.{k}": v for k, v in judges.items()}
        return {
            "global_step": self.step,
            "stage": self.stage,
            "switched_at": self.switched_at,
            "state_dict": networks,
            "optimizer": self.optimizer.state_dict(),
            "discriminator_optimizer": None
            if self.discriminator_optimizer is None
            else self.discriminator_optimizer.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes back to what `state` returned."""
        self.model.load_state_dict(part(state["state_dict"], "model."))
        if self.average is not None:
            self.average.load_state_dict(part(state["state_dict"], "average."))
        # Before stage 2 a discriminator is what the seed makes it, and another may be chosen.
        judged = state["switched_at"] is not None
        if judged and self.networks.discriminator is not None:
            self.networks.discriminator.load_state_dict(part(state["state_dict"], "discriminator."))
        self.optimizer.load_state_dict(state["optimizer"])
        if judged and self.discriminator_optimizer is not None:
            self.discriminator_optimizer.load_state_dict(state["discriminator_optimizer"])
        self.step = state["global_step"]
        self.switched_at = state["switched_at"]
        if self.switched_at is not None:
            self._enter_stage_2()


def part(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The entries of a state whose names begin with `prefix`, without it."""
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}

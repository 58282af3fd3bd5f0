"""Stage 1, representation learning, as a Lightning module (paper, section 3.1.1)."""

from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from timbrel.config import Config
from timbrel.dsp.spectral import evaluation_distance
from timbrel.errors import UserError
from timbrel.model.autoencoder import Autoencoder
from timbrel.training.losses import VariationalCriterion


class VariationalStage(LightningModule):
    """Trains encoder and decoder with the spectral distance and the KL divergence."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.model = Autoencoder(config.model)
        self.criterion = VariationalCriterion(config.training.loss)

    def training_step(self, batch: Tensor, batch_index: int) -> Tensor:
        loss = self.criterion(self.model, batch, self.global_step)
        self.log_dict({f"train/{k}": v for k, v in loss._asdict().items()}, prog_bar=False)
        return loss.total

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Stops before a gradient that is not finite destroys the weights for good."""
        for parameter in self.model.parameters():
            if parameter.grad is not None and not bool(torch.isfinite(parameter.grad).all()):
                raise UserError(
                    f"training became unstable at step {self.global_step}: a gradient is not "
                    "finite; the last checkpoint is kept; try a lower learning rate: "
                    f"--set training.learning_rate={self.config.training.learning_rate / 2:g}"
                )

    def validation_step(self, batch: Tensor, batch_index: int) -> None:
        """Evaluation distance with each excerpt's own latents and with its neighbour's.

        Their ratio tells a model that listens from one that has learned the average of its data:
        near one is posterior collapse.
        """
        own, other = own_and_other(self.model, batch)
        self.log("validation/distance", own.mean(), batch_size=len(batch))
        self.log("validation/distance_other", other.mean(), batch_size=len(batch))

    def on_validation_epoch_end(self) -> None:
        metrics = self.trainer.callback_metrics
        own, other = metrics["validation/distance"], metrics["validation/distance_other"]
        self.log("validation/own_to_other", own / other)

    def configure_optimizers(self) -> Any:
        training = self.config.training
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        optimizer = torch.optim.Adam(parameters, training.learning_rate, training.adam_betas)
        if training.final_learning_rate is None:
            return optimizer
        end = training.final_learning_rate / training.learning_rate
        # A function of the step alone: a run that goes on for longer ends where it now says.
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: 1 + (end - 1) * min(step / training.steps, 1)
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }


@torch.no_grad()
def own_and_other(model: Autoencoder, x: Tensor) -> tuple[Tensor, Tensor]:
    """Evaluation distances ``(batch,)`` of `x` ``(batch, 1, n)`` from two decodings of it.

    The first is from each example's own latents, the second from those of its neighbour in the
    batch.
    """
    target = model.pqmf(x)
    z = model.encode(x)
    own, other = (model.decode(latents) for latents in (z, z.roll(1, dims=0)))
    return (
        evaluation_distance(target.squeeze(1), own.squeeze(1)),
        evaluation_distance(target.squeeze(1), other.squeeze(1)),
    )

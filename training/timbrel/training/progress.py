"""What `timbrel train` shows while it runs: one bar with losses, speed and the time left."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

#: An own-to-other ratio above this at the end of a validation is posterior collapse, or close to
#: it.
COLLAPSE = 0.9


class Progress(Callback):
    """A rich progress bar, and a line in plain words at each validation."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.console = Console(stderr=True)
        self.bar = Bar(
            TextColumn("stage 1"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[losses]}"),
            console=self.console,
            disable=not self.console.is_terminal,
        )

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.bar.start()
        self.task = self.bar.add_task(
            "stage 1", total=self.steps, completed=trainer.global_step, losses="", speed=""
        )

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step % 10:
            return
        metrics = trainer.callback_metrics
        losses = f"loss {metrics['train/total']:.2f}  KL {metrics['train/divergence']:.2f}"
        speed = self.bar.tasks[self.task].speed
        self.bar.update(
            self.task,
            completed=trainer.global_step,
            losses=losses,
            speed=f"{speed:.1f} steps/s" if speed else "",
        )

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        metrics = trainer.callback_metrics
        ratio = float(metrics["validation/own_to_other"])
        line = (
            f"step {trainer.global_step}: distance {metrics['validation/distance']:.2f} with own "
            f"latents, {metrics['validation/distance_other']:.2f} with another excerpt's "
            f"(ratio {ratio:.2f})"
        )
        if ratio > COLLAPSE:
            line += "; the output hardly depends on the input yet"
        self.console.print(line, highlight=False, soft_wrap=True)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self.bar.stop()

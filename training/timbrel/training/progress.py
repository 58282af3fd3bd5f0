"""What `timbrel train` shows while it runs: a bar for each stage, and lines in plain words."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from torch import Tensor

from timbrel.training.config import TrainingConfig
from timbrel.training.stages import Stages
from timbrel.training.validation import Validation


class Display:
    """Bars on a terminal, and lines on stderr wherever it goes; silent where `quiet`."""

    def __init__(self, training: TrainingConfig, stages: Stages, *, quiet: bool = False) -> None:
        self.stages = stages
        self.training = training
        self.console = Console(stderr=True, quiet=quiet)
        self.bar = Progress(
            TextColumn("stage {task.fields[stage]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[losses]}"),
            console=self.console,
            disable=not self.console.is_terminal or quiet,
        )
        totals = {1: training.steps, 2: training.adversarial.steps}
        self.tasks = {
            stage: self.bar.add_task("", total=total, stage=stage, speed="", losses="", start=False)
            for stage, total in totals.items()
            if total
        }
        self.began: tuple[float, int, int] | None = None  # when, at which step, in which stage
        self._shown_parts = stages.parts

    def __enter__(self) -> "Display":
        self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.stop()

    def step(self, losses: dict[str, Tensor] | None) -> None:
        """After a step; `losses` where they are worth the time of looking at them."""
        stages = self.stages
        if stages.parts != self._shown_parts:
            self._shown_parts = stages.parts
            self.say(f"memory ran out: each batch is computed in {stages.parts} parts from here on")
        if self.began is None or self.began[2] != stages.stage:
            self.began = (time.monotonic(), stages.step, stages.stage)
            self.bar.start_task(self.tasks[stages.stage])
            if stages.stage == 2 and 1 in self.tasks:
                self.bar.update(self.tasks[1], completed=stages.switched_at, losses="done")
        if losses is None:
            return
        shown = "  ".join(
            f"{label} {float(losses[name]):.2f}"
            for name, label in (("total", "loss"), ("divergence", "KL"), ("adversarial", "adv."))
            if name in losses
        )
        speed = self.speed
        self.bar.update(
            self.tasks[stages.stage],
            completed=stages.step - (stages.switched_at or 0),
            losses=shown,
            speed=f"{speed:.1f} steps/s" if speed else "",
        )

    @property
    def speed(self) -> float | None:
        """Steps per second since the stage, or this start of it, began."""
        if self.began is None:
            return None
        seconds, steps = time.monotonic() - self.began[0], self.stages.step - self.began[1]
        return steps / seconds if steps and seconds else None

    def validation(self, validation: Validation, forecast: str, alarms: list[str]) -> None:
        """One line for a validation, and one for each alarm."""
        ratio = validation.own_to_other
        self.say(
            f"step {validation.step}: distance {validation.distance:.2f} with own latents, "
            f"{validation.distance_other:.2f} with another excerpt's (ratio {ratio:.2f}); "
            f"{validation.informative_latents} informative latents; {forecast}{self._left()}"
        )
        for alarm in alarms:
            self.say(f"[bold red]alarm[/bold red]: {alarm}", markup=True)

    def _left(self) -> str:
        speed = self.speed
        if not speed:
            return ""
        stage = self.stages.stage
        begun = self.stages.switched_at or 0
        total = self.training.steps if stage == 1 else self.training.adversarial.steps
        left = total - (self.stages.step - begun)
        if left <= 0:
            return ""
        after = self.training.adversarial.steps if stage == 1 else 0
        then = f", then {after:,} of stage 2" if after else ""
        return f"; stage {stage} has {left:,} steps left, {duration(left / speed)}{then}"

    def say(self, line: str, *, markup: bool = False) -> None:
        """One line, above the bars."""
        self.console.print(line, highlight=False, soft_wrap=True, markup=markup)


def duration(seconds: float) -> str:
    """A length of time as one says it: "40 s", "12 min", "3.5 h", "2.1 days"."""
    for size, unit, digits in ((86_400, "days", 1), (3600, "h", 1), (60, "min", 0)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.{digits}f} {unit}"
    return f"{seconds:.0f} s"

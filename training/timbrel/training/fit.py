"""Fitting: a run from its beginning, or from where it stands, through both stages to its end."""

import logging
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor

from timbrel.config import Config
from timbrel.data import AudioDataset
from timbrel.errors import UserError
from timbrel.training.board import Board
from timbrel.training.checkpoints import Checkpoints
from timbrel.training.config import PlateauConfig
from timbrel.training.crops import Steps, crops_of, loader, spread_excerpts
from timbrel.training.hardware import launch, worker_count
from timbrel.training.health import alarms, forecast, plateaued, ways_on
from timbrel.training.interruption import Interruption
from timbrel.training.latents import find_latent_space
from timbrel.training.metrics import MetricsLog
from timbrel.training.progress import Display
from timbrel.training.run import DatasetOrigin, Run, Weights, read_checkpoint
from timbrel.training.stages import Stages
from timbrel.training.validation import Heard, Validation, evaluating, validate

#: Decoded at each validation: few enough not to be felt.
VALIDATION_EXCERPTS = 8
#: Whose numbers of latents are told at the end of stage 1.
FIDELITIES = (0.95, 0.99)
#: Steps from one line of losses to the next.
LOG_EVERY = 10


def train(
    config: Config,
    dataset: AudioDataset,
    dataset_path: Path,
    folder: Path,
    *,
    first: Weights | None = None,
) -> Run:
    """Trains both stages, from the beginning or from where the run in `folder` stands.

    Args:
        config: the run's configuration.
        dataset: its sound.
        dataset_path: where that is, for the record.
        folder: of the run; new, or one to go on with.
        first: what a new run begins with (fine-tuning).

    Raises:
        UserError: when `folder` holds a run of another configuration or of other sound, or the
            dataset does not fit the model. Only how long it lasts, and the machine, may change.
    """
    run = Run(folder)
    check_fits(config, dataset, dataset_path)
    if not run.exists() and folder.exists() and (folder.is_file() or any(folder.iterdir())):
        raise UserError(f"{folder} holds something that is no run; choose another folder")
    started = read_checkpoint(run.last_checkpoint) if run.last_checkpoint.exists() else None
    if run.exists() and not (
        _continues(run.config(), config, started)
        and run.origin().fingerprint == dataset.fingerprint
    ):
        raise UserError(
            f"{folder} holds a run with other settings or other sound; choose another folder, or "
            "repeat its settings to continue it"
        )
    if started is not None:
        _check_length(folder, config, started)
    tuned_from = first.origin if first is not None else None
    if run.exists():
        tuned_from = run.origin().fine_tuned_from
    origin = DatasetOrigin(str(dataset_path.resolve()), dataset.fingerprint, tuned_from)
    _quieten_lightning()
    fabric = launch(config.hardware, config.training.batch)
    if fabric.is_global_zero:
        run.create(config, origin)
    stages = Stages(config, fabric)
    history: list[Validation] = []
    if started is not None:
        stages.restore(started)
        history = [Validation(**v) for v in started["validations"]]
    elif first is not None:
        stages.begin_with(first.model)
    stages.prepare()
    _Fit(run, config, dataset, fabric, stages, history).go()
    return run


def check_fits(config: Config, dataset: AudioDataset, path: Path) -> None:
    """Raises UserError where a model is for other sound than the dataset's."""
    model = config.model
    if dataset.sample_rate != model.sample_rate:
        raise UserError(
            f"{path} is at {dataset.sample_rate} Hz, the model at "
            f"{model.sample_rate} Hz; preprocess with --rate {model.sample_rate} "
            f"or train with --set model.sample_rate={dataset.sample_rate}"
        )
    if dataset.manifest.channels != model.channels:
        raise UserError(
            f"{path} has {dataset.manifest.channels} channels, the model {model.channels}; "
            f"train with --set model.channels={dataset.manifest.channels}"
        )


def _continues(old: Config, new: Config, started: dict[str, Any] | None) -> bool:
    """Whether a run begun as `old` may go on as `new`: for longer or shorter, elsewhere.

    What stage 2 does may change as long as it has not begun.
    """
    begun = started is not None and started["stage"] == 2
    adversarial = old.training.adversarial
    adversarial = (
        adversarial.model_copy(update={"steps": new.training.adversarial.steps})
        if begun
        else new.training.adversarial
    )
    free = {
        "steps": new.training.steps,
        "plateau": new.training.plateau,
        "adversarial": adversarial,
        "validate_every": new.training.validate_every,
        "checkpoint_every": new.training.checkpoint_every,
    }
    training = old.training.model_copy(update=free)
    return old.model_copy(update={"training": training, "hardware": new.hardware}) == new


def _check_length(folder: Path, config: Config, started: dict[str, Any]) -> None:
    done, switched_at = started["global_step"], started["switched_at"]
    training = config.training
    setting, allowed, taken = "steps", training.steps, done
    if switched_at is not None:
        setting, allowed = "adversarial.steps", training.adversarial.steps
        taken = done - switched_at
    if allowed < taken:
        raise UserError(
            f"{folder} has been trained for {taken} steps already; give more with "
            f"--set training.{setting}=N, or export it"
        )


class _Fit:
    """The loop, and whom it tells."""

    def __init__(
        self,
        run: Run,
        config: Config,
        dataset: AudioDataset,
        fabric: Fabric,
        stages: Stages,
        history: list[Validation],
    ) -> None:
        self.config = config
        self.training = config.training
        self.fabric = fabric
        self.stages = stages
        self.history = history
        self.dataset = dataset
        self.first = stages.step
        segment = self.training.segment
        self.held_out = spread_excerpts(dataset, "validation", segment, VALIDATION_EXCERPTS)
        self.learned = spread_excerpts(dataset, "train", segment, len(self.held_out))
        self.crops = crops_of(dataset, self.training)
        self.checkpoints = Checkpoints(run.checkpoints, config.hardware.checkpoints_gb)
        self.run = run
        self.leads = fabric.is_global_zero

    def go(self) -> None:
        """Steps to the end; on Ctrl-C, to a checkpoint."""
        if self._over():
            return
        self.log = MetricsLog(self.run.metrics_file, self.first) if self.leads else None
        logs = self.run.folder / "logs" / "tensorboard"
        rate = self.config.model.sample_rate
        self.board = Board(logs, self.first, rate) if self.leads else None
        try:
            with (
                Interruption() as interruption,
                Display(self.training, self.stages, quiet=not self.leads) as self.display,
            ):
                self._steps(interruption)
        finally:
            for target in (self.log, self.board):
                if target is not None:
                    target.close()

    def _steps(self, interruption: Interruption) -> None:
        stages, training = self.stages, self.training
        for x, examples in self._batches():
            if stages.stage == 1 and self._stage_1_over():
                self._save(end_of_stage_1=True)
                self._find_latent_space()
                stages.begin_stage_2()
            learner = stages.learner
            losses = stages.advance(x, examples)
            logs = stages.step % LOG_EVERY < self._learners
            self.display.step(losses if logs else None)
            if logs:
                self._record({f"train/{learner}/{k}": float(v) for k, v in losses.items()})
            over = self._over()
            stops = self._agree(interruption.asked)
            validates = stages.step % training.validate_every == 0
            if validates or over or (stages.stage == 1 and stages.step == training.steps):
                self._validate()
                over = over or self._over()
            if over or stops or stages.step % training.checkpoint_every == 0:
                self._save()
            if over and stages.stage == 1:
                self._find_latent_space()
            if over:
                return
            if stops:
                raise KeyboardInterrupt

    @property
    def _learners(self) -> int:
        """Steps in which everybody who learns has had a turn."""
        return 1 if self.stages.stage == 1 else self.training.adversarial.discriminator_every

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        fabric, device = self.fabric, self.fabric.device
        steps = Steps(
            self.first,
            # A plateau may end stage 1 early, never late.
            self.stages.last_step,
            self.training.batch,
            fabric.global_rank,
            fabric.world_size,
        )
        workers = worker_count(self.config.hardware, device)
        for x, examples in loader(self.crops, steps, workers, device.type == "cuda"):
            yield x.to(device, non_blocking=True), examples

    def _stage_1_over(self) -> bool:
        training = self.training
        return self.stages.step >= training.steps or (
            training.plateau is not None and plateaued(self.history, training.plateau)
        )

    def _over(self) -> bool:
        if self.stages.stage == 2:
            return self.stages.step >= self.stages.last_step
        return self._stage_1_over() and self.training.adversarial.steps == 0

    def _agree(self, asked: bool) -> bool:
        """Whether anybody was asked to stop: all devices stop after the same step."""
        if self.fabric.world_size == 1:
            return asked
        votes: Any = self.fabric.all_reduce(
            torch.tensor(float(asked), device=self.fabric.device), reduce_op="sum"
        )
        return bool(votes > 0)

    def _validate(self) -> None:
        measured: tuple[Validation, Heard] | None = None
        if self.leads:
            measured = validate(self.stages, self.held_out, self.learned)
        validation = self.fabric.broadcast(measured[0] if measured else None)
        assert validation is not None, "the leader has measured"
        self.history.append(validation)
        if measured is None:
            return
        self._record(validation.record())
        if self.board is not None:
            self.board.heard(validation.step, measured[1])
        rung = alarms(self.history, self.training)
        self.display.validation(validation, forecast(self.history), rung)
        self._say_if_plateaued()

    def _say_if_plateaued(self) -> None:
        """Once, when it happens."""
        config = self.training.plateau or PlateauConfig()
        now = self.stages.stage == 1 and plateaued(self.history, config)
        if not now or plateaued(self.history[:-1], config):
            return
        if self.training.plateau is not None and self.training.adversarial.steps:
            self.display.say("stage 1 has stopped improving: stage 2 begins")
        else:
            self.display.say(ways_on(self.stages.step, self.training))

    def _find_latent_space(self) -> None:
        """At the end of stage 1, once; the encoder does not change any more."""
        if not self.leads:
            return
        with evaluating(self.stages.heard):
            space = find_latent_space(self.run, self.stages.heard, self.dataset, self.stages.step)
        ranks = " and ".join(
            f"{space.rank(f, self.config.latent_space.rank_by)} for {f}" for f in FIDELITIES
        )
        self.display.say(f"latents that a fidelity asks for: {ranks}, of {space.size}")

    def _record(self, figures: dict[str, Any]) -> None:
        record = {"step": self.stages.step, "stage": self.stages.stage, **figures}
        if self.log is not None and self.board is not None:
            self.log.write(record)
            self.board.record(record)

    def _save(self, *, end_of_stage_1: bool = False) -> None:
        if self.leads:
            content = {**self.stages.state(), "validations": [asdict(v) for v in self.history]}
            self.checkpoints.save(content, end_of_stage_1=end_of_stage_1)


def _quieten_lightning() -> None:
    """Leaves the screen to our own progress: no tips, no warnings about its own internals."""
    logging.getLogger("lightning.fabric").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")

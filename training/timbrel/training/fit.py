"""Fitting: a run from its beginning, or from where it stands, to its last step."""

import logging
import os
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch.utils.data import DataLoader, TensorDataset

from timbrel.config import Config
from timbrel.data import AudioDataset
from timbrel.errors import UserError
from timbrel.training.crops import Crops
from timbrel.training.progress import Progress
from timbrel.training.run import DatasetOrigin, Run
from timbrel.training.stage1 import VariationalStage

#: Decoded at each validation, as one batch: few enough not to be felt.
VALIDATION_EXCERPTS = 8


class AtomicCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint beside the last one and then puts it in its place.

    Lightning itself writes over the last one: a full disk or a kill in that moment loses both.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(target.name + ".partial")
        content = BytesIO()
        torch.save(checkpoint, content)
        with partial.open("wb") as file:
            file.write(content.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)


class SaveOnInterrupt(Callback):
    """Keeps what was learned when Ctrl-C ends the training; an error keeps the last good state."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        if isinstance(exception, KeyboardInterrupt) and trainer.global_step:
            trainer.save_checkpoint(self.run.last_checkpoint)


def train(config: Config, dataset: AudioDataset, dataset_path: Path, folder: Path) -> Run:
    """Trains stage 1, from the beginning or from where the run in `folder` stands.

    Raises:
        UserError: when `folder` holds a run of another configuration or of other sound, or the
            dataset's sample rate is not the model's. Only the number of steps may change.
    """
    run = Run(folder)
    if dataset.sample_rate != config.model.sample_rate:
        raise UserError(
            f"{dataset_path} is at {dataset.sample_rate} Hz, the model at "
            f"{config.model.sample_rate} Hz; preprocess with --rate {config.model.sample_rate} "
            f"or train with --set model.sample_rate={dataset.sample_rate}"
        )
    origin = DatasetOrigin(str(dataset_path.resolve()), dataset.fingerprint)
    if not run.exists() and folder.exists() and (folder.is_file() or any(folder.iterdir())):
        raise UserError(f"{folder} holds something that is no run; choose another folder")
    if run.exists() and not (
        _continues(run.config(), config) and run.origin().fingerprint == dataset.fingerprint
    ):
        raise UserError(
            f"{folder} holds a run with other settings or other sound; choose another folder, or "
            "repeat its settings to continue it"
        )
    first = run.load_model()[1] if run.last_checkpoint.exists() else 0
    if config.training.steps < first:
        raise UserError(
            f"{folder} has been trained for {first} steps already; give more with "
            f"--set training.steps=N, or export it"
        )
    run.create(config, origin)
    _fit(run, config, dataset, first)
    return run


def _continues(old: Config, new: Config) -> bool:
    """Whether a run begun as `old` may go on as `new`: for longer or shorter, else unchanged."""
    steps = {"steps": new.training.steps}
    return old.model_copy(update={"training": old.training.model_copy(update=steps)}) == new


def _fit(run: Run, config: Config, dataset: AudioDataset, first: int) -> None:
    training = config.training
    seed_everything(training.seed + first, verbose=False)
    crops = Crops(
        dataset,
        segment=training.segment,
        examples=training.steps * training.batch,
        first=first * training.batch,
        seed=training.seed,
        phase_augmentation=training.phase_augmentation,
    )
    excerpts = validation_excerpts(dataset, training.segment, VALIDATION_EXCERPTS)
    checkpoints = ModelCheckpoint(
        dirpath=run.last_checkpoint.parent,
        filename="last",
        every_n_train_steps=training.checkpoint_every,
        enable_version_counter=False,
    )
    _quieten_lightning()
    logs = run.folder / "logs"
    trainer = Trainer(
        max_steps=training.steps,
        accelerator="auto",
        devices=1,
        logger=[
            TensorBoardLogger(logs, name="", version="tensorboard"),
            # It deletes what it finds in its folder: every start gets one of its own.
            CSVLogger(logs, name="", version=f"csv_from_step_{first}"),
        ],
        callbacks=[checkpoints, SaveOnInterrupt(run), Progress(training.steps)],
        plugins=[AtomicCheckpoints()],
        enable_progress_bar=False,
        enable_model_summary=False,
        check_val_every_n_epoch=None,
        val_check_interval=min(training.validate_every, training.steps - first) or None,
        num_sanity_val_steps=0,
        log_every_n_steps=10,
    )
    if first < training.steps:
        try:
            trainer.fit(
                VariationalStage(config),
                DataLoader(crops, batch_size=training.batch),
                DataLoader(TensorDataset(excerpts), batch_size=len(excerpts), collate_fn=_stack),
                ckpt_path=str(run.last_checkpoint) if first else None,
                weights_only=True,
            )
        except SystemExit:
            # On Ctrl-C Lightning calls its callbacks and ends the process; that is ours to do.
            raise KeyboardInterrupt from None
        trainer.save_checkpoint(run.last_checkpoint)


def _quieten_lightning() -> None:
    """Leaves the screen to our own progress: no tips, no warnings about its own internals."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    warnings.filterwarnings("ignore", message=".*LeafSpec.*")
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")


def _stack(items: list[tuple[torch.Tensor]]) -> torch.Tensor:
    return torch.stack([item[0] for item in items])


def validation_excerpts(dataset: AudioDataset, segment: int, count: int) -> torch.Tensor:
    """At most `count` excerpts ``(n, 1, segment)`` spread evenly over the validation split.

    Two at least, and not more than fit side by side: a neighbour that overlaps would be no other
    excerpt to compare with.
    """
    frames = dataset.split_frames("validation")
    count = max(2, min(count, frames // segment))
    starts = [frames * i // count for i in range(count)]
    excerpts = [torch.from_numpy(dataset.read("validation", s, segment)) for s in starts]
    return torch.stack(excerpts).unsqueeze(1)

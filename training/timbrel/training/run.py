"""A run: the folder that training writes and every later command reads.

``config.yaml`` the full resolved configuration · ``dataset.json`` where the sound came from and its
fingerprint · ``checkpoints/last.ckpt`` everything needed to go on · ``logs/`` for TensorBoard.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch.utils.data import DataLoader, TensorDataset

from timbrel.config import Config, dump_config, read_config
from timbrel.data import AudioDataset
from timbrel.errors import UserError
from timbrel.model.autoencoder import Autoencoder
from timbrel.training.crops import Crops
from timbrel.training.progress import Progress
from timbrel.training.stage1 import VariationalStage

#: Decoded at each validation: enough for a stable mean, few enough not to be felt.
VALIDATION_EXCERPTS = 16


@dataclass(frozen=True)
class DatasetOrigin:
    """Where a run's sound came from."""

    path: str
    fingerprint: str


@dataclass(frozen=True)
class Run:
    """The files of one training run."""

    folder: Path

    @property
    def config_file(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def origin_file(self) -> Path:
        return self.folder / "dataset.json"

    @property
    def last_checkpoint(self) -> Path:
        return self.folder / "checkpoints" / "last.ckpt"

    def exists(self) -> bool:
        return self.config_file.exists()

    def create(self, config: Config, origin: DatasetOrigin) -> None:
        """Writes the configuration of a new run; the file that marks a run comes last."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.origin_file.write_text(json.dumps(asdict(origin), indent=2) + "\n")
        self.config_file.write_text(dump_config(config))

    def config(self) -> Config:
        return read_config(self.config_file)

    def origin(self) -> DatasetOrigin:
        try:
            return DatasetOrigin(**json.loads(self.origin_file.read_text()))
        except (OSError, ValueError, TypeError):
            raise UserError(f"{self.origin_file}: missing or damaged") from None

    def load_model(self) -> tuple[Autoencoder, int]:
        """The model of the last checkpoint, in eval mode, and the step it was written at.

        Raises:
            UserError: when the run has no readable checkpoint.
        """
        config = self.config()
        if not self.last_checkpoint.exists():
            raise UserError(
                f"{self.folder}: no checkpoint yet; `timbrel train` writes the first one after "
                f"{config.training.checkpoint_every} steps and when it is interrupted"
            )
        try:
            checkpoint = torch.load(self.last_checkpoint, map_location="cpu", weights_only=True)
            stage = VariationalStage(config)
            stage.load_state_dict(checkpoint["state_dict"])
        except Exception as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
            raise UserError(f"{self.last_checkpoint}: not readable ({reason})") from None
        return stage.model.eval(), int(checkpoint["global_step"])


def train(config: Config, dataset: AudioDataset, dataset_path: Path, folder: Path) -> Run:
    """Trains stage 1, from the beginning or from where the run in `folder` stands.

    Raises:
        UserError: when `folder` holds a run of another configuration or of other sound, or the
            dataset's sample rate is not the model's.
    """
    run = Run(folder)
    if dataset.sample_rate != config.model.sample_rate:
        raise UserError(
            f"{dataset_path} is at {dataset.sample_rate} Hz, the model at "
            f"{config.model.sample_rate} Hz; preprocess with --rate {config.model.sample_rate} "
            f"or train with --set model.sample_rate={dataset.sample_rate}"
        )
    origin = DatasetOrigin(str(dataset_path), dataset.fingerprint)
    if run.exists():
        if run.config() != config or run.origin().fingerprint != dataset.fingerprint:
            raise UserError(
                f"{folder} holds a run with other settings or other sound; choose another folder, "
                "or repeat its settings to continue it"
            )
    else:
        run.create(config, origin)
    _fit(run, config, dataset)
    return run


def _fit(run: Run, config: Config, dataset: AudioDataset) -> None:
    training = config.training
    first = _step_reached(run)
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
        save_on_exception=True,
        enable_version_counter=False,
    )
    logs = run.folder / "logs"
    trainer = Trainer(
        max_steps=training.steps,
        accelerator="auto",
        devices=1,
        logger=[
            TensorBoardLogger(logs, name="", version="tensorboard"),
            CSVLogger(logs, name="", version="csv"),
        ],
        callbacks=[checkpoints, Progress(training.steps)],
        enable_progress_bar=False,
        enable_model_summary=False,
        check_val_every_n_epoch=None,
        val_check_interval=min(training.validate_every, training.steps - first) or None,
        num_sanity_val_steps=0,
        log_every_n_steps=10,
    )
    if first < training.steps:
        trainer.fit(
            VariationalStage(config),
            DataLoader(crops, batch_size=training.batch),
            DataLoader(TensorDataset(excerpts), batch_size=8, collate_fn=_stack),
            ckpt_path=str(run.last_checkpoint) if first else None,
            weights_only=True,
        )
        if trainer.interrupted:
            raise KeyboardInterrupt
        trainer.save_checkpoint(run.last_checkpoint)


def _stack(items: list[tuple[torch.Tensor]]) -> torch.Tensor:
    return torch.stack([item[0] for item in items])


def _step_reached(run: Run) -> int:
    return run.load_model()[1] if run.last_checkpoint.exists() else 0


def validation_excerpts(dataset: AudioDataset, segment: int, count: int) -> torch.Tensor:
    """`count` excerpts ``(count, 1, segment)`` spread evenly over the validation split."""
    frames = dataset.split_frames("validation")
    starts = [frames * i // count for i in range(count)]
    excerpts = [torch.from_numpy(dataset.read("validation", s, segment)) for s in starts]
    return torch.stack(excerpts).unsqueeze(1)

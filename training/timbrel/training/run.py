"""A run: the folder that training writes and every later command reads.

``config.yaml`` the full resolved configuration · ``origin.json`` where the sound, and perhaps the
first weights, came from · ``checkpoints/`` everything needed to go on, and older states ·
``latent_space.json`` the rotation of its latents, once stage 1 has ended · ``logs/`` losses as JSON
lines, and for TensorBoard.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from timbrel.config import Config, dump_config, read_config
from timbrel.data import AudioDataset
from timbrel.errors import UserError
from timbrel.latent.space import LatentSpace
from timbrel.model.autoencoder import Autoencoder
from timbrel.training.checkpoints import LAST


@dataclass(frozen=True)
class DatasetOrigin:
    """Where a run's sound came from, and its weights if it did not begin with random ones."""

    path: str
    fingerprint: str
    fine_tuned_from: str | None = None


@dataclass(frozen=True)
class Trained:
    """A network as a checkpoint holds it, in eval mode."""

    model: Autoencoder
    step: int  #: steps of training
    stage: int


@dataclass(frozen=True)
class Weights:
    """What a new run begins with instead of random numbers (fine-tuning)."""

    model: Autoencoder
    origin: str  #: for the record


@dataclass(frozen=True)
class Run:
    """The files of one training run."""

    folder: Path

    @property
    def config_file(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def origin_file(self) -> Path:
        return self.folder / "origin.json"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def last_checkpoint(self) -> Path:
        return self.checkpoints / LAST

    @property
    def metrics_file(self) -> Path:
        return self.folder / "logs" / "metrics.jsonl"

    @property
    def latent_space_file(self) -> Path:
        return self.folder / "latent_space.json"

    def exists(self) -> bool:
        return self.config_file.exists()

    def create(self, config: Config, origin: DatasetOrigin) -> None:
        """Writes what defines the run; the file that marks a folder as one comes last."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _write_whole(self.origin_file, json.dumps(asdict(origin), indent=2) + "\n")
        _write_whole(self.config_file, dump_config(config))

    def config(self) -> Config:
        return read_config(self.config_file)

    def origin(self) -> DatasetOrigin:
        try:
            return DatasetOrigin(**json.loads(self.origin_file.read_text()))
        except (OSError, ValueError, TypeError):
            raise UserError(f"{self.origin_file}: missing or damaged") from None

    def latent_space(self) -> LatentSpace | None:
        """The rotation of its latents, if one was found already.

        Raises:
            UserError: when the file is damaged.
        """
        try:
            return LatentSpace.from_json(json.loads(self.latent_space_file.read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, UserError):
            raise UserError(
                f"{self.latent_space_file}: damaged; remove it, and it is made anew (patches for "
                "this run's models may then find their latents elsewhere)"
            ) from None

    def keep_latent_space(self, space: LatentSpace) -> None:
        """Writes the rotation that later checkpoints are exported with."""
        _write_whole(self.latent_space_file, json.dumps(space.to_json()) + "\n")

    def dataset(self) -> AudioDataset | None:
        """The sound it was trained on, if it still is where it was."""
        origin = self.origin()
        try:
            dataset = AudioDataset.open(Path(origin.path))
        except UserError:
            return None
        return dataset if dataset.fingerprint == origin.fingerprint else None

    def load(self, checkpoint: Path | None = None) -> Trained:
        """The network of one of its checkpoints, by default the last.

        Raises:
            UserError: when the run has no readable checkpoint.
        """
        config = self.config()
        checkpoint = checkpoint or self.last_checkpoint
        if not checkpoint.exists():
            raise UserError(
                f"{self.folder}: no checkpoint yet; `timbrel train` writes the first one after "
                f"{config.training.checkpoint_every} steps and when it is interrupted"
            )
        return load_checkpoint(checkpoint, config)

    def load_model(self) -> tuple[Autoencoder, int]:
        """The model of the last checkpoint and its step, as `load`."""
        trained = self.load()
        return trained.model, trained.step


def find_run(path: Path) -> tuple[Run, Path]:
    """The run that `path`, its folder or one of its checkpoints, belongs to, and the checkpoint.

    Raises:
        UserError: when it is neither.
    """
    if path.is_dir():
        run = Run(path)
        run.config()
        return run, run.last_checkpoint
    if not path.is_file():
        raise UserError(f"{path}: no such run or checkpoint")
    run = Run(path.parent.parent)
    if path.parent != run.checkpoints or not run.exists():
        raise UserError(f"{path}: not a run's folder, nor a checkpoint in one")
    return run, path


def read_checkpoint(path: Path) -> dict[str, Any]:
    """All that a checkpoint holds, on the CPU.

    Raises:
        UserError: when it is not readable.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        int(content["global_step"])
    except Exception as error:
        # Torch raises a dozen kinds of errors here, and none of their texts helps a user.
        raise _unreadable(path, error) from None
    return content


def load_checkpoint(path: Path, config: Config) -> Trained:
    """The network of one checkpoint, averaged where the run averages.

    Raises:
        UserError: when it is not readable, or not a checkpoint of `config`.
    """
    content = read_checkpoint(path)
    model = Autoencoder(config.model)
    prefix = "average." if config.training.ema else "model."
    try:
        weights = content["state_dict"]
        model.load_state_dict(
            {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
        )
        stage = int(content["stage"])
        model.decoder.with_noise = stage == 2
    except (RuntimeError, KeyError, AttributeError, TypeError, ValueError) as error:
        raise _unreadable(path, error) from None
    return Trained(model.eval(), int(content["global_step"]), stage)


def _unreadable(path: Path, error: Exception) -> UserError:
    return UserError(
        f"{path}: not readable; it is damaged, or another version of Timbrel made it "
        f"({type(error).__name__})"
    )


def _write_whole(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)

"""A run: the folder that training writes and every later command reads.

``config.yaml`` the full resolved configuration · ``origin.json`` where the sound came from and its
fingerprint · ``checkpoints/last.ckpt`` everything needed to go on · ``logs/`` for TensorBoard.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from timbrel.config import Config, dump_config, read_config
from timbrel.errors import UserError
from timbrel.model.autoencoder import Autoencoder


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
        return self.folder / "origin.json"

    @property
    def last_checkpoint(self) -> Path:
        return self.folder / "checkpoints" / "last.ckpt"

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
            model = Autoencoder(config.model)
            prefix = "model."
            step = int(checkpoint["global_step"])
            model.load_state_dict(
                {
                    name.removeprefix(prefix): value
                    for name, value in checkpoint["state_dict"].items()
                    if name.startswith(prefix)
                }
            )
        except Exception as error:
            # Torch raises a dozen kinds of errors here, and none of their texts helps a user.
            raise UserError(
                f"{self.last_checkpoint}: not readable; it is damaged, or another version of "
                f"Timbrel made it ({type(error).__name__})"
            ) from None
        return model.eval(), step


def _write_whole(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)

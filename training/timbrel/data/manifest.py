"""What a dataset's folder says about itself, in `dataset.json`."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from timbrel.errors import UserError

AUDIO_NAME = "audio.i16"
MANIFEST_NAME = "dataset.json"
FORMAT_VERSION = 1

Split = Literal["train", "validation"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class FileEntry(_Record):
    """A run of frames in `audio.i16` that came from one recording."""

    path: str
    """Relative to the folder that was read, with forward slashes."""
    start: int
    frames: int
    split: Split


class Skipped(_Record):
    """A recording that was left out."""

    path: str
    reason: str


class Note(_Record):
    """Something worth knowing about a recording that was used."""

    path: str
    note: str


class Clipped(_Record):
    """A recording whose loudest samples hit full scale and stay there."""

    path: str
    samples: int


class Manifest(_Record):
    """The contents of `dataset.json`."""

    format_version: int
    sample_rate: int
    channels: int
    frames: int
    fingerprint: str
    """sha256 over the bytes of `audio.i16` and the sample rate: the same sound, the same value."""
    source: str
    """sha256 over the names and contents of the recordings, and the options they were read with."""
    files: tuple[FileEntry, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[Note, ...]
    clipped_files: tuple[Clipped, ...]
    ignored_files: int
    """Files in the folder that are no audio."""
    rms_dbfs: float
    peak_dbfs: float

    @property
    def seconds(self) -> float:
        """Length of all of the audio."""
        return self.frames / self.sample_rate

    def write(self, folder: Path) -> None:
        """Write `dataset.json` into `folder`."""
        (folder / MANIFEST_NAME).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Read `dataset.json`, and check that `audio.i16` is there in the length it states.

        Raises:
            UserError: `folder` is no dataset, is damaged, or is of a later format.
        """
        if not folder.is_dir():
            raise UserError(f"no dataset at {folder}: there is no such folder")
        try:
            text = (folder / MANIFEST_NAME).read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise UserError(
                f"{folder} is not a dataset (it has no {MANIFEST_NAME}); "
                f"make one with: timbrel preprocess RECORDINGS {folder}"
            ) from error
        except (OSError, UnicodeDecodeError) as error:
            raise _damaged(folder, f"{MANIFEST_NAME} cannot be read") from error
        try:
            manifest = cls.model_validate_json(text)
        except ValidationError as error:
            where = ".".join(map(str, error.errors()[0]["loc"])) or "its syntax"
            raise _damaged(folder, f"{MANIFEST_NAME} is invalid in {where}") from error
        if manifest.format_version != FORMAT_VERSION or manifest.channels != 1:
            raise UserError(
                f"the dataset {folder} has format {manifest.format_version} with "
                f"{manifest.channels} channels, this version reads format {FORMAT_VERSION} with 1; "
                "run timbrel preprocess again"
            )
        manifest._check_frames(folder)
        return manifest

    def _check_frames(self, folder: Path) -> None:
        try:
            size = (folder / AUDIO_NAME).stat().st_size
        except FileNotFoundError as error:
            raise _damaged(folder, f"{AUDIO_NAME} is missing") from error
        if size != 2 * self.frames:
            raise _damaged(folder, f"{AUDIO_NAME} has {size} bytes, {2 * self.frames} expected")
        for entry in self.files:
            if entry.start < 0 or entry.frames < 1 or entry.start + entry.frames > self.frames:
                raise _damaged(folder, f"{entry.path} lies outside {AUDIO_NAME}")


def _damaged(folder: Path, what: str) -> UserError:
    return UserError(
        f"the dataset {folder} is damaged: {what}; delete it and run timbrel preprocess again"
    )

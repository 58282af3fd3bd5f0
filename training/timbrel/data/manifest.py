"""What a dataset's folder says about itself, in `dataset.json`."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from timbrel.errors import UserError

AUDIO_NAME = "audio.i16"
MANIFEST_NAME = "dataset.json"
FORMAT_VERSION = 2

Split = Literal["train", "validation"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class FileEntry(_Record):
    """A run of frames that came from one recording."""

    path: str
    """Relative to the folder that was read, with forward slashes."""
    start: int
    frames: int
    split: Split


class LazyFile(_Record):
    """A recording that is read where it lies, and its place among the dataset's frames."""

    path: str
    start: int
    frames: int
    """At the dataset's rate."""
    size: int
    """In bytes."""


class Lazy(_Record):
    """Where the recordings of a dataset lie that has no frames of its own."""

    folder: str
    """As an absolute path."""
    files: tuple[LazyFile, ...]

    def _check_files(self, dataset: Path) -> None:
        """Find out now, and not after a day of training, what has gone or changed."""
        for file in self.files:
            path = Path(self.folder, file.path)
            try:
                size = path.stat().st_size
            except OSError as error:
                raise UserError(
                    f"the dataset {dataset} reads its recordings from {self.folder}, where "
                    f"{file.path} is not found ({error.strerror}); put it back, or run "
                    "timbrel preprocess --lazy --overwrite again"
                ) from None
            if size != file.size:
                raise UserError(
                    f"{path} has changed since the dataset {dataset} was made; run "
                    "timbrel preprocess --lazy --overwrite again"
                )


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
    channels: int = Field(ge=1)
    frames: int
    fingerprint: str
    """The same sound, the same value.

    sha256 over the bytes of `audio.i16`, the sample rate and (but for one) the number of channels;
    of a lazy dataset, over the recordings' samples instead, at their own rates.
    """
    source: str
    """sha256 over the names and contents of the recordings, and the options they were read with."""
    files: tuple[FileEntry, ...]
    lazy: Lazy | None = None
    """Set where there is no `audio.i16`, and the frames are decoded from the recordings."""
    skipped: tuple[Skipped, ...]
    notes: tuple[Note, ...]
    clipped_files: tuple[Clipped, ...]
    ignored_files: int
    """Files in the folder that are no audio."""
    silent_seconds: float
    """How much of it stays below -60 dB for a tenth of a second and longer."""
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
        """Read `dataset.json`, and check that what it speaks of is there, in the length it states.

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
        if manifest.format_version != FORMAT_VERSION:
            raise UserError(
                f"the dataset {folder} has format {manifest.format_version}, this version reads "
                f"format {FORMAT_VERSION}; run timbrel preprocess again"
            )
        manifest._check_entries(folder)
        if manifest.lazy:
            manifest.lazy._check_files(folder)
        else:
            manifest._check_audio(folder)
        return manifest

    def _check_audio(self, folder: Path) -> None:
        expected = 2 * self.channels * self.frames
        try:
            size = (folder / AUDIO_NAME).stat().st_size
        except FileNotFoundError as error:
            raise _damaged(folder, f"{AUDIO_NAME} is missing") from error
        if size != expected:
            raise _damaged(folder, f"{AUDIO_NAME} has {size} bytes, {expected} expected")

    def _check_entries(self, folder: Path) -> None:
        for entry in self.files:
            if entry.start < 0 or entry.frames < 1 or entry.start + entry.frames > self.frames:
                raise _damaged(folder, f"{entry.path} lies outside {AUDIO_NAME}")


def _damaged(folder: Path, what: str) -> UserError:
    return UserError(
        f"the dataset {folder} is damaged: {what}; delete it and run timbrel preprocess again"
    )

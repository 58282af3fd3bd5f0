"""Reads a dataset's audio by its frames."""

from bisect import bisect_right
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import soundfile

from timbrel.data.channels import Frames
from timbrel.data.decode import to_int16
from timbrel.data.excerpt import excerpt
from timbrel.data.manifest import AUDIO_NAME, FileEntry, Lazy, Manifest, Split
from timbrel.data.sources import why_unreadable
from timbrel.errors import UserError


class AudioDataset:
    """The recordings of a dataset as one long stream of frames per split.

    The audio stays on the disk and is mapped into memory: opening costs nothing, and any number of
    processes share one copy. A lazy dataset decodes what is read from the recordings themselves. An
    instance can be pickled, for the workers of a data loader.

    Example:
        >>> dataset = AudioDataset.open(Path("my-dataset"))
        >>> start = rng.integers(dataset.split_frames("train"))
        >>> crop = dataset.read("train", start, 131_072)  # float32, shape (131072,)
        >>> crop = dataset.read_channels("train", start, 131_072)  # shape (channels, 131072)
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self._store: _Store = (
            _Recordings(manifest.lazy, manifest.sample_rate, manifest.channels)
            if manifest.lazy
            else _Converted(folder / AUDIO_NAME, manifest.frames, manifest.channels)
        )
        self._runs: dict[Split, _Runs] = {
            "train": _Runs([entry for entry in manifest.files if entry.split == "train"]),
            "validation": _Runs([entry for entry in manifest.files if entry.split == "validation"]),
        }

    @classmethod
    def open(cls, path: str | Path) -> "AudioDataset":
        """Open the dataset that `timbrel preprocess` wrote at `path`.

        Raises:
            UserError: the folder is not a dataset, or is damaged.
        """
        folder = Path(path)
        return cls(folder, Manifest.read(folder))

    def __reduce__(self) -> tuple[object, ...]:
        # A mapped array would be pickled as a copy of all of its frames.
        return (AudioDataset, (self.folder, self.manifest))

    @property
    def sample_rate(self) -> int:
        """Frames per second, in Hz."""
        return self.manifest.sample_rate

    @property
    def channels(self) -> int:
        """Samples of each frame."""
        return self.manifest.channels

    @property
    def frames(self) -> int:
        """Frames in all splits together."""
        return self.manifest.frames

    @property
    def fingerprint(self) -> str:
        """Hexadecimal digest of the audio, its rate and its channels."""
        return self.manifest.fingerprint

    def split_frames(self, split: Split) -> int:
        """Frames in one split."""
        return self._runs[split].total

    def read(self, split: Split, start: int, frames: int) -> npt.NDArray[np.float32]:
        """Samples from -1 to 1, float32, shape `(frames,)`; all channels mixed to one.

        `start` counts within the concatenation of the split's recordings. Past its end the reading
        goes on at its beginning, so that a crop of any length can be had from any material.

        Raises:
            UserError: the split holds no audio.
        """
        samples = self.read_channels(split, start, frames)
        return samples[0] if len(samples) == 1 else samples.mean(axis=0)

    def read_channels(self, split: Split, start: int, frames: int) -> npt.NDArray[np.float32]:
        """As `read`, all channels: float32, shape `(channels, frames)`.

        Raises:
            UserError: the split holds no audio.
        """
        runs = self._runs[split]
        if not runs.total:
            raise UserError(f"the dataset {self.folder} has no {split} recordings")
        out = np.empty((frames, self.channels), dtype=np.float32)
        done = 0
        while done < frames:
            source, available = runs.locate(start + done)
            count = min(available, frames - done)
            out[done : done + count] = self._store.frames(source, count)
            done += count
        out *= 1.0 / 32768.0
        return np.ascontiguousarray(out.T)


class _Store(Protocol):
    """Where the frames come from."""

    def frames(self, start: int, count: int) -> npt.NDArray[np.int16]:
        """Frames ``(count, channels)``, all of one recording."""


class _Converted:
    """The file that `preprocess` wrote."""

    def __init__(self, path: Path, frames: int, channels: int) -> None:
        self._audio: npt.NDArray[np.int16] = np.memmap(
            path, dtype="<i2", mode="r", shape=(frames, channels)
        )

    def frames(self, start: int, count: int) -> npt.NDArray[np.int16]:
        return self._audio[start : start + count]


class _Recordings:
    """The recordings themselves, opened anew for each excerpt: no process shares its place."""

    def __init__(self, lazy: Lazy, sample_rate: int, channels: int) -> None:
        self._folder = Path(lazy.folder)
        self._files = lazy.files
        self._starts = [file.start for file in lazy.files]
        self._sample_rate = sample_rate
        self._channels = channels

    def frames(self, start: int, count: int) -> npt.NDArray[np.int16]:
        file = self._files[bisect_right(self._starts, start) - 1]
        path = self._folder / file.path
        try:
            found: Frames = excerpt(
                path, self._sample_rate, self._channels, start - file.start, count
            )
        except soundfile.LibsndfileError as error:
            raise UserError(
                f"{path} can no longer be read ({why_unreadable(error)}); put it back, or run "
                "timbrel preprocess --lazy --overwrite again"
            ) from None
        # Rounded as a converted dataset is: the same crops, whichever way they come.
        return to_int16(found)


class _Runs:
    """Where the frames of a split lie among all frames."""

    def __init__(self, entries: list[FileEntry]) -> None:
        self._starts = np.array([entry.start for entry in entries], dtype=np.int64)
        self._ends = np.cumsum([entry.frames for entry in entries], dtype=np.int64)
        self.total = int(self._ends[-1]) if entries else 0

    def locate(self, position: int) -> tuple[int, int]:
        """The frame at a position of the split, and how many follow without a gap."""
        position %= self.total
        index = int(np.searchsorted(self._ends, position, side="right"))
        left = int(self._ends[index]) - position
        end = int(self._starts[index]) + self._frames(index)
        return end - left, left

    def _frames(self, index: int) -> int:
        return int(self._ends[index] - (self._ends[index - 1] if index else 0))

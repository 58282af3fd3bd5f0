"""Reads a dataset's audio by its frames."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from timbrel.data.manifest import AUDIO_NAME, FileEntry, Manifest, Split
from timbrel.errors import UserError


class AudioDataset:
    """The recordings of a dataset as one long stream of mono frames per split.

    The audio stays on the disk and is mapped into memory: opening costs nothing, and any number of
    processes share one copy. An instance can be pickled, for the workers of a data loader.

    Example:
        >>> dataset = AudioDataset.open(Path("my-dataset"))
        >>> start = rng.integers(dataset.split_frames("train"))
        >>> crop = dataset.read("train", start, 131_072)  # float32, shape (131072,)
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self._audio: npt.NDArray[np.int16] = np.memmap(
            folder / AUDIO_NAME, dtype="<i2", mode="r", shape=(manifest.frames,)
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
    def frames(self) -> int:
        """Frames in all splits together."""
        return self.manifest.frames

    @property
    def fingerprint(self) -> str:
        """Hexadecimal digest of the audio and its rate."""
        return self.manifest.fingerprint

    def split_frames(self, split: Split) -> int:
        """Frames in one split."""
        return self._runs[split].total

    def read(self, split: Split, start: int, frames: int) -> npt.NDArray[np.float32]:
        """Samples from -1 to 1, float32, shape `(frames,)`.

        `start` counts within the concatenation of the split's recordings. Past its end the reading
        goes on at its beginning, so that a crop of any length can be had from any material.

        Raises:
            UserError: the split holds no audio.
        """
        runs = self._runs[split]
        if not runs.total:
            raise UserError(f"the dataset {self.folder} has no {split} recordings")
        out = np.empty(frames, dtype=np.float32)
        done = 0
        while done < frames:
            source, available = runs.locate(start + done)
            count = min(available, frames - done)
            out[done : done + count] = self._audio[source : source + count]
            done += count
        out *= 1.0 / 32768.0
        return out


class _Runs:
    """Where the frames of a split lie in the file."""

    def __init__(self, entries: list[FileEntry]) -> None:
        self._starts = np.array([entry.start for entry in entries], dtype=np.int64)
        self._ends = np.cumsum([entry.frames for entry in entries], dtype=np.int64)
        self.total = int(self._ends[-1]) if entries else 0

    def locate(self, position: int) -> tuple[int, int]:
        """The frame in the file at a position of the split, and how many follow without a gap."""
        position %= self.total
        index = int(np.searchsorted(self._ends, position, side="right"))
        left = int(self._ends[index]) - position
        end = int(self._starts[index]) + self._frames(index)
        return end - left, left

    def _frames(self, index: int) -> int:
        return int(self._ends[index] - (self._ends[index - 1] if index else 0))

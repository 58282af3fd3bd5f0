"""The checkpoints of a run: whole or not there, and never more than a disk can hold."""

import contextlib
import os
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

#: Everything needed to go on.
LAST = "last.ckpt"
#: The end of stage 1: what stage 2 began from, kept for as long as the run is.
END_OF_STAGE_1 = "stage1.ckpt"


def write_checkpoint(content: dict[str, Any], target: Path) -> None:
    """Writes a checkpoint beside the one at `target` and then puts it in its place.

    Whatever happens meanwhile, a full disk or a kill, costs at most the new one.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".partial")
    data = BytesIO()
    torch.save(content, data)
    with partial.open("wb") as file:
        file.write(data.getbuffer())
        file.flush()
        os.fsync(file.fileno())
    partial.replace(target)


class Checkpoints:
    """`last.ckpt`, `stage1.ckpt`, and as many older ones, by step, as `gigabytes` have room for.

    An older one costs no writing: it is a second name of what was the last. When space runs out,
    the one goes that leaves the smallest gap, so that a run's whole history stays within reach.
    """

    def __init__(self, folder: Path, gigabytes: float) -> None:
        self.folder = folder
        self.budget = gigabytes * 1e9

    def save(self, content: dict[str, Any], *, end_of_stage_1: bool = False) -> None:
        """Writes `content` as the last checkpoint, and prunes the older ones."""
        last = self.folder / LAST
        write_checkpoint(content, last)
        if end_of_stage_1:
            self._name_again(last, self.folder / END_OF_STAGE_1)
        self._name_again(last, self.folder / f"step_{content['global_step']:09d}.ckpt")
        self._prune()

    def history(self) -> list[Path]:
        """Checkpoints by step, oldest first."""
        return sorted(self.folder.glob("step_*.ckpt"))

    def _name_again(self, file: Path, name: Path) -> None:
        # A disk that knows no second names keeps no history; but the end of a stage is worth a
        # copy.
        partial = name.with_name(name.name + ".partial")
        partial.unlink(missing_ok=True)
        try:
            os.link(file, partial)
        except OSError:
            if name.name != END_OF_STAGE_1:
                return
            partial.write_bytes(file.read_bytes())
        partial.replace(name)
        # Two names of one file: rename does nothing, and leaves the first one.
        partial.unlink(missing_ok=True)

    def _prune(self) -> None:
        while self._size() > self.budget and len(older := self.history()[:-1]):
            steps = [0, *(_step(path) for path in self.history())]
            gaps = [steps[i + 2] / max(steps[i], 1) for i in range(len(older))]
            with contextlib.suppress(FileNotFoundError):
                older[gaps.index(min(gaps))].unlink()

    def _size(self) -> int:
        files = {s.st_ino: s.st_size for s in (p.stat() for p in self.folder.glob("*.ckpt"))}
        return sum(files.values())


def _step(path: Path) -> int:
    return int(path.stem.removeprefix("step_"))

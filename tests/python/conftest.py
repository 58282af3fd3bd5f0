"""What the Python tests share."""

import os

# Before numpy and torch are imported: where other work runs beside the tests, threads that wait
# for each other make them take twenty times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import contextlib
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

if TYPE_CHECKING:
    from training_runs import Learned

Run = Callable[..., subprocess.CompletedProcess[str]]
Record = Callable[..., Path]


@pytest.fixture(scope="session")
def timbrel() -> Run:
    """Runs the command line as a user does, in a process of its own."""

    def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from timbrel.cli import main; main()"]
        return subprocess.run(
            [*command, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            **options,
        )

    return run


def one_line(result: subprocess.CompletedProcess[str]) -> str:
    """The line that a failed command ends with; asserts that it failed as a user's mistake does."""
    assert result.returncode == 1, result.stderr
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("timbrel: ")]
    assert len(lines) == 1
    assert result.stderr.rstrip().endswith(lines[0])
    return lines[0]


@pytest.fixture(name="one_line")
def _one_line() -> Callable[[subprocess.CompletedProcess[str]], str]:
    return one_line


@pytest.fixture
def record() -> Record:
    """Writes a recording of noise; each seed is another recording."""

    def write(
        path: Path,
        *,
        seconds: float = 1.0,
        rate: int = 44_100,
        channels: int = 1,
        seed: int = 0,
        level: float = 0.1,
        subtype: str | None = None,
    ) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(seed)
        samples = level * rng.uniform(-1, 1, (round(seconds * rate), channels))
        soundfile.write(path, samples, rate, subtype)
        return path

    return write


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a minute of tabla, preprocessed."""
    from timbrel.data.preprocess import preprocess
    from timbrel.data.tabla import make

    folder = tmp_path_factory.mktemp("sound")
    made = make(folder / "tabla", minutes=0.5)
    preprocess(made.train[0].parent, folder / "dataset", sample_rate=44_100)
    return folder / "dataset"


@pytest.fixture(scope="session")
def learned(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> "Learned":
    """A run that has learned something: its latents matter, its alarms are silent."""
    from training_runs import LEARNING, Learned, fit, quick

    folder = tmp_path_factory.mktemp("runs") / "learned"
    with contextlib.redirect_stderr(io.StringIO()) as said:
        run = fit(dataset, folder, quick(300, *LEARNING, "training.loss.beta=0.005"))
    return Learned(run, said.getvalue())

"""An hour through `timbrel render`, twice: the same to the bit, in memory that does not grow.

python benchmarks/hour.py --seconds 3600
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from rich.console import Console
from subjects import RATE, Subject, shipped


@dataclass(frozen=True)
class Rendering:
    """One run of the command, in a process of its own.

    Attributes:
        early: the most megabytes that were resident in the first fifth of the time.
        late: the most from there to the end.
    """

    digest: str
    seconds: float
    early: float
    late: float


def recording(path: Path, seconds: float) -> Path:
    """Noise whose level comes and goes, second by second, so that nothing repeats."""
    random = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        for _ in range(round(seconds)):
            level = 0.3 * random.uniform()
            file.write((level * random.standard_normal(RATE)).astype(np.float32))
    return path


def render(subject: Subject, source: Path, folder: Path) -> Rendering:
    """Renders `source` into `folder`, which is not there yet."""
    command = "from timbrel.cli import main; main()"
    arguments = ["render", subject.path, source, "--out", folder]
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", command, *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    resident: list[float] = []
    while process.poll() is None:
        resident.append(_resident_megabytes(process.pid))
        time.sleep(0.2)
    assert process.returncode == 0
    (output,) = folder.glob("*")
    with output.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    fifth = len(resident) // 5 + 1
    seconds = time.perf_counter() - start
    return Rendering(digest, seconds, max(resident[:fifth]), max(resident[fifth:]))


def _resident_megabytes(process: int) -> float:
    command = ["ps", "-o", "rss=", "-p", str(process)]
    resident = subprocess.run(command, capture_output=True, check=False).stdout
    return int(resident or 0) * 1024 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0, help="of sound")
    options = parser.parse_args()
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subject = shipped(folder)
        source = recording(folder / "noise.wav", options.seconds)
        renderings = [render(subject, source, folder / f"rendered {i}") for i in range(2)]
    for rendering in renderings:
        console.print(
            f"{subject.name}: {options.seconds:g} s of sound in {rendering.seconds:.0f} s, "
            f"at most {rendering.early:.1f} MB resident in the first fifth of it and "
            f"{rendering.late:.1f} later, {rendering.digest[:16]}"
        )
    same = renderings[0].digest == renderings[1].digest
    console.print("the same to the bit" if same else "NOT the same")
    sys.exit(not same)


if __name__ == "__main__":
    main()

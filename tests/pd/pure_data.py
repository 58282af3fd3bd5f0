"""Renders patches with a real Pure Data, faster than real time and without a sound card."""

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "build" / "pd_package" / "timbrel"
RATE = 44100
VECTOR = 64


def pure_datas() -> dict[str, Path]:
    """The installed Pd, and those that scripts/more-pds has laid beside it."""
    installed = shutil.which("pd")
    assert installed, "Pure Data is not installed (pd is not in PATH)"
    beside = {
        name: ROOT / "build" / "pds" / name / "usr" / "bin" / program
        for name, program in (("old", "puredata"), ("double", "puredata64"))
    }
    return {"pd": Path(installed)} | {name: path for name, path in beside.items() if path.exists()}


@dataclass
class Patch:
    """A Pd file in the making; `add` returns an object's number for `connect`."""

    lines: list[str] = field(default_factory=lambda: ["#N canvas 0 0 600 400 12;"])
    count: int = 0

    def add(self, text: str, kind: str = "obj") -> int:
        escaped = text.replace(",", " \\,").replace(";", " \\;")
        self.lines.append(f"#X {kind} 10 {20 * self.count} {escaped};")
        self.count += 1
        return self.count - 1

    def connect(self, source: int, outlet: int, target: int, inlet: int = 0) -> None:
        self.lines.append(f"#X connect {source} {outlet} {target} {inlet};")

    def when_loaded(self, count: int, then: str) -> None:
        """Clicks a message box 300 ms after so many models have been loaded.

        Objects say so to [s said]; `; counted NUMBER` sets how many there have been.
        """
        names = ["r said", "route loaded", "t b", "f", "+ 1", f"sel {count}", "del 300"]
        said, loaded, each, counted, more, all_, a_while = map(self.add, names)
        box = self.add(then, "msg")
        chain = (said, loaded, each, counted, more, all_, a_while, box)
        for source, target in pairwise(chain):
            self.connect(source, 0, target)
        self.connect(more, 0, counted, 1)
        self.connect(self.add("r counted"), 0, counted, 1)

    def write(self, path: Path) -> None:
        path.write_text("\n".join(self.lines) + "\n")


@dataclass
class Rendering:
    """What came out: samples (channels, frames), and what Pd said, line by line."""

    samples: np.ndarray
    console: list[str]

    def reports(self, name: str = "report") -> list[str]:
        """What arrived at the [print] of an object's report outlet."""
        return [line[len(name) + 2 :] for line in self.console if line.startswith(f"{name}: ")]

    def answers(self, selector: str) -> list[str]:
        """What followed that selector, for each of its reports."""
        lines = (line.partition(" ") for line in self.reports())
        return [rest for name, _, rest in lines if name == selector]

    def errors(self) -> list[str]:
        """What [nn~] complained about in red."""
        return [line[7:] for line in self.console if line.startswith("error: nn~: ")]

    def posts(self) -> list[str]:
        """What [nn~] said besides."""
        # Before 0.54, Pd puts the level in front of what is no error.
        lines = (line.removeprefix("verbose(2): ") for line in self.console)
        return [line for line in lines if line.startswith("nn~: ")]


def run(
    patch: Path,
    environment: dict[str, str] | None = None,
    batch: bool = True,
    patience: float = 120,
    pd: Path | None = None,
    rate: int = RATE,
    package: Path = PACKAGE,
) -> list[str]:
    """Runs Pd on a patch until the patch quits it, and returns the console.

    Args:
        patch: the file.
        environment: variables besides those of this process.
        batch: as fast as it can, where objects wait for their models; else in real time.
        patience: seconds after which Pd counts as hung.
        pd: another Pd than the installed one.
        rate: Pd's sample rate in Hz.
        package: the folder that nn~ is in.

    Raises:
        AssertionError: when Pd ends in any other way than by being asked to.
    """
    command = [str(pd or pure_datas()["pd"]), *(["-batch"] if batch else [])]
    command += ["-nogui", "-noaudio", "-nrt", "-noprefs", "-stderr", "-r", str(rate)]
    command += ["-path", str(package), "-open", str(patch)]
    variables = os.environ | (environment or {})
    done = subprocess.run(
        command, env=variables, capture_output=True, text=True, timeout=patience, check=False
    )
    assert done.returncode == 0, f"Pd ended with {done.returncode}:\n{done.stderr}"
    return done.stderr.splitlines()


def render(
    folder: Path,
    objects: list[str],
    signal: np.ndarray,
    outlets: int = 1,
    messages: dict[float, str] | None = None,
    pd: Path | None = None,
    rate: int = RATE,
    extra: list[str] | None = None,
    batch: bool = True,
) -> Rendering:
    """Plays a signal through the first of some objects, into a file of 32-bit floats.

    Args:
        folder: where the patch, and models that it names, lie.
        objects: the text of each; all are created, the first is played.
        signal: (channels, frames); one channel per inlet.
        outlets: signal outlets of the object; the next one is printed as `report`.
        messages: sent to the object, by time in ms.
        pd: another Pd than the installed one.
        rate: Pd's sample rate in Hz.
        extra: lines of the patch besides, boxes that nothing is wired to.
        batch: as `run` takes it.

    Returns:
        As many samples as went in, rounded up to Pd's vectors.
    """
    channels, frames = signal.shape
    soundfile.write(folder / "in.wav", signal.T, rate, subtype="FLOAT")
    patch = Patch()
    reader = patch.add(f"readsf~ {channels}")
    # Not writesf~, which a Pd that quits may leave with its file unwritten.
    arrays = [f"heard{i}" for i in range(outlets)]
    writers = [patch.add(f"tabwrite~ {array}") for array in arrays]
    played, *_ = [patch.add(text) for text in objects]
    report = patch.add("print report")
    for i in range(channels):
        patch.connect(reader, i, played, i)
    for i in range(outlets):
        patch.connect(played, i, writers[i])
    patch.connect(played, outlets, report)

    start = patch.add("loadbang")
    order = patch.add("t b b b b")
    patch.connect(start, 0, order)
    record = patch.add("bang", "msg")
    open_in = patch.add("open in.wav, 1", "msg")
    dsp = patch.add("; pd dsp 1", "msg")
    rounded = -(-frames // VECTOR) * VECTOR
    length = patch.add(f"del {rounded / rate * 1000 + 1:.6f}")
    patch.connect(order, 3, record)
    patch.connect(order, 2, open_in)
    patch.connect(order, 1, length)
    patch.connect(order, 0, dsp)
    for writer in writers:
        patch.connect(record, 0, writer)
    patch.connect(open_in, 0, reader)
    save = patch.add(f"write -wave -bytes 4 out.wav {' '.join(arrays)}", "msg")
    filer = patch.add("soundfiler")
    patch.connect(length, 0, save)
    patch.connect(save, 0, filer)
    for array in arrays:
        patch.add(f"table {array} {rounded}")
    leave = patch.add("del 1")
    patch.connect(length, 0, leave)
    goodbye = patch.add("; pd quit", "msg")
    patch.connect(leave, 0, goodbye)
    for time, message in (messages or {}).items():
        wait = patch.add(f"del {time}")
        box = patch.add(message, "msg")
        patch.connect(order, 1, wait)
        patch.connect(wait, 0, box)
        patch.connect(box, 0, played)
    patch.lines += extra or []
    patch.write(folder / "patch.pd")
    console = run(folder / "patch.pd", batch=batch, pd=pd, rate=rate)
    samples, _ = soundfile.read(folder / "out.wav", dtype="float32", always_2d=True)
    return Rendering(samples.T, console)

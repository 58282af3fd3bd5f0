"""A patch of the package as a person uses it: boxes are clicked, and what flows is recorded."""

import re
from pathlib import Path

import numpy as np
import soundfile
from pure_data import RATE, VECTOR, Rendering, run


class OpenedPatch:
    """The top level of a saved patch: its boxes are numbered as wires count them."""

    def __init__(self, path: Path) -> None:
        self.lines = path.read_text("utf-8").splitlines()
        self.boxes: list[str] = []
        self.wires: list[tuple[int, int, int, int]] = []
        depth = 0
        for line in self.lines:
            if line.startswith("#N canvas"):
                depth += 1
            elif line.startswith("#X restore"):
                depth -= 1
            if depth != 1 or not line.startswith("#X "):
                continue
            if line.startswith("#X coords"):
                continue  # how an abstraction is shown: no box
            if line.startswith("#X connect"):
                source, outlet, target, inlet = (int(word) for word in line[10:-1].split())
                self.wires.append((source, outlet, target, inlet))
            else:
                self.boxes.append(re.sub(r"^#X (\w+) \d+ \d+ ", r"\1 ", line).rstrip(";"))

    def find(self, *words: str) -> int:
        """The one box whose text has all of these words."""
        found = [
            i for i, box in enumerate(self.boxes) if set(words) <= set(box.split(", f ")[0].split())
        ]
        assert len(found) == 1, (words, [self.boxes[i] for i in found])
        return found[0]

    def into(self, box: int) -> list[tuple[int, int]]:
        """What is wired into a box, inlet by inlet: (box, outlet)."""
        wires = sorted(
            (inlet, source, outlet) for source, outlet, to, inlet in self.wires if to == box
        )
        return [(source, outlet) for _, source, outlet in wires]

    def add(self, text: str) -> int:
        self.lines.append(f"#X {text};")
        self.boxes.append(text)
        return len(self.boxes) - 1

    def connect(self, source: int, outlet: int, target: int, inlet: int = 0) -> None:
        self.lines.append(f"#X connect {source} {outlet} {target} {inlet};")

    def play(
        self,
        folder: Path,
        seconds: float,
        clicks: list[tuple[int, float | str]],
        taps: list[tuple[int, int]],
        arrays: list[str] | None = None,
        pd: Path | None = None,
    ) -> Rendering:
        """Clicks, one after the other, before the first sample, and then records.

        Args:
            folder: where the patch is written to, and models that it names lie.
            seconds: how long.
            clicks: a box and what it gets: "bang", or the number that a slider is moved to.
            taps: outlets whose signals are recorded, from the moment of the last click on.
            arrays: arrays of the patch whose content at the end is written to NAME.wav.
            pd: another Pd than the installed one.

        Returns:
            A channel for each tap.
        """
        frames = round(seconds * RATE) // VECTOR * VECTOR
        start, order = self.add("obj 0 0 loadbang"), self.add("obj 0 0 t b b b")
        self.connect(start, 0, order)
        names = [f"tapped{i}" for i in range(len(taps))]
        for name, (box, outlet) in zip(names, taps, strict=True):
            self.add(f"obj 0 0 table {name} {frames}")
            writer = self.add(f"obj 0 0 tabwrite~ {name}")
            self.connect(box, outlet, writer)
            self.connect(order, 2, writer)
        for box, value in clicks:
            finger = self.add(f"msg 0 0 {value}")
            self.connect(order, 1, finger)
            self.connect(finger, 0, box)
        wait, end = (
            self.add(f"obj 0 0 del {1000 * frames / RATE + 1:.6f}"),
            self.add("obj 0 0 t b b"),
        )
        filer, leave = self.add("obj 0 0 soundfiler"), self.add("msg 0 0 \\; pd quit")
        self.connect(order, 0, wait)
        self.connect(wait, 0, end)
        for file, content in [("tapped", names), *((name, [name]) for name in arrays or [])]:
            save = self.add(f"msg 0 0 write -wave -bytes 4 {file}.wav {' '.join(content)}")
            self.connect(end, 1, save)
            self.connect(save, 0, filer)
        self.connect(end, 0, leave)
        (folder / "opened.pd").write_text("\n".join(self.lines) + "\n", "utf-8")
        console = run(folder / "opened.pd", pd=pd)
        return Rendering(read(folder / "tapped.wav"), console)


def read(path: Path) -> np.ndarray:
    """(channels, frames) of a sound file."""
    samples, _ = soundfile.read(path, dtype="float32", always_2d=True)
    return np.ascontiguousarray(samples.T)

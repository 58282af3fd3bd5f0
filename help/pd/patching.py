"""Writes Pure Data patches: boxes at places, wires between them, subpatches within."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

INK, PAPER, SHADE, ACCENT = "#2f5d62", "#f4f4f4", "#e8eeec", "#c0392b"


def escaped(text: str) -> str:
    """Text as Pd saves it: its separators, and the dollars of message boxes, behind backslashes."""
    return text.replace(",", " \\,").replace(";", " \\;").replace("$", "\\$")


@dataclass
class Patch:
    """One canvas. Every function that adds a box returns its number, for `wire`."""

    width: int
    height: int
    # The part that is drawn on the box of a subpatch or abstraction: x, y, width, height.
    shown: tuple[int, int, int, int] | None = None
    boxes: list[str] = field(default_factory=list)
    wires: list[str] = field(default_factory=list)

    def _add(self, line: str) -> int:
        self.boxes.append(line)
        return len(self.boxes) - 1

    def obj(self, x: int, y: int, text: str, width: int = 0) -> int:
        return self._add(f"#X obj {x} {y} {escaped(text)}{f', f {width}' if width else ''};")

    def msg(self, x: int, y: int, text: str) -> int:
        return self._add(f"#X msg {x} {y} {escaped(text)};")

    def text(self, x: int, y: int, text: str, width: int = 0) -> int:
        # Pd would begin a line after a semicolon.
        text = " ".join(text.split()).replace("; ", " - ")
        if lost := re.search(r"(?<!\S)[-+]?\d+\.(?=\s|$)", text):
            raise ValueError(f"Pd reads '{lost[0]}' as a number and drops its full stop: {text}")
        return self._add(f"#X text {x} {y} {escaped(text)}{f', f {width}' if width else ''};")

    def number(self, x: int, y: int, width: int = 6, label: str = "-", side: int = 1) -> int:
        """A number box. `side`: of its label, 0 left, 1 right, 2 above, 3 below."""
        return self._add(f"#X floatatom {x} {y} {width} 0 0 {side} {label} - - 0;")

    def panel(self, x: int, y: int, width: int, height: int, colour: str = SHADE) -> int:
        return self._add(
            f"#X obj {x} {y} cnv 15 {width} {height} empty empty empty 0 0 0 12 {colour} #404040 0;"
        )

    def title(self, text: str, subtitle: str) -> None:
        """What every window begins with."""
        name = text.replace(" ", "\\ ")
        # At 0 its border would lie outside of the window, which would have to scroll to it.
        self._add(
            f"#X obj 1 1 cnv 15 {self.width - 4} 40 empty empty {name} 18 20 0 24 {INK} {PAPER} 0;"
        )
        self.text(20, 48, subtitle, (self.width - 40) // 7)

    def rows(self, x: int, y: int, rows: list[tuple[str, str]], aside: int, width: int) -> int:
        """Terms with their explanations beside them. Where they end."""
        for term, says in ((term, " ".join(says.split())) for term, says in rows):
            self.text(x, y, term, aside // 8)
            self.text(x + aside, y, says, width)
            y += 14 + 15 * (1 + (len(says) - 1) // (width - 3))
        return y

    def toggle(self, x: int, y: int, size: int = 24, label: str = "empty") -> int:
        look = f"{size} 0 empty empty {label} {size + 6} {size // 2} 0 12 #fcfcfc {ACCENT} #000000"
        return self._add(f"#X obj {x} {y} tgl {look} 0 1;")

    def bang(self, x: int, y: int, size: int = 20, label: str = "empty") -> int:
        look = f"{size} 250 50 0 empty empty {label} {size + 6} {size // 2} 0 12"
        return self._add(f"#X obj {x} {y} bng {look} #fcfcfc {INK} #000000;")

    def slider(
        self,
        x: int,
        y: int,
        low: float,
        high: float,
        *,
        value: float,
        sends: bool = False,
        label: str = "empty",
        length: int = 128,
        vertical: bool = False,
        receive: str = "empty",
    ) -> int:
        """A slider at `value`, which it sends when the patch is opened where it `sends`."""
        position = round((value - low) / (high - low) * (length - 1) * 100)
        size, offset = (f"15 {length}", "0 -9") if vertical else (f"{length} 15", f"{length + 6} 8")
        kind = "vsl" if vertical else "hsl"
        look = f"{offset} 0 12 #fcfcfc #000000 #000000"
        name = receive.replace("$", "\\$")
        return self._add(
            f"#X obj {x} {y} {kind} {size} {low:g} {high:g} 0 {int(sends)} empty {name} {label} "
            f"{look} {position} 1;"
        )

    def array(self, x: int, y: int, name: str, size: int, width: int, height: int) -> int:
        """An array that can be seen, and drawn into: values from -1 to 1."""
        graph = [
            f"#N canvas 0 0 450 300 (subpatch) 0;\n#X array {name} {size} float 0;",
            f"#X coords 0 1 {size} -1 {width} {height} 1 0 0;\n#X restore {x} {y} graph;",
        ]
        return self._add("\n".join(graph))

    def rests(self, x: int, y: int, slider: int, value: float) -> None:
        """Shows a slider at a value when the patch is opened, without sending it."""
        show = self.msg(x, y + 22, f"set {value:g}")
        self.chain(self.obj(x, y, "loadbang"), show, slider)

    def column(
        self, x: int, y: int, items: list[tuple[str, str]], to: str, aside: int, width: int
    ) -> int:
        """Messages one below the other, each with what it does, to a [send]. Where it ends."""
        boxes = []
        for message, says in ((message, " ".join(says.split())) for message, says in items):
            boxes.append(self.msg(x, y, message))
            if says:
                self.text(x + aside, y, says, width)
            y += 26 + 16 * ((len(says) - 1) // width if says else 0)
        send = self.obj(x, y + 4, f"s {to}")
        for box in boxes:
            self.wire(box, send)
        return y + 30

    def sub(self, x: int, y: int, name: str, patch: Patch) -> int:
        lines = [*patch.lines(name), f"#X restore {x} {y} pd {name};"]
        return self._add("\n".join(lines))

    def wire(self, source: int, target: int, outlet: int = 0, inlet: int = 0) -> None:
        self.wires.append(f"#X connect {source} {outlet} {target} {inlet};")

    def chain(self, *boxes: int) -> None:
        """First outlets to first inlets, one after the other."""
        for source, target in pairwise(boxes):
            self.wire(source, target)

    def lines(self, name: str = "") -> list[str]:
        place = f"140 100 {self.width} {self.height}"
        head = f"#N canvas {place} {f'{name} 0' if name else '12'};"
        foot = []
        if self.shown:
            x, y, width, height = self.shown
            foot = [f"#X coords 0 -1 1 1 {width} {height} 2 {x} {y};"]
        return [head, *self.boxes, *self.wires, *foot]

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(self.lines()) + "\n", encoding="utf-8")

"""Writes Max patchers: boxes at places, cords between them, patchers within."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import cords
from boxes import ports, text_width, wrapped

INK, SHADE = [0.18, 0.36, 0.38, 1.0], [0.91, 0.93, 0.92, 1.0]
PAPER = [0.96, 0.96, 0.96, 1.0]
HEIGHT = 22.0  # of a box with one line
MAX_VERSION = {"major": 8, "minor": 6, "revision": 0, "architecture": "x64", "modernui": 1}


@dataclass
class Patcher:
    """One window, or one tab. What adds a box returns its number, for `wire`."""

    width: int
    height: int
    tab: bool = False
    presentation: bool = False
    boxes: list[dict] = field(default_factory=list)
    lines: list[tuple[int, int, int, int, list[cords.Point]]] = field(default_factory=list)

    def _add(self, maxclass: str, rect: list[float], known_as: str, **more: object) -> int:
        inlets, outlets = more.pop("ports", None) or ports(known_as)  # type: ignore[misc]
        box = {
            "id": f"obj-{len(self.boxes) + 1}",
            "maxclass": maxclass,
            "numinlets": inlets,
            "numoutlets": len(outlets),
            **({"outlettype": outlets} if outlets else {}),
            "patching_rect": [float(number) for number in rect],
            **more,
        }
        self.boxes.append(box)
        return len(self.boxes) - 1

    # ---- what is typed ----

    def obj(self, x: float, y: float, text: str, width: float = 0) -> int:
        inlets, outlets = ports(text)
        room = max(text_width(text) + 16, 14.0 * max(inlets, len(outlets)), 32, width)
        return self._add("newobj", [x, y, room, HEIGHT], text, text=text)

    def msg(self, x: float, y: float, text: str) -> int:
        room = max(text_width(text) + 14, 32)
        return self._add("message", [x, y, room, HEIGHT], "message", text=text)

    def text(self, x: float, y: float, text: str, width: float = 0, **look: object) -> int:
        """A comment; one line unless there is a width to break it at."""
        size = float(look.get("fontsize", 12.0))  # type: ignore[arg-type]
        text = " ".join(text.split())
        lines = wrapped(text, width - 10, size) if width else [text]
        room = width or text_width(text, size) + 10
        height = 20.0 + (size - 12) * 1.2 + (len(lines) - 1) * size * 1.12
        return self._add(
            "comment", [x, y, room, height], "comment", text=text, linecount=len(lines), **look
        )

    def below(self, box: int, gap: float = 6) -> float:
        """The height at which the next one may begin."""
        rect = self.boxes[box]["patching_rect"]
        return rect[1] + rect[3] + gap

    # ---- what is drawn ----

    def ui(self, x: float, y: float, name: str, width: float, height: float, **look: object) -> int:
        return self._add(name, [x, y, width, height], name, **look)

    def toggle(self, x: float, y: float, size: float = 24) -> int:
        return self.ui(x, y, "toggle", size, size)

    def button(self, x: float, y: float, size: float = 24) -> int:
        return self.ui(x, y, "button", size, size)

    def number(self, x: float, y: float, *, fraction: bool = False, width: float = 60) -> int:
        return self.ui(x, y, "flonum" if fraction else "number", width, HEIGHT)

    def slider(self, x: float, y: float, low: float, high: float, width: float = 150) -> int:
        """A horizontal one, whose numbers have fractions."""
        look = {"orientation": 1, "floatoutput": 1, "min": low, "size": high - low}
        return self.ui(x, y, "slider", width, 20, **look)

    def panel(self, x: float, y: float, width: float, height: float) -> int:
        return self.ui(x, y, "panel", width, height, bgcolor=SHADE, background=1, mode=0)

    def title(self, text: str, subtitle: str) -> None:
        """What every tab begins with."""
        look = {"bgcolor": INK, "background": 1, "mode": 0, "rounded": 0}
        self.ui(0, 0, "panel", self.width, 42, **look)
        self.text(14, 6, text, 0, fontsize=20.0, textcolor=PAPER)
        self.text(14, 48, subtitle, self.width - 28)

    def attribute(self, x: float, y: float, name: str, width: float = 190) -> int:
        """A field with an attribute of the object that it is wired to."""
        return self.ui(x, y, "attrui", width, HEIGHT, attr=name)

    # ---- what is made of those ----

    def column(
        self, x: float, y: float, items: list[tuple[str, str]], to: str, aside: float, width: float
    ) -> float:
        """Messages one below the other, each with what it does, to a [s]. Where it ends."""
        sent = []
        for message, says in items:
            sent.append(self.msg(x, y, message))
            says_box = self.text(x + aside, y, says, width) if says else sent[-1]
            y = max(self.below(says_box, 4), y + 26)
        send = self.obj(x, y + 4, f"s {to}")
        self.gather(sent, send)
        return self.below(send)

    def rows(self, x: float, y: float, rows: list[tuple[str, str]], aside: float, width: float):
        """Terms with their explanations beside them. Where they end."""
        for term, says in rows:
            self.text(x, y, term, aside - 6, fontface=1)
            y = self.below(self.text(x + aside, y, says, width), 4)
        return y

    def sub(self, x: float, y: float, name: str, patcher: Patcher) -> int:
        """A patcher within; it has the inlets and outlets that are drawn in it."""
        inlets = sum(box["maxclass"] == "inlet" for box in patcher.boxes)
        outlets = sum(box["maxclass"] == "outlet" for box in patcher.boxes)
        kinds = ["signal" if patcher.sounds(i) else "" for i in range(outlets)]
        title = f'p "{name}"' if " " in name else f"p {name}"
        rect = [x, y, text_width(title) + 16, HEIGHT]
        within = {"ports": (inlets, kinds), "text": title, "patcher": patcher.content()}
        return self._add("newobj", rect, title, **within)

    def bpatcher(self, x: float, y: float, file: str, inner: Patcher, arguments: str = "") -> int:
        """Another patcher's presentation, played here. From a file of this package."""
        inlets = sum(box["maxclass"] == "inlet" for box in inner.boxes)
        outlets = sum(box["maxclass"] == "outlet" for box in inner.boxes)
        look: dict[str, object] = {"name": f"{file}.maxpat", "viewvisibility": 1, "border": 0}
        if arguments:
            look["args"] = arguments.split()
        rect = [x, y, inner.width, inner.height]
        return self._add("bpatcher", rect, file, ports=(inlets, [""] * outlets), **look)

    def sounds(self, outlet: int) -> bool:
        """Whether a signal leaves by the outlet."""
        number = [i for i, box in enumerate(self.boxes) if box["maxclass"] == "outlet"][outlet]
        sources = [line[:2] for line in self.lines if line[2] == number]
        return any(self.boxes[box]["outlettype"][out] == "signal" for box, out in sources)

    def present(self, box: int, x: float, y: float, width: float, height: float) -> int:
        """Shows a box in the presentation, at a place of its own."""
        look = {"presentation": 1, "presentation_rect": [x, y, width, height]}
        self.boxes[box].update(look)
        return box

    # ---- cords ----

    def wire(
        self,
        source: int,
        target: int,
        outlet: int = 0,
        inlet: int = 0,
        turns: Sequence[float] = (),
    ) -> None:
        """A cord, straight; or down to a height, along to a place, down to a height, and so on."""
        corners: list[cords.Point] = []
        x, _ = self.end(source, outlet, below=True)
        for i in range(0, len(turns), 2):
            last = i + 1 == len(turns)
            y, along = turns[i], self.end(target, inlet)[0] if last else turns[i + 1]
            corners += [(x, y), (along, y)]
            x = along
        self.lines.append((source, outlet, target, inlet, corners))

    def end(self, box: int, port: int, *, below: bool = False) -> cords.Point:
        """Where a cord ends: at an inlet, or below, at an outlet."""
        count = self.boxes[box]["numoutlets" if below else "numinlets"]
        return cords.port(self.boxes[box]["patching_rect"], port, count, below=below)

    def gather(self, sources: Sequence[int], target: int) -> None:
        """Cords from boxes that lie one below the other, beside them to another one's inlet."""
        *above, last = sources
        self.wire(last, target)
        _, top = self.end(target, 0)
        for box in above:
            x, _, _, _ = self.boxes[box]["patching_rect"]
            self.wire(box, target, turns=[self.below(box, 2), x - 6, top - 2])

    def chain(self, *boxes: int) -> None:
        """First outlets to first inlets, one after the other."""
        for source, target in pairwise(boxes):
            self.wire(source, target)

    # ---- the file ----

    def content(self) -> dict:
        """As Max saves it. Boxes that were added later lie further back."""
        lines = [
            {
                "source": [f"obj-{source + 1}", outlet],
                "destination": [f"obj-{target + 1}", inlet],
                **(
                    {"midpoints": [float(each) for corner in turns for each in corner]}
                    if turns
                    else {}
                ),
            }
            for source, outlet, target, inlet, turns in self.lines
        ]
        front = sorted(self.boxes, key=lambda box: bool(box.get("background")))
        return {
            "fileversion": 1,
            "appversion": MAX_VERSION,
            "classnamespace": "box",
            "rect": [80.0, 100.0, float(self.width), float(self.height)],
            "bglocked": 0,
            "openinpresentation": int(self.presentation),
            "default_fontsize": 12.0,
            "default_fontface": 0,
            "default_fontname": "Arial",
            "gridonopen": 1,
            "gridsize": [15.0, 15.0],
            "gridsnaponopen": 1,
            "objectsnaponopen": 1,
            **({"showontab": 1} if self.tab else {}),
            "boxes": [{"box": box} for box in front],
            "lines": [{"patchline": line} for line in lines],
        }

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        save(self.content(), path)


def write_tabs(tabs: dict[str, Patcher], path: Path) -> None:
    """A help patch: the root shows nothing but its tabs."""
    widest = max(tab.width for tab in tabs.values())
    highest = max(tab.height for tab in tabs.values())
    root = Patcher(widest, highest + 26)
    for i, (name, tab) in enumerate(tabs.items()):
        tab.tab = True
        root.sub(20, 20 + 30 * i, name, tab)
    content = root.content()
    content |= {"showrootpatcherontab": 0, "showontab": 0}
    path.parent.mkdir(parents=True, exist_ok=True)
    save(content, path)


def save(content: dict, path: Path) -> None:
    """A patcher as a file."""
    path.write_text(json.dumps({"patcher": content}, indent=1) + "\n", encoding="utf-8")

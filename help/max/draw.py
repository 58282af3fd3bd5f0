"""Draws every window of the patches for Max as pictures: boxes, texts and cords at their places.

    draw.py PACKAGE PICTURES

Max itself is not needed, and its fonts are not: a text is drawn as wide as Max would draw it.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from boxes import text_width, wrapped
from cords import path as cord_path
from matplotlib.patches import Rectangle
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

FILLS = {"message": "#d8d8d8", "newobj": "#ffffff", "bpatcher": "#e4e8ff", "attrui": "#efe6d0"}
SIGNALS = {"signal": "#b8860b", "multichannelsignal": "#3b62c4"}


def windows(file: Path) -> Iterator[tuple[str, dict, bool]]:
    """Every patcher of a file, by name, and its presentation where it has one."""

    def walk(name: str, patcher: dict) -> Iterator[tuple[str, dict, bool]]:
        inner = [item["box"] for item in patcher["boxes"] if "patcher" in item["box"]]
        if patcher.get("showrootpatcherontab", 1) != 0:
            yield name, patcher, False
        if patcher.get("openinpresentation"):
            yield f"{name} (presentation)", patcher, True
        for box in inner:
            if box["text"] != "p strokes" or name.endswith("basic"):
                yield from walk(f"{name} {box['text'][2:]}", box["patcher"])

    yield from walk(file.stem, json.loads(file.read_text("utf-8"))["patcher"])


def draw(patcher: dict, presentation: bool, path: Path, package: Path) -> None:
    """One window."""
    width, height = patcher["rect"][2:]
    if patcher.get("openinpresentation") and not presentation:
        rects = [item["box"]["patching_rect"] for item in patcher["boxes"]]
        width = max(x + w for x, _, w, _ in rects) + 20
        height = max(y + h for _, y, _, h in rects) + 20
    figure = plt.figure(figsize=(width / 100, height / 100), dpi=110)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    axes.add_patch(Rectangle((0, 0), width, height, color="#f7f7f7"))
    boxes = draw_boxes(axes, patcher, presentation, (0, 0), package)
    if not presentation:
        for line in patcher["lines"]:
            draw_cord(axes, boxes, line["patchline"])
    figure.savefig(path)
    plt.close(figure)


def draw_boxes(
    axes: plt.Axes, patcher: dict, presentation: bool, at: tuple[float, float], package: Path
) -> dict[str, dict]:
    """A patcher's boxes by their names, drawn; what lies behind first, which Max lists last."""
    key = "presentation_rect" if presentation else "patching_rect"
    boxes = {item["box"]["id"]: item["box"] for item in patcher["boxes"] if key in item["box"]}
    for box in reversed(boxes.values()):
        x, y, width, height = box[key]
        draw_box(axes, box, (x + at[0], y + at[1], width, height))
        if box["maxclass"] == "bpatcher":
            inner = json.loads((package / "patchers" / box["name"]).read_text("utf-8"))["patcher"]
            draw_boxes(axes, inner, True, (x, y), package)
    return boxes


def draw_box(axes: plt.Axes, box: dict, rect: tuple[float, float, float, float]) -> None:
    """A box, or the text of a comment, in its place."""
    x, y, width, height = rect
    kind = box["maxclass"]
    if kind == "comment":
        size = box.get("fontsize", 12.0)
        lines = wrapped(box["text"], width - 10, size) if box["linecount"] > 1 else [box["text"]]
        for i, line in enumerate(lines):
            colour = box.get("textcolor", "#000000")
            write(axes, line, x + 5, y + size + 3 + i * size * 1.12, size, colour)
        return
    fill = box.get("bgcolor", FILLS.get(kind, "#eeeeee"))
    edge = "none" if kind == "panel" else "#666666"
    axes.add_patch(Rectangle((x, y), width, height, facecolor=fill, edgecolor=edge, linewidth=0.6))
    if kind == "multislider":
        for i in range(1, box["size"]):
            middle = x + width * i / box["size"]
            axes.plot([middle, middle], [y, y + height], color="#ffffff", linewidth=0.8)
    elif kind not in {"panel", "toggle", "button", "bpatcher", "number", "flonum"}:
        label = box.get("text") or box.get("attr") or box.get("name") or kind
        write(axes, label, x + 6, y + 15, 12.0 if "text" in box or "attr" in box else 9.0)


def write(axes: plt.Axes, text: str, x: float, y: float, size: float, colour: object = "#000000"):
    """A line of text, no wider than in Max."""
    path = TextPath((0, 0), text, size=size)
    drawn = path.get_extents().x1 or 1.0
    squeeze = min(1.0, text_width(text, size) / drawn)
    place = Affine2D().scale(squeeze, -1).translate(x, y)
    axes.add_patch(mpl.patches.PathPatch(place.transform_path(path), color=colour, linewidth=0))


def draw_cord(axes: plt.Axes, boxes: dict[str, dict], cord: dict) -> None:
    """A line from an outlet to an inlet, in the colour of what it carries."""
    source, outlet = cord["source"]
    kind = boxes[source]["outlettype"][outlet]
    xs, ys = zip(*cord_path(boxes, cord), strict=True)
    axes.plot(xs, ys, color=SIGNALS.get(kind, "#777777"), linewidth=1.4 if kind else 0.9, alpha=0.8)


def main() -> None:
    """All patches of a package."""
    package, pictures = (Path(argument) for argument in sys.argv[1:3])
    pictures.mkdir(parents=True, exist_ok=True)
    for file in sorted([*package.rglob("*.maxhelp"), *package.rglob("*.maxpat")]):
        for name, patcher, presentation in windows(file):
            path = pictures / f"{name}.png"
            draw(patcher, presentation, path, package)
            print(path)


if __name__ == "__main__":
    main()

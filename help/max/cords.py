"""Where the cords of a patcher run, as Max draws them."""

from __future__ import annotations

from itertools import pairwise

Point = tuple[float, float]
Rect = list[float]  # left, top, width, height

_MARGIN = 9.5  # of the first and the last port from a box's sides


def port(rect: Rect, number: int, count: int, *, below: bool) -> Point:
    """An outlet, below a box, or an inlet above it."""
    x, y, width, height = rect
    along = (width - 2 * _MARGIN) * number / max(1, count - 1)
    return x + _MARGIN + along, y + height * below


def path(boxes: dict[str, dict], cord: dict) -> list[Point]:
    """A cord's corners, from outlet to inlet; `boxes` by their names."""
    (source, outlet), (target, inlet) = cord["source"], cord["destination"]
    start, end = boxes[source], boxes[target]
    corners = cord.get("midpoints", [])
    return [
        port(start["patching_rect"], outlet, start["numoutlets"], below=True),
        *zip(corners[::2], corners[1::2], strict=True),
        port(end["patching_rect"], inlet, end["numinlets"], below=False),
    ]


def crosses(points: list[Point], rect: Rect) -> bool:
    """Whether a cord is drawn over a box, and not only along its edge."""
    left, top = rect[0] + 1, rect[1] + 1
    right, bottom = rect[0] + rect[2] - 1, rect[1] + rect[3] - 1

    def inside(one: Point, other: Point) -> bool:
        # The part of the line that lies within each pair of sides has to be the same one.
        first, last = 0.0, 1.0
        for start, step, low, high in (
            (one[0], other[0] - one[0], left, right),
            (one[1], other[1] - one[1], top, bottom),
        ):
            if step == 0:
                if not low < start < high:
                    return False
                continue
            ends = sorted(((low - start) / step, (high - start) / step))
            first, last = max(first, ends[0]), min(last, ends[1])
        return first < last

    return any(inside(one, other) for one, other in pairwise(points))

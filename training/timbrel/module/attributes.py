"""What can be set in a module from a patch: declared once, everything else follows from it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import torch
from torch import Tensor

from timbrel.errors import UserError
from timbrel.module.buffer import Buffer


class Kind(IntEnum):
    """The type of an element; the numbers are those of a model file's ``<attribute>_params``."""

    BOOL = 0
    INT = 1
    FLOAT = 2
    STRING = 3
    TENSOR = 4
    BUFFER = 5


_KINDS: dict[type, Kind] = {
    bool: Kind.BOOL,
    int: Kind.INT,
    float: Kind.FLOAT,
    str: Kind.STRING,
    Tensor: Kind.TENSOR,
    Buffer: Kind.BUFFER,
}
NUMBERS = (Kind.INT, Kind.FLOAT, Kind.TENSOR)

Range = tuple[float | None, float | None]
Choices = tuple[str | int | float, ...]


@dataclass(frozen=True)
class Element:
    """One value of an attribute, and which values it takes."""

    kind: Kind
    default: Any = field(compare=False)
    range: Range | None = None
    choices: Choices | None = None

    def wants(self) -> str:
        """What is taken, as the end of "drive takes ..."."""
        if self.choices is not None:
            return "one of " + ", ".join(str(choice) for choice in self.choices)
        kind = {Kind.INT: "a whole number", Kind.FLOAT: "a number", Kind.TENSOR: "numbers"}
        noun = kind.get(self.kind, self.kind.name.lower())
        low, high = self.range or (None, None)
        if low is not None and high is not None:
            return f"{noun} from {low:g} to {high:g}"
        if low is not None:
            return f"{noun} from {low:g} on"
        return noun if high is None else f"{noun} up to {high:g}"

    def takes(self, value: Any) -> bool:
        """Whether `value`, of the right type, is within range and choices."""
        if self.choices is not None:
            return value in self.choices
        if self.kind not in NUMBERS:
            return True
        numbers = value.flatten().tolist() if isinstance(value, Tensor) else [value]
        low, high = self.range or (None, None)
        return all(
            math.isfinite(number)
            and (low is None or number >= low)
            and (high is None or number <= high)
            for number in numbers
        )


@dataclass(frozen=True)
class Attribute:
    """A declared attribute: its elements in order; `single` where it is a value and no tuple."""

    elements: tuple[Element, ...]
    single: bool
    doc: str

    def values(self, value: Any) -> tuple[Any, ...]:
        """The elements of the attribute's `value`."""
        return (value,) if self.single else tuple(value)

    def check(self, name: str, value: Any) -> None:
        """Refuses a value that the declaration rules out.

        Raises:
            UserError: naming the attribute, or its element, and what it takes.
        """
        values = self.values(value)
        if len(values) != len(self.elements):
            raise UserError(f"{name} has {len(self.elements)} elements, not {len(values)}")
        for index, (element, item) in enumerate(zip(self.elements, values, strict=True)):
            if _kind(name, item) is not element.kind or not element.takes(item):
                raise UserError(f"{self.label(name, index)} takes {element.wants()}, not {item!r}")

    def label(self, name: str, index: int) -> str:
        """How an element is called in messages; a patch counts elements from one."""
        return name if self.single else f"{name}, element {index + 1},"

    def described(self, value: Any) -> dict[str, Any]:
        """What stands in `timbrel.json`; `value` is the one that the file is exported with."""
        described: dict[str, Any] = {
            "types": [element.kind.name.lower() for element in self.elements],
            "default": [_plain(item) for item in self.values(value)],
        }
        for key in ("range", "choices"):
            limits = [getattr(element, key) for element in self.elements]
            if any(limit is not None for limit in limits):
                described[key] = limits[0] if self.single else limits
        return described | ({"doc": self.doc} if self.doc else {})


def attribute(
    default: Any,
    *,
    range: Sequence[Any] | None = None,
    choices: Sequence[Any] | None = None,
    doc: str = "",
) -> Any:
    """Declares what a patch can set, in the body of a `timbrel.Module`.

    In the module it is a plain value, ``self.drive``; a list of mixed types is a tuple,
    ``self.point[1]``. A method ``on_drive(self)`` is called after every change.

    Args:
        default: a bool, int, float, str, tensor, `Buffer`, or a tuple of these, which also says
            the type. A tensor keeps its shape when it is set; an empty one takes any length.
        range: lowest and highest number; None leaves an end open. For a tuple, either one range
            for all its numbers or a list of one range or None per element.
        choices: what is taken of strings or numbers. For a tuple, a list of choices or None per
            element.
        doc: one line that hosts show.

    Raises:
        UserError: for a default of another type, or one that range and choices rule out.
    """
    single = not isinstance(default, tuple | list)
    values = (default,) if single else tuple(default)
    if not values:
        raise UserError("an attribute has at least one element")
    kinds = [_kind("an attribute", value) for value in values]
    ranges = _per_element(range, kinds, single)
    options = [choices] if single else list(choices or [None] * len(kinds))
    if len(options) != len(kinds):
        raise UserError("the choices of a tuple are a list: choices, or None, for each element")
    elements = tuple(
        Element(
            kind,
            value,
            None if limits is None else _range(kind, limits),
            None if option is None else _choices(kind, option),
        )
        for kind, value, limits, option in zip(kinds, values, ranges, options, strict=True)
    )
    declared = Attribute(elements, single, " ".join(doc.split()))
    declared.check("the default", default if single else values)
    return declared


def _kind(name: str, value: Any) -> Kind:
    for python, kind in _KINDS.items():
        if isinstance(value, python):
            return kind
    raise UserError(
        f"{name} is a bool, int, float, str, tensor, timbrel.Buffer or a tuple of these, "
        f"not {type(value).__name__}"
    )


def _per_element(ranges: Sequence[Any] | None, kinds: list[Kind], single: bool) -> list[Any]:
    if ranges is None or single:
        return [ranges] * len(kinds)
    if len(ranges) == 2 and not any(isinstance(end, tuple | list) for end in ranges):
        return [ranges if kind in NUMBERS else None for kind in kinds]
    if len(ranges) != len(kinds):
        raise UserError("the range of a tuple is (lowest, highest), or a list of such per element")
    return list(ranges)


def _range(kind: Kind, limits: Any) -> Range:
    if kind not in NUMBERS:
        raise UserError(f"a {kind.name.lower()} has no range")
    try:
        low, high = (None if end is None else kind_of_end(kind, end) for end in limits)
    except (TypeError, ValueError):
        raise UserError(f"a range is (lowest, highest), not {limits!r}") from None
    if low is not None and high is not None and low > high:
        raise UserError(f"the range {limits!r} is empty")
    return low, high


def kind_of_end(kind: Kind, end: Any) -> float:
    """One end of a range, as a number of the element's own type."""
    number = float(end)
    return int(number) if kind is Kind.INT and number.is_integer() else number


def _choices(kind: Kind, options: Any) -> Choices:
    if kind not in (Kind.STRING, Kind.INT, Kind.FLOAT):
        raise UserError(f"a {kind.name.lower()} has no choices")
    if isinstance(options, str) or any(_kind("a choice", option) is not kind for option in options):
        raise UserError(f"choices are a list of {kind.name.lower()}s, not {options!r}")
    return tuple(options)


def _plain(value: Any) -> Any:
    """A value as JSON holds it; a long tensor and the samples of a buffer stay in the file."""
    if isinstance(value, Tensor):
        return value.flatten().tolist() if value.numel() <= 64 else None
    return None if isinstance(value, Buffer) else value


def initial(attribute: Attribute) -> Any:
    """The default as a value of one instance's own, which shares no memory with another's."""
    values = tuple(_own(element.default) for element in attribute.elements)
    return values[0] if attribute.single else values


def _own(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone().to(torch.float32)
    if isinstance(value, Buffer):
        return Buffer(value.initial.clone(), value.min_samples, value.max_samples)
    return value

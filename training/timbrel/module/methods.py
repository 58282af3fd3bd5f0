"""What a method of a module takes and gives, as a host sees it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch

from timbrel.errors import UserError

Function = TypeVar("Function", bound=Callable[..., Any])
MARK = "_timbrel_method"
"""The attribute of a decorated function that holds its declaration."""


@dataclass(frozen=True)
class Declaration:
    """Channels, ratios (samples per value), one label per channel, and the delay in samples.

    Without a `latency` the export measures it: the time after which an impulse changes anything.
    """

    in_channels: int
    in_ratio: int
    out_channels: int
    out_ratio: int
    input_labels: list[str]
    output_labels: list[str]
    latency: int | None


def declare(
    name: str,
    *,
    channels: int | None = None,
    in_channels: int | None = None,
    in_ratio: int = 1,
    out_channels: int | None = None,
    out_ratio: int = 1,
    input_labels: Sequence[str] | None = None,
    output_labels: Sequence[str] | None = None,
    latency: int | None = None,
) -> Declaration:
    """A checked declaration; the arguments are those of `method`.

    Raises:
        UserError: for channels that are missing, ratios below one, labels that are too many or few.
    """
    sizes = {
        "in_channels": channels if in_channels is None else in_channels,
        "in_ratio": in_ratio,
        "out_channels": channels if out_channels is None else out_channels,
        "out_ratio": out_ratio,
    }
    for what, size in sizes.items():
        if size is None:
            raise UserError(f"method {name}: say channels=, or in_channels= and out_channels=")
        if not isinstance(size, int) or size < 1:
            raise UserError(f"method {name}: {what} is a whole number from 1 on, not {size!r}")
    if latency is not None and (not isinstance(latency, int) or latency < 0):
        raise UserError(f"method {name}: latency is a number of samples, not {latency!r}")
    ins, outs = sizes["in_channels"] or 0, sizes["out_channels"] or 0
    return Declaration(
        ins,
        in_ratio,
        outs,
        out_ratio,
        _labels(name, "input", ins, input_labels),
        _labels(name, "output", outs, output_labels),
        latency,
    )


def _labels(method: str, way: str, channels: int, labels: Sequence[str] | None) -> list[str]:
    if labels is None:
        labels = [way] if channels == 1 else [f"{way} {i + 1}" for i in range(channels)]
    if isinstance(labels, str) or len(labels) != channels:
        raise UserError(
            f"method {method}: {way}_labels names each of {channels} channel(s), not {labels!r}"
        )
    # Max shows a label as the description of an inlet, and every inlet of nn~ takes signals.
    return [label if label.startswith("(") else f"(signal) {label}" for label in labels]


def method(
    *,
    channels: int | None = None,
    in_channels: int | None = None,
    in_ratio: int = 1,
    out_channels: int | None = None,
    out_ratio: int = 1,
    input_labels: Sequence[str] | None = None,
    output_labels: Sequence[str] | None = None,
    latency: int | None = None,
) -> Callable[[Function], Function]:
    """Declares a method that a patch can call.

    It takes one float tensor ``(batch, in_channels, n / in_ratio)`` and returns one
    ``(batch, out_channels, n / out_ratio)``; n is a multiple of both ratios.

    Args:
        channels: in and out, where they are the same.
        in_channels: inlets.
        in_ratio: samples per value at an inlet: 1 for audio.
        out_channels: outlets.
        out_ratio: samples per value at an outlet.
        input_labels: one per inlet.
        output_labels: one per outlet.
        latency: delay of the output in samples; measured by the export where it is not given.
    """
    stated = {**locals()}

    def mark(function: Function) -> Function:
        setattr(function, MARK, declare(function.__name__, **stated))
        torch.jit.export(function)  # marks it
        return function

    return mark

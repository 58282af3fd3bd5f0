"""The gate: what a model file has to show on fresh loads before it is put in place.

Every method is played at once and in blocks, alone and with four examples, with silence, with two
seeds, and with its attributes at their ends. What does not keep the contract of a model file raises
a `FindingError`, whose sentence names the method, what was expected, what was found and the likely
cause.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from math import lcm

import torch
from torch import Tensor

from timbrel.export import measure
from timbrel.export.played import (
    FindingError,
    Played,
    Setting,
    Shape,
    equal_blocks,
    last_line,
    load,
    noise,
    random_blocks,
)
from timbrel.module.attributes import Attribute, Kind

TOLERANCE = 1e-4
"""Largest difference, relative to the peak, that counts as rounding."""

SAMPLES = 8192
"""About how much each run plays; at least six of the shortest blocks."""

BLOCK = 2048
"""A host's block, where the ratios allow it."""


@dataclass(frozen=True)
class Measured:
    """What the gate found out about a method that passed.

    `latency` is in samples. `silenced_by` is the attribute at whose zero a stochastic method gives
    the same for every seed. `real_time_factor` is how much faster than real time a block of 2048
    samples (or the next one that the ratios allow) is computed on the machine that exported it.
    """

    latency: int
    stochastic: bool
    silenced_by: str | None
    real_time_factor: float


@dataclass
class Examination:
    """Shapes of all methods, figures of those that passed, findings of the others."""

    shapes: dict[str, Shape] = field(default_factory=dict)
    measured: dict[str, Measured] = field(default_factory=dict)
    findings: list[FindingError] = field(default_factory=list)


def examine(
    archive: bytes,
    *,
    sample_rate: float,
    latencies: Mapping[str, int | None] | None = None,
    attributes: Mapping[str, Attribute] | None = None,
) -> Examination:
    """Examines every method of a model file.

    Args:
        archive: the file.
        sample_rate: Hz, for the real-time factor.
        latencies: in samples, where the author states them; otherwise they are measured.
        attributes: as declared; each is played at the ends of its range and with all its choices.
    """
    result = Examination()
    module = load(archive)
    for name in module.get_methods():
        result.shapes[name] = Shape(*getattr(module, f"{name}_params").tolist())
    unit = lcm(*(r for shape in result.shapes.values() for r in (shape.in_ratio, shape.out_ratio)))
    block = _round_up(BLOCK, unit)
    for name, shape in result.shapes.items():
        played = Played(archive, name, shape, unit)
        try:
            stochastic, silenced_by = _check_streaming(played)
            _check_attributes(played, attributes or {})
            result.measured[name] = Measured(
                latency=measure.latency(played, SAMPLES, (latencies or {}).get(name)),
                stochastic=stochastic,
                silenced_by=silenced_by,
                real_time_factor=measure.real_time_factor(played, block, sample_rate),
            )
        except FindingError as finding:
            result.findings.append(finding)
    return result


def _check_streaming(played: Played) -> tuple[bool, str | None]:
    """All that a method owes to a host; whether it is stochastic, and what silences that."""
    samples = _round_up(max(SAMPLES, 6 * played.unit), played.unit)
    x = noise(played.shape, 4, samples)
    alone = x[:1]
    whole = played.run(alone)
    played.run(torch.zeros_like(alone), situation=" of silence")
    partitions = (
        equal_blocks(samples, _round_up(BLOCK, played.unit)),
        random_blocks(samples, played.unit),
    )
    for blocks in partitions:
        streamed = played.run(
            alone,
            blocks,
            situation=" in a stream of blocks",
            cause="it needs longer blocks than a host may choose; take what it needs of the past "
            "from the module (timbrel.nn.Past), or state a ratio",
        )
        if difference(streamed, whole) > TOLERANCE:
            raise measure.why_blocks_differ(played, alone, blocks, whole, streamed, TOLERANCE)
    stochastic, silenced_by = measure.randomness(played, alone)
    _check_examples(played, x, whole, partitions[0], stochastic)
    if silenced_by is not None:
        _null_test(played, alone, partitions, silenced_by)
    return stochastic, silenced_by


def _check_examples(
    played: Played, x: Tensor, alone: Tensor, blocks: list[int], stochastic: bool
) -> None:
    examples = x.shape[0]
    situation = f" with {examples} examples at once"
    cause = (
        "a state is sized for one example, and mc.nn~ and mcs.nn~ play several; size it by "
        "x.shape[0]"
    )
    whole = played.run(x, situation=situation, cause=cause)
    streamed = played.run(x, blocks, situation=situation, cause=cause)
    for what, other, reference in (
        ("the same in any blocks as at once", streamed, whole),
        ("for the first of them what it gives for that alone", whole[:1], alone),
    ):
        error = difference(other, reference)
        if error > TOLERANCE and not stochastic:
            raise FindingError(
                f"`{played.method}`",
                f"give{situation} {what}",
                f"it differs by {error:.1e} of the peak",
                "the examples share a state or an average; keep one state per example, (batch, "
                "channels, n), and average over time or channels only",
            )


def _null_test(
    played: Played, x: Tensor, partitions: tuple[list[int], ...], silenced_by: str
) -> None:
    silent = measure.silenced(silenced_by)
    whole = played.run(x, prepare=silent)
    for blocks in partitions:
        error = difference(played.run(x, blocks, prepare=silent), whole)
        if error > TOLERANCE:
            raise FindingError(
                f"`{played.method}`",
                f"give with {silenced_by} at zero the same in any blocks",
                f"it differs by {error:.1e} of the peak",
                "beneath its noise, something depends on the block",
            )


def _check_attributes(played: Played, attributes: Mapping[str, Attribute]) -> None:
    samples = _round_up(SAMPLES // 4, played.unit)
    x = noise(played.shape, 1, samples)
    for name, attribute in attributes.items():
        for setting in _extremes(name, attribute):
            shown = " ".join(str(value) for value in setting[1])

            played.run(
                x,
                prepare=partial(_set, setting=setting, attribute=attribute),
                situation=f" with {name} at {shown[:60]}",
                cause="the attribute allows more than the method can handle",
            )


def _extremes(name: str, attribute: Attribute) -> list[Setting]:
    """The attribute with one element after the other at each end of what it takes."""
    values = [e.default if e.kind is not Kind.BUFFER else f"{name}#{i}"
              for i, e in enumerate(attribute.elements)]  # fmt: skip
    settings: list[Setting] = []
    for index, element in enumerate(attribute.elements):
        options: list[object] = list(element.choices or ())
        if element.kind is Kind.BOOL:
            options = [False, True]
        elif element.kind is Kind.BUFFER:
            options = [values[index]]
        for end in element.range or ():
            if end is not None:
                tensor = element.kind is Kind.TENSOR
                options.append(torch.full_like(element.default, end) if tensor else end)
        settings += [(name, [*values[:index], option, *values[index + 1 :]]) for option in options]
    return settings


def _set(module: torch.jit.ScriptModule, setting: Setting, attribute: Attribute) -> None:
    name, values = setting
    try:
        for index, element in enumerate(attribute.elements):
            if element.kind is Kind.BUFFER:
                least, most = element.default.min_samples, element.default.max_samples
                samples = min(max(least, 64), most or max(least, 64))
                sound = torch.linspace(-1.0, 1.0, samples).repeat(2, 1)
                module.set_buffer_attribute(f"{name}#{index}", sound, 44_100)
        result = getattr(module, f"set_{name}")(*values)
    except Exception as error:
        result = last_line(error)
    if result not in (0, None):
        raise FindingError(
            f"attribute `{name}`",
            f"take {' '.join(str(value) for value in values)[:60]}, which its declaration allows",
            f"its setter answered: {result}",
            f"on_{name}, or a setter of its own, does not handle all that the declaration allows",
        )


def difference(candidate: Tensor, reference: Tensor) -> float:
    """Largest difference, relative to the peak of `reference`."""
    return float((candidate - reference).abs().max() / reference.abs().max().clamp_min(1e-6))


def _round_up(samples: int, unit: int) -> int:
    return -(-samples // unit) * unit

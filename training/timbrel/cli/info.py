"""`timbrel info`: what a model file says about itself."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from timbrel.engine import Model

_BLOCKS = 8
"""Played to find out how fast a method is."""

_USUAL_RATE = 44_100
"""In Hz, of models that do not say theirs."""

_MOST_VALUES = 16
"""Shown of an attribute; a tensor may have millions."""

_ORIGIN = {
    "author": "author",
    "license": "licence",
    "preset": "preset",
    "step": "training steps",
    "dataset_fingerprint": "dataset",
    "timbrel_version": "made with Timbrel",
    "torch_version": "and torch",
    "format_version": "format",
}
"""Fields of `timbrel.json` that are shown, and what they are called."""


def info(
    model: Annotated[Path, typer.Argument(help="Model file (.ts), of Timbrel's or another's.")],
    json_: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Show what is in a model: methods, latency, attributes, where it comes from.

    The file's integrity is checked before anything in it is run.
    """
    from timbrel.engine import Model

    opened = Model(model)
    described = {**describe(model, opened), **measured(opened)}
    if json_:
        print(json.dumps(described, indent=2))
    else:
        _show(described)


def describe(path: Path, model: "Model") -> dict[str, Any]:
    """All that is known of a model, in the form that `--json` prints."""
    rate = model.sample_rate or None
    metadata = _metadata(model.metadata)
    return {
        "name": model.name,
        "path": str(path),
        "bytes": path.stat().st_size,
        "sample_rate": rate,
        "max_ratio": model.max_ratio,
        "default_buffer": model.default_buffer,
        "methods": [
            {
                "name": method.name,
                "in_channels": method.in_channels,
                "in_ratio": method.in_ratio,
                "out_channels": method.out_channels,
                "out_ratio": method.out_ratio,
                "latency": method.latency,
                "latency_ms": 1000 * method.latency / rate if rate else None,
                "input_labels": method.input_labels,
                "output_labels": method.output_labels,
            }
            for method in model.methods.values()
        ],
        "metadata": metadata,
    }


def measured(model: "Model") -> dict[str, Any]:
    """What only an instance knows: the attributes' values, and each method's speed on this machine.

    A method that cannot be played has its reason as `error`.
    """
    import numpy as np

    from timbrel.engine import Stream
    from timbrel.errors import UserError

    values: dict[str, list[float | str]] = {}
    speeds: dict[str, dict[str, float | str]] = {}
    for method in model.methods.values():
        try:
            stream = Stream(model, method.name)
        except UserError as error:
            speeds[method.name] = {"error": str(error)}
            continue
        rate = model.sample_rate or _USUAL_RATE
        stream.prepare(rate, stream.buffer)
        silence = np.zeros((method.in_channels, _BLOCKS * stream.buffer), np.float32)
        stream.process_blocking(silence)
        stats = stream.stats
        if stats.load > 0:
            speeds[method.name] = {"real_time_factor": 1 / stats.load, "block_ms": stats.median_ms}
        for name in model.attributes.keys() - values.keys():
            for event in stream.ask("get", name):
                if event.selector == "attribute" and event.values[0] == name:
                    values[name] = event.values[1:]
    declared = _part(_metadata(model.metadata), "attributes")
    attributes: list[dict[str, Any]] = []
    for attribute in model.attributes.values():
        types = [element.name.lower() for element in attribute.elements]
        stated = _part(declared, attribute.name)
        limits: dict[str, Any] = {
            key: stated[key] for key in ("range", "choices", "doc") if key in stated
        }
        attributes.append(
            {
                "name": attribute.name,
                "types": types,
                "value": _typed(types, values.get(attribute.name)),
                **limits,
            }
        )
    buffers = [
        f"{attribute['name']}#{i}"
        for attribute in attributes
        for i, kind in enumerate(attribute["types"])
        if kind == "buffer"
    ]
    return {"attributes": attributes, "buffers": buffers, "speed": speeds}


def _typed(types: list[str], values: list[float | str] | None) -> list[float | str] | None:
    """What a message had as numbers, as what it is: 1.0 of a bool is True.

    Elements around a tensor count from both ends, as it may be of any length.
    """
    if values is None:
        return None
    convert: dict[str, Any] = {"bool": bool, "int": int}
    typed = list(values)
    first = types.index("tensor") if "tensor" in types else len(types)
    last = types[::-1].index("tensor") if "tensor" in types else 0
    from_the_end = range(-min(last, len(types)), 0)
    for i in [*range(min(first, len(values))), *(i for i in from_the_end if -i <= len(values))]:
        if (kind := types[i]) in convert and isinstance(typed[i], float):
            typed[i] = convert[kind](typed[i])
    return typed


def _part(data: dict[str, Any] | None, key: str) -> dict[str, Any]:
    """What stands at `key`, where it is there and what it should be."""
    part = (data or {}).get(key)
    return part if isinstance(part, dict) else {}


def _metadata(text: str) -> dict[str, Any] | None:
    """The file's `timbrel.json`; None where there is none, or none that can be read."""
    try:
        metadata = json.loads(text)
    except ValueError:
        return None
    return metadata if isinstance(metadata, dict) else None


def _show(described: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rate = described["sample_rate"]
    facts = Table.grid(padding=(0, 2))
    for key, value in {
        "file": f"{described['path']} ({_size(described['bytes'])})",
        "sample rate": f"{rate:.0f} Hz" if rate else "not stated: plays at the patch's",
        "buffer": f"multiples of {described['max_ratio']}, "
        f"{described['default_buffer']} by default",
        "attributes": "\n".join(map(_attribute, described["attributes"])) or "none",
        **({"from the host": _buffers(described)} if described["buffers"] else {}),
        **_random(described["metadata"]),
        **_origin(described["metadata"]),
    }.items():
        # As it stands: square brackets in a name are no markup.
        facts.add_row(Text(key, "dim"), Text(value))
    methods = Table("method", "in", "out", "latency", "× real time, here")
    for method in described["methods"]:
        cells = (
            method["name"],
            _side(method["in_channels"], method["in_ratio"], method["input_labels"]),
            _side(method["out_channels"], method["out_ratio"], method["output_labels"]),
            _latency(method),
            _speed(described["speed"].get(method["name"], {})),
        )
        methods.add_row(*map(Text, cells))
    console = Console(highlight=False)
    console.print(Text(described["name"], "bold"))
    console.print(facts)
    console.print(methods)


def _size(count: int) -> str:
    return f"{count / 1e6:.2f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"


def _buffers(described: dict[str, Any]) -> str:
    """Which values of which attributes are the name of an array or a buffer~."""
    names = []
    for slot in described["buffers"]:
        name, _, element = slot.rpartition("#")
        (types,) = [a["types"] for a in described["attributes"] if a["name"] == name]
        names.append(name if len(types) == 1 else f"{name} (value {int(element) + 1})")
    return f"an array or buffer~ for {', '.join(names)}"


def _random(metadata: dict[str, Any] | None) -> dict[str, str]:
    lines = []
    for name, method in _part(metadata, "methods").items():
        if isinstance(method, dict) and method.get("stochastic"):
            silenced = method.get("silenced_by")
            lines.append(name + (f" (silenced by {silenced})" if silenced else ""))
    return {"random": ", ".join(lines)} if lines else {}


def _origin(metadata: dict[str, Any] | None) -> dict[str, str]:
    if metadata is None:
        return {"origin": "not stated (the file has no timbrel.json)"}
    origin = {name: str(metadata[key]) for key, name in _ORIGIN.items() if key in metadata}
    latents = metadata.get("latents")
    if isinstance(latents, dict) and {"count", "ratio"} <= latents.keys():
        origin["latents"] = f"{latents['count']}, one frame per {latents['ratio']} samples"
    findings = metadata.get("findings")
    if isinstance(findings, list) and findings:
        origin["forced, despite"] = "\n".join(map(str, findings))
    return origin


def _side(channels: int, ratio: int, labels: list[str]) -> str:
    """Channels, how often a value of theirs stands, and what they are called."""
    every = "" if ratio == 1 else f", one value per {ratio}"
    called = _labels(labels)
    return f"{channels}{every}" + (f"\n{called}" if called else "")


def _latency(method: dict[str, Any]) -> str:
    if method["latency_ms"] is None:
        return f"{method['latency']}"
    return f"{method['latency']} ({method['latency_ms']:.1f} ms)"


def _speed(speed: dict[str, Any]) -> str:
    if "error" in speed:
        return str(speed["error"])
    return f"{speed['real_time_factor']:.1f}" if speed else "?"


def _attribute(attribute: dict[str, Any]) -> str:
    """`drive 4.0 (float, 0.1 to 100): gain before the curve`, as far as it is known."""
    value = attribute["value"]
    shown = "" if value is None else " " + " ".join(map(str, _said(value)))
    kind = ", ".join(attribute["types"]) or "of an unknown type"
    taken = _taken(attribute) if len(attribute["types"]) == 1 else ""
    doc = f": {attribute['doc']}" if "doc" in attribute else ""
    return f"{attribute['name']}{shown} ({kind}{taken}){doc}"


def _said(values: list[Any]) -> list[Any]:
    """As a message says them, where there are not too many."""
    said = [int(value) if isinstance(value, bool) else value for value in values]
    return said if len(said) <= _MOST_VALUES else [*said[:_MOST_VALUES], "…"]


def _taken(attribute: dict[str, Any]) -> str:
    if isinstance(attribute.get("choices"), list):
        return ": " + ", ".join(map(str, attribute["choices"]))
    limits = attribute.get("range")
    if not isinstance(limits, list) or len(limits) != 2:
        return ""
    low, high = (None if end is None else str(end) for end in limits)
    if low is None or high is None:
        return f", from {low}" if low else f", up to {high}" if high else ""
    return f", {low} to {high}"


def _labels(labels: list[str]) -> str:
    """All of a few; of many, which are numbered, the first and the last."""
    named = [label.removeprefix("(signal) ") for label in labels if label]
    return ", ".join(named) if len(named) <= 3 else f"{named[0]} … {named[-1]}"

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
    attributes = [
        {
            "name": attribute.name,
            "types": [element.name.lower() for element in attribute.elements],
            "value": values.get(attribute.name),
        }
        for attribute in model.attributes.values()
    ]
    return {"attributes": attributes, "speed": speeds}


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
        "file": f"{described['path']} ({described['bytes'] / 1e6:.2f} MB)",
        "sample rate": f"{rate:.0f} Hz" if rate else "not stated: plays at the patch's",
        "buffer": f"multiples of {described['max_ratio']}, "
        f"{described['default_buffer']} by default",
        "attributes": "\n".join(map(_attribute, described["attributes"])) or "none",
        **_origin(described["metadata"]),
    }.items():
        # As it stands: square brackets in a name are no markup.
        facts.add_row(Text(key, "dim"), Text(value))
    methods = Table(
        "method", "in", "ratio", "out", "ratio", "latency", "speed here", "inlets", "outlets"
    )
    for method in described["methods"]:
        methods.add_row(
            *(
                Text(cell)
                for cell in (
                    method["name"],
                    f"{method['in_channels']}",
                    f"{method['in_ratio']}",
                    f"{method['out_channels']}",
                    f"{method['out_ratio']}",
                    _latency(method),
                    _speed(described["speed"].get(method["name"], {})),
                    _labels(method["input_labels"]),
                    _labels(method["output_labels"]),
                )
            )
        )
    console = Console(highlight=False)
    console.print(Text(described["name"], "bold"))
    console.print(facts)
    console.print(methods)


def _origin(metadata: dict[str, Any] | None) -> dict[str, str]:
    if metadata is None:
        return {"origin": "not stated (the file has no timbrel.json)"}
    origin = {name: str(metadata[key]) for key, name in _ORIGIN.items() if key in metadata}
    latents = metadata.get("latents")
    if isinstance(latents, dict) and {"count", "ratio"} <= latents.keys():
        origin["latents"] = f"{latents['count']}, one frame per {latents['ratio']} samples"
    return origin


def _latency(method: dict[str, Any]) -> str:
    if method["latency_ms"] is None:
        return f"{method['latency']}"
    return f"{method['latency']} ({method['latency_ms']:.1f} ms)"


def _speed(speed: dict[str, Any]) -> str:
    if "error" in speed:
        return str(speed["error"])
    return f"{speed['real_time_factor']:.1f} × real time" if speed else "?"


def _attribute(attribute: dict[str, Any]) -> str:
    types = ", ".join(attribute["types"]) or "of an unknown type"
    value = attribute["value"]
    if value is None:
        return f"{attribute['name']} ({types})"
    return f"{attribute['name']} {' '.join(map(str, value))} ({types})"


def _labels(labels: list[str]) -> str:
    """All of a few; of many, which are numbered, the first and the last."""
    named = [label.removeprefix("(signal) ") for label in labels if label]
    return ", ".join(named) if len(named) <= 3 else f"{named[0]} … {named[-1]}"

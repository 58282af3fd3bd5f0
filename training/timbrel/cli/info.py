"""`timbrel info`: what a model file says about itself."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from timbrel.engine import Model

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

    described = describe(model, Model(model))
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
        "attributes": model.attributes,
        "metadata": metadata,
    }


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
        "attributes": ", ".join(described["attributes"]) or "none",
        **_origin(described["metadata"]),
    }.items():
        # As it stands: square brackets in a name are no markup.
        facts.add_row(Text(key, "dim"), Text(value))
    methods = Table("method", "in", "ratio", "out", "ratio", "latency", "inlets", "outlets")
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


def _labels(labels: list[str]) -> str:
    """All of a few; of many, which are numbered, the first and the last."""
    named = [label.removeprefix("(signal) ") for label in labels if label]
    return ", ".join(named) if len(named) <= 3 else f"{named[0]} … {named[-1]}"

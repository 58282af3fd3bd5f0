"""From a `timbrel.Module` to a model file: compile, examine, and only then put in place."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

import timbrel
from timbrel.errors import UserError
from timbrel.export.archive import check_output, put, to_archive, with_metadata
from timbrel.export.file import load_instrument
from timbrel.export.gate import Examination, examine
from timbrel.module.script import script

if TYPE_CHECKING:
    from timbrel.module import Module

FORMAT_VERSION = 1


def export_module(
    module: "Module",
    output: Path,
    *,
    author: str | None = None,
    license: str | None = None,
    force: bool = False,
    metadata: dict[str, Any] | None = None,
    check: Callable[[Path], object] = load_instrument,
) -> dict[str, Any]:
    """Compiles, examines and writes a module; the file appears whole or not at all.

    Args:
        module: put into eval mode.
        output: the file to write.
        author: recorded in the file.
        license: recorded in the file.
        force: writes it whatever was found, and records that.
        metadata: goes into the file's `timbrel.json` beside what is always there.
        check: what else the finished file has to pass, given its path.

    Returns:
        The metadata written into the file.

    Raises:
        UserError: when it does not compile, or when something was found.
    """
    check_output(output)
    name = type(module).__name__
    if not module.declared_methods:
        raise UserError(f"{name} has no method for a patch: put @timbrel.method(...) before one")
    for attribute, declared in module.declared_attributes.items():
        declared.check(f"{name}.{attribute}", getattr(module, attribute))
    archive = to_archive(script(module), output.stem)
    examination = examine(
        archive,
        sample_rate=module.sample_rate,
        latencies={name: m.latency for name, m in module.declared_methods.items()},
        attributes=module.declared_attributes,
    )
    if examination.findings and not force:
        first, others = examination.findings[0], len(examination.findings) - 1
        more = f" (and {others} more: export with force to have all recorded)" if others else ""
        raise UserError(f"not exported: {first}{more}")
    described = {
        "format_version": FORMAT_VERSION,
        "name": output.stem,
        **({"author": author} if author else {}),
        **({"license": license} if license else {}),
        **(metadata or {}),
        **({"sample_rate": module.sample_rate} if module.has_own_rate else {}),
        "latency": {method: m.latency for method, m in examination.measured.items()},
        "methods": _methods(module, examination),
        "attributes": {
            attribute: declared.described(getattr(module, attribute))
            for attribute, declared in module.declared_attributes.items()
        },
        **({"findings": [str(f) for f in examination.findings]} if examination.findings else {}),
        "torch_version": torch.__version__.split("+")[0],
        "timbrel_version": timbrel.__version__,
    }
    put(with_metadata(archive, described), output, check)
    return described


def _methods(module: "Module", examination: Examination) -> dict[str, Any]:
    methods: dict[str, Any] = {}
    for name, shape in examination.shapes.items():
        declared = module.declared_methods[name]
        measured = examination.measured.get(name)
        figures = {k: v for k, v in asdict(measured).items() if v is not None} if measured else {}
        methods[name] = {
            **asdict(shape),
            "input_labels": declared.input_labels,
            "output_labels": declared.output_labels,
            **figures,
        }
    return methods

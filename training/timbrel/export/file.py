"""Reading model files."""

import json
import warnings
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch

from timbrel.errors import UserError

METADATA = "timbrel.json"


def load_instrument(path: Path, extra: dict[str, Any] | None = None) -> torch.jit.ScriptModule:
    """A fresh instance of a model file, its streaming state empty.

    Raises:
        UserError: when the file is missing or not a model.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # TorchScript is deprecated, and what every host reads
            return torch.jit.load(  # type: ignore[no-untyped-call]
                str(path), map_location="cpu", _extra_files=extra
            )
    except (RuntimeError, ValueError):
        raise UserError(f"{path}: not a model file, or a damaged one") from None


def read_metadata(path: Path) -> dict[str, Any]:
    """What a model file says about itself in `timbrel.json`; empty where it was made by others.

    Raises:
        UserError: as `load_instrument`.
    """
    files = {METADATA: ""}
    load_instrument(path, files)
    try:
        return dict(json.loads(files[METADATA])) if files[METADATA] else {}
    except ValueError:
        raise UserError(f"{path}: what it says about itself ({METADATA}) is damaged") from None


def unoptimised() -> AbstractContextManager[None]:
    """Runs TorchScript as it stands: the optimiser would compile anew for each length of block."""
    return torch.jit.optimized_execution(False)  # type: ignore[attr-defined]

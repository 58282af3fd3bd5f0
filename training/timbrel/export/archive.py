"""Putting a model file together, and in its place only when it has been checked."""

import json
import os
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from timbrel.errors import UserError
from timbrel.export.file import METADATA


def check_output(output: Path) -> None:
    """Refuses a place where no model can be written, before any work is done.

    Raises:
        UserError: saying why.
    """
    if output.suffix != ".ts":
        raise UserError(f"{output}: a model's file name ends in .ts")
    if not output.parent.is_dir():
        raise UserError(f"{output.parent}: no such folder")
    if output.is_dir():
        raise UserError(f"{output}: a folder of this name is in the way")


def to_archive(scripted: torch.jit.ScriptModule, name: str) -> bytes:
    """A compiled module as a model file without metadata.

    Torch stores, for its stack traces, the path of every source file, which does not belong into
    what is given away. The archive's top folder becomes `name`.
    """
    content, stripped = BytesIO(), BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, and what every host reads
        torch.jit.save(scripted, content)
    with zipfile.ZipFile(content) as old, zipfile.ZipFile(stripped, "w") as new:
        for entry in old.infolist():
            if entry.filename.endswith(".debug_pkl"):
                continue
            target = zipfile.ZipInfo(f"{name}/{entry.filename.partition('/')[2]}", entry.date_time)
            target.compress_type = entry.compress_type
            new.writestr(target, old.read(entry))
    return stripped.getvalue()


def with_metadata(archive: bytes, metadata: dict[str, Any]) -> bytes:
    """The same model file, saying about itself what `metadata` holds."""
    content = BytesIO(archive)
    with zipfile.ZipFile(content, "a") as file:
        top = file.namelist()[0].partition("/")[0]
        entry = zipfile.ZipInfo(f"{top}/extra/{METADATA}", time.gmtime()[:6])
        file.writestr(entry, json.dumps(metadata, indent=2))
    return content.getvalue()


def put(archive: bytes, output: Path, check: Callable[[Path], object]) -> None:
    """Writes a model file beside `output` and moves it there when `check` has let it pass.

    Whatever goes wrong, `output` is left as it was and nothing lies beside it.
    """
    handle, temporary = tempfile.mkstemp(dir=output.parent, prefix=f".{output.stem}-", suffix=".ts")
    os.close(handle)
    try:
        # Written by us: torch ends the process when the disk is full.
        Path(temporary).write_bytes(archive)
        check(Path(temporary))
        os.chmod(temporary, 0o644)
        os.replace(temporary, output)
    except BaseException:
        os.unlink(temporary)
        raise

"""Functions from source text, without files: TorchScript compiles from a function's source."""

import inspect
import linecache
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

_count = 0


def compile_functions(source: str, title: str) -> dict[str, Callable[..., Any]]:
    """The functions that `source` defines, by name.

    They know `torch`, `Tensor` and `math`. Their text is kept in `linecache`, where `inspect`, and
    through it TorchScript, finds it as it would find that of a file.
    """
    global _count  # noqa: PLW0603 - a name is that of one text as long as the process lives
    _count += 1
    file = f"<{title} #{_count}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    names: dict[str, Any] = {"torch": torch, "Tensor": Tensor, "math": math}
    exec(compile(source, file, "exec"), names)
    return {name: item for name, item in names.items() if inspect.isfunction(item)}

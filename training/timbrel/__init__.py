"""Timbrel: a folder of recordings becomes a neural instrument for Pure Data and Max.

Importing the package is cheap on purpose: nothing here imports torch, so that the command line
answers at once and tools that only read a version or a dataset need no gigabyte of libraries. What
a module of one's own is made of (`timbrel.Module`, `timbrel.method`, `timbrel.attribute`,
`timbrel.Buffer`) is imported when it is first asked for.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from timbrel.module import Buffer, Module, attribute, method

__version__ = "0.1.0"

__all__ = ["Buffer", "Module", "__version__", "attribute", "method"]


def __getattr__(name: str) -> object:
    if name.startswith("_") or name not in __all__:
        raise AttributeError(f"module 'timbrel' has no attribute {name!r}")
    import timbrel.module

    return getattr(timbrel.module, name)

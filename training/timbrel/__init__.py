"""Timbrel: a folder of recordings becomes a neural instrument for Pure Data and Max.

Importing the package is cheap on purpose: nothing here imports torch, so that the command line
answers at once and tools that only read a version or a dataset need no gigabyte of libraries.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]

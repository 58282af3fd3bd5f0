"""A module of one's own in a patch: declared in Python, exported as a file that every nn~ reads."""

from timbrel.module.attributes import attribute
from timbrel.module.base import Module
from timbrel.module.buffer import Buffer
from timbrel.module.methods import method

__all__ = ["Buffer", "Module", "attribute", "method"]

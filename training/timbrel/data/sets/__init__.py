"""Sets of recordings that anyone may use, fetched when they are asked for."""

from timbrel.data.sets.material import Made

__all__ = ["Made"]

"""The `tabla` set: any length of percussion, played from 26 strokes that anyone may use (CC0)."""

from timbrel.data.tabla.make import TablaSet, make

__all__ = ["TablaSet", "make"]

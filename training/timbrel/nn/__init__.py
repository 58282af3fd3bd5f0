"""Layers that know their streaming twins: an offline network is converted, never switched."""

from timbrel.nn.containers import Gate, Residual, Sequential, Sum
from timbrel.nn.conv import Conv1d, ConvTranspose1d, Padding
from timbrel.nn.noise import CounterNoise
from timbrel.nn.streaming import (
    Delay,
    Past,
    Pointwise,
    Streamed,
    Twin,
    convert,
    fold_batch_norm,
    history,
    reset,
)

__all__ = [
    "Conv1d",
    "ConvTranspose1d",
    "CounterNoise",
    "Delay",
    "Gate",
    "Padding",
    "Past",
    "Pointwise",
    "Residual",
    "Sequential",
    "Streamed",
    "Sum",
    "Twin",
    "convert",
    "fold_batch_norm",
    "history",
    "reset",
]

"""What is measured: the shipped model, the paper's at full size, and a filter bank."""

import json
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from timbrel.config import load_preset
from timbrel.dsp.pqmf import PQMF
from timbrel.export.file import METADATA
from timbrel.export.write import write_model
from timbrel.model.autoencoder import Autoencoder
from timbrel.nn import Padding, Sequential, convert

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "models" / "tabla.ts"
RATE = 44_100
BLOCK = 2048  # the default buffer
VECTOR = 64  # of Pure Data

Audio = NDArray[np.float32]


@dataclass(frozen=True)
class Subject:
    """A model file under a name that a table shows."""

    name: str
    path: Path

    @property
    def megabytes(self) -> float:
        return os.path.getsize(self.path) / 1e6


def shipped(folder: Path) -> Subject:
    """The shipped model; its untrained twin, as quick and as large, where it is not there yet."""
    if SHIPPED.is_file():
        return Subject("tabla", SHIPPED)
    return untrained("tiny", folder)


def untrained(preset: str, folder: Path) -> Subject:
    """A preset's model, causal and untrained: speed and memory do not ask what it has learnt."""
    torch.manual_seed(0)
    model = Autoencoder(load_preset(preset, ["model.padding=causal"]).model)
    path = folder / f"{preset}.ts"
    write_model(model, path, {"name": preset})
    return Subject(f"{preset}, untrained", path)


class FilterBank(nn.Module):
    """Analysis and synthesis of a causal PQMF: gives back its input, late by what it states."""

    def __init__(self, bands: int = 16, taps: int = 128) -> None:
        super().__init__()
        pqmf = PQMF(bands, taps, Padding.CAUSAL)
        self.bank, delay = convert(Sequential(pqmf.analysis, pqmf.synthesis).eval())
        self.latency = delay + pqmf.latency
        # A bank streams pairs of frames.
        unit = 2 * bands
        self.register_buffer("forward_params", torch.tensor([1, 1, 1, 1]))
        self.register_buffer("unit_params", torch.tensor([1, unit, 1, unit]))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.bank(x)
        return y

    @torch.jit.export
    def unit(self, x: Tensor) -> Tensor:
        """Its ratio is what a host rounds the buffer to."""
        return x


def filter_bank(folder: Path) -> Subject:
    """A model whose output is its input, so that its latency is heard without doubt."""
    bank = FilterBank().eval()
    metadata = {"sample_rate": RATE, "latency": {"forward": bank.latency, "unit": 0}}
    path = folder / "filter_bank.ts"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, and what every host reads
        torch.jit.save(torch.jit.script(bank), str(path), {METADATA: json.dumps(metadata)})
    return Subject("filter bank", path)


def noise(frames: int, seed: int = 0) -> Audio:
    """White noise ``(1, frames)`` at -20 dB."""
    samples = np.random.default_rng(seed).standard_normal((1, frames))
    return (0.1 * samples).astype(np.float32)

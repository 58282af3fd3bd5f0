"""The pictures of a report, after the paper's figures 2, 3 and 7."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from timbrel.dsp.spectral import magnitudes
from timbrel.evaluation.figures import Divergence, Rank
from timbrel.latent.space import LatentSpace

mpl.use("Agg")  # no window, no display

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

#: From black to white.
RANGE_DB = 80.0


def fidelity_plot(path: Path, found: Sequence[Rank], space: LatentSpace) -> None:
    """Figure 2: latents that a fidelity asks for, and the distance at that fidelity."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    wanted = np.linspace(0.5, 1, 101)
    for rank_by, label in (("singular_values", "singular values"), ("variance", "variance")):
        left.plot(wanted, [space.rank(float(f), rank_by) for f in wanted], label=label)
    left.set(xlabel="fidelity f", ylabel="latents", ylim=(0, None))
    left.legend(title="measured by", frameon=False)
    right.errorbar(
        [r.fidelity for r in found],
        [r.distance for r in found],
        [r.spread for r in found],
        marker="o",
        markersize=3,
        capsize=2,
    )
    for r in found:
        right.annotate(f" {r.kept}", (r.fidelity, r.distance), fontsize=7)
    right.set(xlabel="fidelity f (numbers: latents)", ylabel="spectral distance")
    _save(figure, path)


def divergence_plot(path: Path, found: Sequence[Divergence], informative: float) -> None:
    """Figure 7: mean KL divergence of each latent, falling; latents are those of the network."""
    figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
    order = np.argsort(found[0].per_latent)[::-1]
    for one in found:
        axes.plot(np.arange(1, len(order) + 1), np.asarray(one.per_latent)[order], label=one.name)
    axes.axhline(informative, color="grey", linestyle=":", linewidth=1)
    axes.set(xlabel="latent", ylabel="KL divergence (nats)", yscale="log")
    axes.legend(frameon=False)
    _save(figure, path)


def spectrograms(path: Path, shown: Sequence[tuple[str, Tensor]], sample_rate: int) -> None:
    """Figure 3: mel spectrograms of signals ``(samples,)``, on the scale of the first one."""
    figure, axes = plt.subplots(
        1, len(shown), figsize=(2.6 * len(shown), 2.6), sharey=True, squeeze=False
    )
    loudest = float(mel(shown[0][1], sample_rate).max())
    for cell, (title, x) in zip(axes[0], shown, strict=True):
        cell.imshow(
            mel(x, sample_rate),
            origin="lower",
            aspect="auto",
            cmap="magma",
            vmin=loudest - RANGE_DB,
            vmax=loudest,
            extent=(0, len(x) / sample_rate, 0, 1),
        )
        cell.set(title=title, xlabel="s", yticks=[])
    figure.tight_layout()
    _save(figure, path)


def mel(x: Tensor, sample_rate: int, bands: int = 80) -> NDArray[np.float64]:
    """Level in dB of `bands` bands that are equally wide on the mel scale: ``(bands, frames)``."""
    size = 1024
    power = magnitudes(x[None], size)[0].double().square()
    hertz = torch.arange(size // 2 + 1) * sample_rate / size
    scale = 2595 * torch.log10(1 + hertz / 700)
    centres = torch.linspace(0, float(scale[-1]), bands + 2)[1:-1]
    width = float(centres[1] - centres[0])
    weights = (1 - (scale[None] - centres[:, None]).abs() / width).clamp_min(0).double()
    # Where bins are further apart than bands, a band looks at its nearest bin.
    nearest = (scale[None] - centres[:, None]).abs().argmin(dim=1)
    weights[torch.arange(bands), nearest] = weights[torch.arange(bands), nearest].clamp_min(1e-3)
    level = weights @ power / weights.sum(dim=1, keepdim=True)
    return np.asarray(10 * torch.log10(level + 1e-12))


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=110)
    plt.close(figure)

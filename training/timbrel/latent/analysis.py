"""Finding the latent space of a network on the sound that it was trained on."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from timbrel.data import AudioDataset
from timbrel.latent.descriptors import NAMES, describe
from timbrel.latent.scatter import Scatter
from timbrel.latent.space import Latent, LatentSpace
from timbrel.model.autoencoder import Autoencoder

#: Of the training split, seconds that are looked at; spread evenly where there are more.
SECONDS = 1800.0
#: Seconds that are encoded at once,
PIECE = 10.0
#: and before and after them, for what the network remembers and looks ahead to.
MARGIN = 1.0
#: A correlation below this is nothing that a player could count on.
FOLLOWS = 0.3
#: Frames that must have a descriptor before it counts.
LEAST_FRAMES = 50


@torch.no_grad()
def latent_space(
    model: Autoencoder, dataset: AudioDataset, step: int, seconds: float = SECONDS
) -> LatentSpace:
    """The SVD of a network's centred posterior means over a dataset's training split.

    Incremental: memory does not grow with the sound. The sign of each column is the one that
    follows loudness.

    Args:
        model: in eval mode, on any device.
        dataset: its sound.
        step: of the network, for the record.
        seconds: of sound, at most.
    """
    size = model.config.latents
    scatter = Scatter(size)
    described = {name: Scatter(size + 1) for name in NAMES}
    variance = torch.zeros(size, dtype=torch.float64)
    for piece in _pieces(model, dataset, seconds):
        scatter.add(piece.mean)
        variance += piece.std.double().square().sum(dim=0)
        for name, values in piece.descriptors.items():
            there = ~values.isnan()
            described[name].add(torch.cat([piece.mean, values[:, None]], dim=1)[there])
    variances, basis = torch.linalg.eigh(scatter.matrix)
    variances, basis = variances.flip(0).clamp_min(0), basis.flip(1)
    loudness = described["loudness"].correlations(basis)
    # Where loudness says nothing, the largest element decides: not the linear algebra's mood.
    largest = basis.gather(0, basis.abs().argmax(dim=0, keepdim=True))[0]
    basis = basis * torch.where(torch.where(loudness != 0, loudness, largest) < 0, -1.0, 1.0)
    low, high = torch.full((size,), torch.inf), torch.full((size,), -torch.inf)
    for piece in _pieces(model, dataset, seconds):
        rotated = (piece.mean.double() - scatter.mean) @ basis
        low = torch.minimum(low, rotated.amin(dim=0).float())
        high = torch.maximum(high, rotated.amax(dim=0).float())
    return LatentSpace(
        scatter.mean.float(),
        basis.float(),
        variances.sqrt().float(),
        (variance / scatter.count).sqrt().float(),
        _latents(described, basis, (variances / scatter.count).sqrt(), low, high),
        step,
    )


def _latents(
    described: dict[str, Scatter], basis: Tensor, std: Tensor, low: Tensor, high: Tensor
) -> list[Latent]:
    names = [name for name, scatter in described.items() if scatter.count >= LEAST_FRAMES]
    found = {name: described[name].correlations(basis).tolist() for name in names}
    latents = []
    for k in range(len(std)):
        best = max(names, key=lambda name: abs(found[name][k]), default=None)
        follows = best is not None and abs(found[best][k]) >= FOLLOWS
        latents.append(
            Latent(
                # Centred: the mean is where the space has its origin.
                mean=0.0,
                std=float(std[k]),
                min=float(low[k]),
                max=float(high[k]),
                descriptor=best if follows else None,
                correlation=round(found[best][k], 3) if follows and best is not None else 0.0,
            )
        )
    return latents


@dataclass(frozen=True)
class _Piece:
    """Some frames of a posterior ``(frames, latents)``, and of descriptors ``(frames,)``."""

    mean: Tensor
    std: Tensor
    descriptors: dict[str, Tensor]


def _pieces(model: Autoencoder, dataset: AudioDataset, seconds: float) -> Iterator[_Piece]:
    rate, ratio = model.config.sample_rate, model.config.ratio
    device = next(model.parameters()).device
    length = round(PIECE * rate / ratio) * ratio
    margin = -(-int(MARGIN * rate) // ratio) * ratio
    total = dataset.split_frames("train")
    count = max(1, min(total // length, round(seconds / PIECE)))
    kept = slice(margin // ratio, (margin + min(length, total)) // ratio)
    for i in range(count):
        start = total * i // count
        x = torch.from_numpy(
            dataset.read_channels("train", (start - margin) % total, length + 2 * margin)
        )
        posterior = model.posterior(model.pqmf.analysis(x[None].to(device)))
        values = describe(x.mean(dim=0), rate, ratio)
        yield _Piece(
            posterior.mean[0, :, kept].T.cpu(),
            posterior.std[0, :, kept].T.cpu(),
            {name: value[kept] for name, value in values.items()},
        )

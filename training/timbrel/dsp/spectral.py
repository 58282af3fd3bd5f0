"""Multiscale spectral distances (paper, equation 5), for training and for judging."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

SCALES = (2048, 1024, 512, 256, 128)  #: STFT sizes; each hops by a quarter of itself
EPSILON = 1e-7  #: under every logarithm in training


def magnitudes(x: Tensor, size: int, hop: int | None = None) -> Tensor:
    """STFT magnitudes ``(batch, size / 2 + 1, frames)`` of ``(batch, n)``, over sqrt(size)."""
    window = torch.hann_window(size, dtype=x.dtype, device=x.device)
    spectrum = torch.stft(
        x, size, hop or size // 4, window=window, normalized=True, return_complex=True
    )
    # The square root's gradient is infinite at zero: a silent frame would train the model to NaN.
    return torch.sqrt(torch.clamp(spectrum.real**2 + spectrum.imag**2, min=1e-14))


class MultiscaleDistance(nn.Module):
    """Equation 5: relative Frobenius norm plus a distance of logarithms, summed over scales.

    The paper prints the logarithm of an L1 norm (`of_norm`), which falls to minus infinity as the
    model becomes perfect; the authors' code takes the mean of |log - log| (`mean_difference`).
    Every example has its own norms, so that the distance does not depend on how a batch is split.
    """

    def __init__(
        self, logarithm: str = "mean_difference", scales: tuple[int, ...] = SCALES
    ) -> None:
        super().__init__()
        self.logarithm = logarithm
        self.scales = scales

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Distance ``(batch,)`` of `y` from the reference `x`, both ``(batch, channels, n)``."""
        batch = x.shape[0]
        total = torch.zeros(batch, dtype=x.dtype, device=x.device)
        for pair in self._pairs(x, y):
            # Channels (bands) of one example share one norm: a silent band must not weigh as much
            # as a loud one.
            sx, sy = (s.reshape(batch, -1) for s in pair)
            relative = (sx - sy).norm(dim=1) / sx.norm(dim=1).clamp_min(EPSILON)
            total = total + relative + self._logarithmic(sx, sy)
        return total

    def _logarithmic(self, sx: Tensor, sy: Tensor) -> Tensor:
        if self.logarithm == "of_norm":
            return torch.log((sx - sy).abs().sum(dim=1) + EPSILON)
        return (torch.log(sx + EPSILON) - torch.log(sy + EPSILON)).abs().mean(dim=1)

    def _pairs(self, x: Tensor, y: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        x, y = x.flatten(0, 1), y.flatten(0, 1)
        for size in self.scales:
            yield magnitudes(x, size), magnitudes(y, size)


def loudness_distance(x: Tensor, y: Tensor) -> Tensor:
    """Mean squared difference ``(batch,)`` of mean log spectra (2048/512).

    Signals are ``(batch, channels, n)``. The authors weight both spectra by the A curve; added to
    logarithms, it cancels in the difference.
    """
    lx, ly = (
        torch.log(magnitudes(s.flatten(0, 1), 2048, 512) + EPSILON).mean(dim=1) for s in (x, y)
    )
    return ((lx - ly) ** 2).reshape(x.shape[0], -1).mean(dim=-1)


def evaluation_distance(x: Tensor, y: Tensor, floor_db: float = 80.0) -> Tensor:
    """The distance that claims are made with: deaf far below the loudest bin of `x`.

    Without that floor the logarithms compare residues that nobody hears: noise at -60 dBFS added to
    the original scores worse than a working model.

    Args:
        x: reference ``(batch, n)``, n at least 4096 samples.
        y: candidate, aligned, of the same shape.
        floor_db: how far below the excerpt's peak magnitude both are floored.

    Returns:
        ``(batch,)``: sum over `SCALES` of relative Frobenius norm plus mean absolute log
        difference.
    """
    total = torch.zeros(x.shape[0], dtype=x.dtype, device=x.device)
    for size in SCALES:
        sx, sy = magnitudes(x, size), magnitudes(y, size)
        floor = sx.flatten(1).amax(dim=1).reshape(-1, 1, 1) * 10 ** (-floor_db / 20)
        floor = floor.clamp_min(EPSILON)
        sx, sy = torch.maximum(sx, floor), torch.maximum(sy, floor)
        relative = (sx - sy).flatten(1).norm(dim=1) / sx.flatten(1).norm(dim=1)
        total = total + relative + (torch.log(sx) - torch.log(sy)).abs().flatten(1).mean(dim=1)
    return total

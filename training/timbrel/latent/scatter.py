"""Mean and covariance of vectors that come in pieces, whatever their number."""

import torch
from torch import Tensor


class Scatter:
    """Exact, and in memory that depends on the vectors' size alone (Chan et al. 1979)."""

    def __init__(self, size: int) -> None:
        self.count = 0
        self.mean = torch.zeros(size, dtype=torch.float64)
        self.matrix = torch.zeros(size, size, dtype=torch.float64)  #: sum of (x - mean)(x - mean)ᵀ

    def add(self, x: Tensor) -> None:
        """Takes vectors ``(n, size)``."""
        n = len(x)
        if n == 0:
            return
        x = x.double().cpu()
        mean = x.mean(dim=0)
        centred = x - mean
        shift = mean - self.mean
        total = self.count + n
        self.matrix += centred.T @ centred + torch.outer(shift, shift) * self.count * n / total
        self.mean += shift * n / total
        self.count = total

    def correlations(self, directions: Tensor) -> Tensor:
        """Of the last element with the others along `directions` ``(size - 1, k)``: ``(k,)``.

        Zero where either does not vary.
        """
        own = torch.einsum("ik,ij,jk->k", directions, self.matrix[:-1, :-1], directions)
        shared = self.matrix[-1, :-1] @ directions
        sizes = (own * self.matrix[-1, -1]).clamp_min(0).sqrt()
        return torch.where(sizes > 1e-12, shared / sizes.clamp_min(1e-12), 0.0)

"""Fidelity against dimensions (paper, section 3.2 and appendix A)."""

import torch
from torch import Tensor


def singular_values(means: Tensor) -> Tensor:
    """Singular values ``(latents,)``, falling, of centred posterior means (equations 9 and 10).

    Args:
        means: ``(batch, latents, frames)``; the mean is the posterior's argmax (equation 9).
    """
    z = means.transpose(1, 2).flatten(0, 1).double()
    # Of the covariance, which is as large as the latents are many, whatever the frames.
    z = z - z.mean(dim=0)
    variances = torch.linalg.eigvalsh(z.T @ z).flip(0)
    return variances.clamp_min(0).sqrt()


def fidelity(values: Tensor, rank_by: str = "singular_values") -> Tensor:
    """Fidelity ``(latents,)`` that the first 1, 2, ... dimensions reach (equation 11).

    Args:
        values: singular values, falling.
        rank_by: `singular_values` as in equation 11, or `variance`, their squares, as in the
            authors' code.
    """
    weights = values**2 if rank_by == "variance" else values
    # Where nothing varies, no dimension is needed: any number of them is faithful.
    total = weights.sum()
    return weights.cumsum(0) / total if total > 0 else torch.ones_like(weights)


def rank(values: Tensor, wanted: float, rank_by: str = "singular_values") -> int:
    """The smallest number of dimensions whose fidelity is `wanted` (equation 11), at least one."""
    reached = fidelity(values, rank_by) >= wanted - 1e-12
    return int(reached.int().argmax()) + 1 if bool(reached.any()) else len(values)

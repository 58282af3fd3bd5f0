"""The latents in the order in which they matter (paper, section 3.2 and appendix A)."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from timbrel.errors import UserError
from timbrel.latent.fidelity import rank


@dataclass(frozen=True)
class Latent:
    """Where one latent lives on the sound that was trained on, and what it follows there."""

    mean: float
    std: float
    min: float
    max: float
    descriptor: str | None = None  #: loudness, centroid or pitch, whichever it follows best
    correlation: float = 0.0  #: with that descriptor, -1 to 1

    @property
    def label(self) -> str:
        """What an inlet says beside the latent's number; empty where it follows nothing much."""
        return f" ({self.descriptor} {self.correlation:+.2f})" if self.descriptor else ""


@dataclass(frozen=True)
class LatentSpace:
    """A rotation of a network's latents, found by SVD of its posterior means.

    Latent k of the rotation is ``(z - mean) @ basis[:, k]``. Rows and columns are as many as the
    network has latents.
    """

    mean: Tensor  #: of the posterior means, ``(latents,)``
    basis: Tensor  #: orthonormal columns, ``(latents, latents)`` (V of equation 10)
    singular_values: Tensor  #: of each column, ``(latents,)``
    posterior_std: Tensor  #: root mean square of the posterior's, in the network's own latents
    latents: list[Latent] = field(default_factory=list)  #: of each column
    step: int = 0  #: of the network that it was found for
    #: Mean |cosine| of its columns with those of the run's space before it, if there was one.
    match: float | None = None

    @staticmethod
    def unrotated(latents: int) -> "LatentSpace":
        """The network's own latents, where no sound is at hand to order them by."""
        ones = torch.ones(latents)
        return LatentSpace(torch.zeros(latents), torch.eye(latents), ones, ones)

    @property
    def size(self) -> int:
        """Latents of the network."""
        return len(self.mean)

    def rank(self, fidelity: float, rank_by: str) -> int:
        """Latents that `fidelity` asks for (equation 11)."""
        return rank(self.singular_values.sort(descending=True).values.double(), fidelity, rank_by)

    def order(self, kept: int) -> Tensor:
        """Columns, the `kept` largest first, each part in the order in which the columns stand.

        They stand by their singular values, unless they were matched to an earlier space.
        """
        largest = self.singular_values.argsort(descending=True, stable=True)
        return torch.cat([largest[:kept].sort().values, largest[kept:].sort().values])

    def matched(self, previous: "LatentSpace") -> "LatentSpace":
        """The same space with its columns where those of `previous` stand that they resemble.

        A patch made for the one then does much the same with the other; how much, says `match`.
        """
        alike = (previous.basis.T.double() @ self.basis.double()).numpy()
        rows, columns = linear_sum_assignment(-np.abs(alike))
        cosines = torch.from_numpy(alike[rows, columns])
        weights = previous.singular_values.double()
        match = float((cosines.abs() * weights).sum() / weights.sum().clamp_min(1e-12))
        return replace(self._reordered(torch.from_numpy(columns), cosines), match=match)

    def _reordered(self, order: Tensor, signs: Tensor) -> "LatentSpace":
        turned = torch.where(signs < 0, -1.0, 1.0).to(self.basis)
        return replace(
            self,
            basis=self.basis[:, order] * turned,
            singular_values=self.singular_values[order],
            latents=[
                self.latents[i] if sign > 0 else _turned(self.latents[i])
                for i, sign in zip(order.tolist(), turned.tolist(), strict=True)
            ],
        )

    def to_json(self) -> dict[str, Any]:
        """Numbers and lists of them; single precision survives."""
        return {
            **{
                name: value.tolist() for name, value in vars(self).items() if torch.is_tensor(value)
            },
            "latents": [asdict(latent) for latent in self.latents],
            "step": self.step,
            "match": self.match,
        }

    @staticmethod
    def from_json(values: dict[str, Any]) -> "LatentSpace":
        """What `to_json` gave.

        Raises:
            UserError: when it is something else.
        """
        try:
            space = LatentSpace(
                **{
                    name: torch.tensor(values[name], dtype=torch.float32)
                    for name in ("mean", "basis", "singular_values", "posterior_std")
                },
                latents=[Latent(**latent) for latent in values["latents"]],
                step=int(values["step"]),
                match=values["match"],
            )
        except (KeyError, TypeError, ValueError):
            raise UserError("not a latent space") from None
        size = space.size
        shapes = (space.basis.shape, space.singular_values.shape, space.posterior_std.shape)
        if shapes != ((size, size), (size,), (size,)) or len(space.latents) != size:
            raise UserError("not a latent space: its sizes disagree")
        return space


def _turned(latent: Latent) -> Latent:
    """What is known of a latent whose sign is changed."""
    return replace(
        latent,
        mean=-latent.mean,
        min=-latent.max,
        max=-latent.min,
        correlation=-latent.correlation,
    )

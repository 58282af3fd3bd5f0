"""A model file as a host plays it: fresh instances, seeded, block by block."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import torch
from torch import Tensor

from timbrel.export.file import unoptimised


@dataclass(eq=False)
class FindingError(Exception):
    """Something that does not keep the contract; as a sentence it leads to what has to change.

    `subject` has to do what is `expected`, "but" something else was `found`.
    """

    subject: str
    expected: str
    found: str
    cause: str

    def __str__(self) -> str:
        return (
            f"{self.subject} has to {self.expected}, but {self.found}; likely cause: {self.cause}"
        )


@dataclass(frozen=True)
class Shape:
    """A method's channels and ratios, in the order of ``<method>_params``."""

    in_channels: int
    in_ratio: int
    out_channels: int
    out_ratio: int


Setting = tuple[str, Sequence[object]]
"""An attribute and the elements that its setter is called with."""


class Played:
    """One method of a model file, every time on a fresh load of it."""

    def __init__(self, archive: bytes, method: str, shape: Shape, unit: int) -> None:
        """`unit` is the shortest block in samples, a multiple of the ratios of all methods."""
        self.archive = archive
        self.method = method
        self.shape = shape
        self.unit = unit

    def load(self) -> torch.jit.ScriptModule:
        """A fresh instance."""
        return load(self.archive)

    def run(
        self,
        x: Tensor,
        blocks: Sequence[int] | None = None,
        *,
        seed: int = 0,
        prepare: Callable[[torch.jit.ScriptModule], object] = lambda module: None,
        situation: str = "",
        cause: str = "its own code; it fails in Python, too",
    ) -> Tensor:
        """Plays `x` in blocks on a fresh instance, and checks the form of all it gives.

        Args:
            x: ``(batch, in_channels, values)``.
            blocks: their lengths in samples, which add up to that of `x`; one block without it.
            seed: of torch's random numbers.
            prepare: done to the instance first.
            situation: what is special, for the sentence of a finding.
            cause: the likely one if the method raises.

        Raises:
            FindingError: when it raises, or gives no finite float tensor of the right size.
        """
        module = self.load()
        prepare(module)
        samples = x.shape[-1] * self.shape.in_ratio
        outputs, start = [], 0
        with torch.random.fork_rng(devices=[]), torch.no_grad(), unoptimised():
            torch.manual_seed(seed)
            for block in blocks or [samples]:
                first, last = start // self.shape.in_ratio, (start + block) // self.shape.in_ratio
                try:
                    y = getattr(module, self.method)(x[..., first:last].clone())
                except Exception as error:
                    raise FindingError(
                        f"`{self.method}`",
                        f"take {block} samples as {tuple(x[..., first:last].shape)}{situation}",
                        f"it raised: {last_line(error)}",
                        cause,
                    ) from error
                self._check(y, block, x.shape[0], situation)
                outputs.append(y.clone())
                start += block
        return torch.cat(outputs, dim=-1)

    def _check(self, y: object, samples: int, batch: int, situation: str) -> None:
        shape = self.shape
        values = samples // shape.out_ratio

        def refuse(expected: str, found: str, cause: str) -> FindingError:
            return FindingError(f"`{self.method}`", expected + situation, found, cause)

        if not isinstance(y, Tensor) or y.dim() != 3:
            given = f"{y.dim()} dimensions" if isinstance(y, Tensor) else f"a {type(y).__name__}"
            raise refuse(
                "give one tensor (batch, channels, values)",
                f"it gave {given}",
                "a dimension is lost, or more is returned; keep three: [:, :1] and not [:, 0]",
            )
        if y.shape[0] != batch:
            raise refuse(
                f"give {batch} example(s) for {batch}",
                f"it gave {y.shape[0]}",
                "a state is sized for another number of examples; size it by x.shape[0]",
            )
        if y.shape[1] != shape.out_channels:
            raise refuse(
                f"give {shape.out_channels} channel(s), as it states",
                f"it gave {y.shape[1]}",
                f"its declaration; out_channels={y.shape[1]} would fit",
            )
        if y.shape[2] != values:
            found = y.shape[2]
            fitting = (
                f"its declaration; out_ratio={samples // found} would fit"
                if found and samples % found == 0
                else "a convolution or a transform without padding shortens a block; take what it "
                "lacks from the block before (timbrel.nn.Past)"
            )
            raise refuse(
                f"give {values} value(s) for {samples} samples, as its out_ratio of "
                f"{shape.out_ratio} says",
                f"it gave {found}",
                fitting,
            )
        if y.dtype != torch.float32:
            raise refuse(
                "give float32",
                f"it gave {str(y.dtype).removeprefix('torch.')}",
                "something in it is of that type: a tensor made from numpy's numbers, .double(), "
                "or whole numbers; end with .float()",
            )
        if not bool(torch.isfinite(y).all()):
            raise refuse(
                "give finite numbers",
                "it gave " + ("NaN" if bool(torch.isnan(y).any()) else "infinity"),
                "a logarithm or a division by nothing, or feedback that grows; add a small number "
                "to what may be zero, bound what may grow",
            )


def load(archive: bytes) -> torch.jit.ScriptModule:
    """A fresh instance of a model file that has just been made."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, and what every host reads
        return torch.jit.load(BytesIO(archive))  # type: ignore[no-untyped-call]


def last_line(error: BaseException) -> str:
    """What a method raised, without TorchScript's stack traces."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    line = lines[-1] if lines else type(error).__name__
    return line.removeprefix("builtins.").removeprefix("RuntimeError: ").rstrip(".")


def noise(shape: Shape, batch: int, samples: int) -> Tensor:
    """Test signal ``(batch, in_channels, samples / in_ratio)``; its first example is always one."""
    generator = torch.Generator().manual_seed(1)
    size = (shape.in_channels, samples // shape.in_ratio)
    return torch.stack([0.3 * torch.randn(size, generator=generator) for _ in range(batch)])


def random_blocks(samples: int, unit: int) -> list[int]:
    """A partition into blocks from one unit on, from short to long and in no order."""
    rng = np.random.default_rng(0)
    longest = max(samples // unit // 4, 1)
    blocks = [unit]
    while sum(blocks) < samples:
        drawn = int(np.exp(rng.uniform(0, np.log(longest + 1))))
        blocks.append(min(drawn * unit, samples - sum(blocks)))
    return blocks


def equal_blocks(samples: int, block: int) -> list[int]:
    """A partition as hosts make it; the last block may be shorter."""
    return list(_pieces(samples, block))


def _pieces(samples: int, block: int) -> Iterator[int]:
    for start in range(0, samples, block):
        yield min(block, samples - start)

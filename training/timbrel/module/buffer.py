"""Sound that a host lends to a module: a buffer~ in Max, an array in Pure Data."""

import torch
from torch import Tensor


class Buffer:
    """The samples of a host's buffer, as a module reads them; a class that TorchScript compiles.

    Declared with `timbrel.attribute(timbrel.Buffer())`. Before a host has given it any, and after
    it took them back, it holds what it was declared with: nothing, or `samples`.

    Attributes:
        samples: ``(channels, n)``, float.
        sample_rate: of the samples, in Hz; 0 where nobody has said.
    """

    samples: Tensor
    initial: Tensor
    sample_rate: int
    min_samples: int
    max_samples: int
    refusal: str

    def __init__(
        self, samples: Tensor | None = None, min_samples: int = 0, max_samples: int = 0
    ) -> None:
        """Takes buffers of `min_samples` to `max_samples` per channel; 0 sets no bound."""
        initial = torch.zeros(0, 0)
        if samples is not None:
            initial = samples.to(torch.float32)
            if initial.dim() == 1:
                initial = initial.unsqueeze(0)
        self.initial = initial
        self.samples = initial
        self.sample_rate = 0
        self.min_samples = min_samples
        self.max_samples = max_samples
        self.refusal = ""

    def is_empty(self) -> bool:
        """Whether there is nothing to read."""
        return self.samples.numel() == 0

    def offer(self, samples: Tensor, sample_rate: int) -> bool:
        """Takes a copy of ``(channels, n)`` samples, or refuses and says why in `refusal`."""
        self.refusal = ""
        n = samples.shape[-1]
        if samples.dim() != 2:
            self.refusal = "takes samples by channel, (channels, n)"
        elif n < self.min_samples:
            self.refusal = f"takes at least {self.min_samples} samples, not {n}"
        elif self.max_samples > 0 and n > self.max_samples:
            self.refusal = f"takes at most {self.max_samples} samples, not {n}"
        else:
            self.samples = samples.to(self.initial).clone()
            self.sample_rate = sample_rate
        return self.refusal == ""

    def clear(self) -> None:
        """Back to what it was declared with."""
        self.samples = self.initial
        self.sample_rate = 0
        self.refusal = ""

    def describe(self) -> str:
        """What a host shows when it is asked for the attribute."""
        if self.is_empty():
            return "empty"
        channels, samples = self.samples.shape[0], self.samples.shape[1]
        return f"{channels} x {samples} samples at {self.sample_rate} Hz"

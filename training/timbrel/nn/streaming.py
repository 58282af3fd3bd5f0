"""From an offline network to its streaming twin.

An offline layer sees a whole signal and pads its ends with zeros. Its *twin* sees consecutive
blocks, keeps what it needs of the past as state, and gives the same numbers delayed by a fixed
number of frames. `convert` walks a network and carries that delay along: each layer is told by how
many frames its input already lags, chooses the smallest lag its own output can have, and sets up
its state so that every stride lands on the frames where the offline layer's does.

Twins are scriptable by TorchScript. Their state lives in buffers whose names end in ``_state`` and
start at zero; a state is sized for the batch that arrives and begins anew when the batch size
changes.
"""

from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

#: Layers without memory: every output frame depends on the input frame at its place alone.
POINTWISE = (nn.LeakyReLU, nn.Tanh, nn.Sigmoid, nn.Identity)


class Twin(nn.Module):
    """Base of streaming modules: blocks ``(batch, channels, frames)`` in, blocks out."""


class Streamed(NamedTuple):
    """A streaming twin and the delay of its output, in frames at its output's rate."""

    module: nn.Module
    delay: int


@runtime_checkable
class Streamable(Protocol):
    """An offline module that can give its streaming twin."""

    def streamed(self, delay: int) -> Streamed:
        """Returns the twin for an input that lags by `delay` frames."""


def convert(module: nn.Module, delay: int = 0) -> Streamed:
    """Converts an offline module (in eval mode) into its streaming twin.

    Args:
        module: a `Streamable`, a pointwise layer, or a `BatchNorm1d` in eval mode.
        delay: frames by which the input already lags behind the offline input.

    Raises:
        TypeError: for a layer that nobody has taught to stream.
        ValueError: when the module is in training mode.
    """
    if isinstance(module, Streamable):
        return module.streamed(delay)
    if isinstance(module, POINTWISE):
        return Streamed(module, delay)
    if isinstance(module, nn.BatchNorm1d):
        if module.training:
            raise ValueError(
                "a network is converted for streaming in eval mode: call .eval() first"
            )
        return Streamed(Affine(*_batch_norm_affine(module)), delay)
    raise TypeError(
        f"{type(module).__name__} has no streaming twin: give it a method `streamed(delay)`"
    )


def reset(module: nn.Module) -> None:
    """Clears the streaming state of a twin, scripted or not, as if no block had ever come."""
    for name, buffer in module.named_buffers():
        if name.endswith("_state"):
            buffer.zero_()


class Pointwise(nn.Module):
    """Marks a memoryless module of one's own, so that it may stand in a streamed network."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.module(x)
        return y

    def streamed(self, delay: int) -> Streamed:
        return Streamed(self.module, delay)


class Affine(Twin):
    """``scale * x + shift`` per channel: what a batch norm is once its statistics are frozen."""

    scale: Tensor
    shift: Tensor

    def __init__(self, scale: Tensor, shift: Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", scale.reshape(-1, 1))
        self.register_buffer("shift", shift.reshape(-1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.shift


class Delay(Twin):
    """Delays by a fixed number of frames; parallel branches are aligned with it."""

    past_state: Tensor

    def __init__(self, channels: int, frames: int, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.frames = frames
        self.register_buffer("past_state", torch.zeros(1, channels, frames, dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        joined = torch.cat([history(self.past_state, x), x], dim=-1)
        frames = x.shape[-1]
        self.past_state = joined[..., frames:].clone()
        return joined[..., :frames]


class Past(Twin):
    """Puts the last `frames` frames before each block: ``(batch, channels, frames + n)``.

    What slides over its output, a window or a kernel of ``frames + 1``, gives n frames and never
    notices where a block ends. The signal is preceded by silence.
    """

    past_state: Tensor

    def __init__(self, channels: int, frames: int) -> None:
        super().__init__()
        self.frames = frames
        self.register_buffer("past_state", torch.zeros(1, channels, frames))

    def forward(self, x: Tensor) -> Tensor:
        joined = torch.cat([history(self.past_state, x), x], dim=-1)
        self.past_state = joined[..., x.shape[-1] :].clone()
        return joined


def history(state: Tensor, x: Tensor) -> Tensor:
    """The state to put before block `x`: as kept, or zeros where the batch size has changed."""
    if state.shape[0] == x.shape[0]:
        return state
    return torch.zeros(x.shape[0], state.shape[1], state.shape[2], dtype=x.dtype, device=x.device)


def fold_batch_norm(
    weight: Tensor, bias: Tensor | None, norm: nn.BatchNorm1d
) -> tuple[Tensor, Tensor]:
    """Weight and bias of one convolution in place of `weight` and the frozen `norm` behind it."""
    scale, shift = _batch_norm_affine(norm)
    folded_bias = shift if bias is None else shift + scale * bias
    return weight * scale.reshape(-1, *[1] * (weight.dim() - 1)), folded_bias


def _batch_norm_affine(norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight.detach() / torch.sqrt(norm.running_var + norm.eps)
    return scale, norm.bias.detach() - norm.running_mean * scale

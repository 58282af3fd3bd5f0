"""Containers that convert themselves: chains, residuals, and branches aligned where they meet."""

import torch
from torch import Tensor, nn

from timbrel.nn.conv import Conv1d
from timbrel.nn.streaming import Delay, Streamed, Twin, convert, fold_batch_norm


class Sequential(nn.Sequential):
    """One layer after another; a batch norm behind a convolution is folded in on conversion."""

    def streamed(self, delay: int) -> Streamed:
        twins: list[nn.Module] = []
        layers = list(self)
        position = 0
        while position < len(layers):
            layer = layers[position]
            following = layers[position + 1] if position + 1 < len(layers) else None
            if (
                isinstance(layer, Conv1d)
                and isinstance(following, nn.BatchNorm1d)
                and not following.training
            ):
                bias = None if layer.bias is None else layer.bias.detach()
                twin, delay = layer.streamed_as(
                    delay, *fold_batch_norm(layer.weight.detach(), bias, following)
                )
                position += 2
            else:
                twin, delay = convert(layer, delay)
                position += 1
            twins.append(twin)
        return Streamed(nn.Sequential(*twins), delay)


class Residual(nn.Module):
    """``x + f(x)``, where f keeps channels and rate."""

    def __init__(self, channels: int, *layers: nn.Module) -> None:
        super().__init__()
        self.channels = channels
        self.branch = Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)

    def streamed(self, delay: int) -> Streamed:
        branch, out_delay = convert(self.branch, delay)
        return Streamed(
            StreamingResidual(branch, _wait(self.channels, out_delay - delay, self)), out_delay
        )


class StreamingResidual(Twin):
    """The direct path waits for as long as the branch looks ahead."""

    def __init__(self, branch: nn.Module, direct: nn.Module) -> None:
        super().__init__()
        self.branch = branch
        self.direct = direct

    def forward(self, x: Tensor) -> Tensor:
        delayed: Tensor = self.direct(x)
        return delayed + self.branch(x)


class _Branches(nn.Module):
    """Two branches over one input, of one rate; `channels` is what each of them gives."""

    product = False

    def __init__(self, channels: tuple[int, int], first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.channels = channels
        self.first = first
        self.second = second

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.first(x)
        return y * self.second(x) if self.product else y + self.second(x)

    def streamed(self, delay: int) -> Streamed:
        streamed = [convert(branch, delay) for branch in (self.first, self.second)]
        latest = max(branch.delay for branch in streamed)
        first, second = (
            nn.Sequential(twin, _wait(channels, latest - lag, self)) if lag < latest else twin
            for channels, (twin, lag) in zip(self.channels, streamed, strict=True)
        )
        return Streamed(StreamingBranches(first, second, self.product), latest)


class Sum(_Branches):
    """The sum of two branches."""


class Gate(_Branches):
    """The product of two branches: a signal and its gain."""

    product = True


class StreamingBranches(Twin):
    """Twin of `Sum` and `Gate`: the branch that looks less far ahead waits for the other."""

    def __init__(self, first: nn.Module, second: nn.Module, product: bool) -> None:
        super().__init__()
        self.first = first
        self.second = second
        self.product = product

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.first(x)
        z: Tensor = self.second(x)
        return y * z if self.product else y + z


def _wait(channels: int, frames: int, like: nn.Module) -> nn.Module:
    if frames == 0:
        return nn.Identity()
    dtype = next((p.dtype for p in like.parameters()), torch.float32)
    return Delay(channels, frames, dtype)

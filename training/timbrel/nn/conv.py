"""Convolutions with stated look-ahead, offline and streaming."""

from enum import Enum

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from timbrel.nn.streaming import Streamed, Twin, history


class Padding(Enum):
    """Where a layer's context lies."""

    CENTRED = "centred"  #: half past, half future ("same"): best quality, needs look-ahead
    CAUSAL = "causal"  #: all past: no look-ahead at all


class Conv1d(nn.Conv1d):
    """``(batch, in_channels, n) -> (batch, out_channels, n / stride)``, n a multiple of the stride.

    Output frame j sees the input frames from ``j * stride - past`` on. A causal layer's last frame
    is the newest of its own stride, so that it never waits; a centred one has `past` frames of
    context on its left and what remains on its right.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = False,
        padding: Padding = Padding.CENTRED,
        past: int | None = None,
    ) -> None:
        """`past` overrides the context on the left that `padding` would choose, in input frames."""
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            dilation=dilation,
            groups=groups,
            bias=bias,
        )
        reach = (kernel_size - 1) * dilation
        if past is None:
            past = reach // 2 if padding is Padding.CENTRED else max(reach + 1 - stride, 0)
        self.past = past
        self.future = max(reach + 1 - stride - past, 0)

    def forward(self, x: Tensor) -> Tensor:
        stride = self.stride[0]
        padded = F.pad(x, (self.past, self.future))
        y = F.conv1d(padded, self.weight, self.bias, stride, 0, self.dilation[0], self.groups)
        return y[..., : x.shape[-1] // stride]

    def streamed(self, delay: int) -> Streamed:
        return self.streamed_as(
            delay, self.weight.detach(), None if self.bias is None else self.bias.detach()
        )

    def streamed_as(self, delay: int, weight: Tensor, bias: Tensor | None) -> Streamed:
        """The twin with other weights of the same shape: a batch norm folded in, for instance."""
        stride, dilation = self.stride[0], self.dilation[0]
        look_ahead = (self.kernel_size[0] - 1) * dilation - self.past
        # Streamed frame j is offline frame j - d. Its newest input, offline frame
        # (j - d) * stride + look_ahead, must have arrived by streamed frame (j + 1) * stride - 1:
        # that bounds d from below, and so does zero.
        out_delay = max(0, -(-(look_ahead + delay - (stride - 1)) // stride))
        # Its oldest input lies this far before its block. The state reaches back to it, and thereby
        # puts every stride on the phase of the offline one, whatever the delay.
        past = out_delay * stride + self.past - delay
        twin = StreamingConv1d(
            weight, bias, past=past, stride=stride, dilation=dilation, groups=self.groups
        )
        return Streamed(twin, out_delay)


class StreamingConv1d(Twin):
    """A convolution over a block, a multiple of the stride, and the `past` frames before it."""

    past_state: Tensor

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        *,
        past: int,
        stride: int,
        dilation: int,
        groups: int,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.clone(), requires_grad=False)
        self.bias = None if bias is None else nn.Parameter(bias.clone(), requires_grad=False)
        self.past = max(past, 0)
        self.skip = max(-past, 0)  # a kernel shorter than its stride may begin inside the block
        self.stride = stride
        self.dilation = dilation
        self.groups = groups
        self.reach = (weight.shape[-1] - 1) * dilation + 1
        self.register_buffer(
            "past_state", torch.zeros(1, weight.shape[1] * groups, self.past, dtype=weight.dtype)
        )

    def forward(self, x: Tensor) -> Tensor:
        frames = x.shape[-1] // self.stride
        joined = torch.cat([history(self.past_state, x), x], dim=-1)
        self.past_state = joined[..., x.shape[-1] :].clone()
        span = (frames - 1) * self.stride + self.reach
        window = joined[..., self.skip : self.skip + span]
        return F.conv1d(window, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


class ConvTranspose1d(nn.ConvTranspose1d):
    """``(batch, in_channels, n) -> (batch, out_channels, n * stride)``: kernel ``2 * stride``.

    Each input frame spreads over two strides, so consecutive frames overlap by one stride. Centred,
    `stride // 2` samples are cropped at the beginning; causal, none are and nothing is waited for.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        *,
        bias: bool = False,
        padding: Padding = Padding.CENTRED,
    ) -> None:
        super().__init__(in_channels, out_channels, 2 * stride, stride=stride, bias=bias)
        self.crop = stride // 2 if padding is Padding.CENTRED else 0

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        y = F.conv_transpose1d(x, self.weight, self.bias, self.stride[0])
        return y[..., self.crop : self.crop + x.shape[-1] * self.stride[0]]

    def streamed(self, delay: int) -> Streamed:
        bias = None if self.bias is None else self.bias.detach()
        twin = StreamingConvTranspose1d(self.weight.detach(), bias, self.stride[0])
        return Streamed(twin, delay * self.stride[0] + self.crop)


class StreamingConvTranspose1d(Twin):
    """Overlap-add: the last stride of each block waits as state for the next one."""

    overlap_state: Tensor

    def __init__(self, weight: Tensor, bias: Tensor | None, stride: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.clone(), requires_grad=False)
        channels = weight.shape[1]
        # Added after the overlap, or the overlapping halves would carry it twice.
        self.bias = (
            None if bias is None else nn.Parameter(bias.clone().reshape(-1, 1), requires_grad=False)
        )
        self.stride = stride
        self.register_buffer("overlap_state", torch.zeros(1, channels, stride, dtype=weight.dtype))

    def forward(self, x: Tensor) -> Tensor:
        y = F.conv_transpose1d(x, self.weight, None, self.stride)
        head = y[..., : self.stride] + history(self.overlap_state, x)
        frames = x.shape[-1] * self.stride
        self.overlap_state = y[..., frames:].clone()
        y = torch.cat([head, y[..., self.stride : frames]], dim=-1)
        if self.bias is not None:
            y = y + self.bias
        return y

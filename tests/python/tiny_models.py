"""Small models in the form that every nn~ reads, for tests of what plays them."""

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

TAPS = [0.5, -0.25, 0.125]


class Filter(nn.Module):
    """A short FIR filter with a streaming state, so that a lost or doubled block shows."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.register_buffer("forward_params", torch.tensor([channels, 1, channels, 1]))
        self.register_buffer("taps", torch.tensor(TAPS).flip(0).repeat(channels, 1, 1))
        self.register_buffer("past", torch.zeros(1, channels, len(TAPS) - 1))
        self.channels = channels

    @torch.jit.export
    def get_methods(self) -> list[str]:
        return ["forward"]

    def forward(self, x: Tensor) -> Tensor:
        joined = torch.cat([self.past.expand(x.shape[0], -1, -1), x], -1)
        # A view of the input: the host must not hand over memory that it uses again.
        self.past = joined[..., -2:]
        return nn.functional.conv1d(joined, self.taps, groups=self.channels)


class Instrument(nn.Module):
    """Encode to two latents per 512 samples, decode, both, with labels and an attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.ratio = 512
        self.register_buffer("encode_params", torch.tensor([1, 1, 2, 512]))
        self.register_buffer("decode_params", torch.tensor([2, 512, 1, 1]))
        self.register_buffer("forward_params", torch.tensor([1, 1, 1, 1]))
        self.register_buffer("brightness_params", torch.tensor([2]))
        self.encode_input_labels = ["(signal) sound"]
        self.encode_output_labels = ["(signal) level", "(signal) peak"]
        self.brightness = (0.5,)

    @torch.jit.export
    def get_methods(self) -> list[str]:
        return ["encode", "decode", "forward"]

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        return ["brightness"]

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        frames = x.reshape(x.shape[0], -1, self.ratio)
        return torch.stack([frames.abs().mean(-1), frames.amax(-1)], 1)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        return (z[:, :1] + 0.25 * z[:, 1:]).repeat_interleave(self.ratio, -1)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))


class Thirds(nn.Module):
    """Methods with ratios of which none is a multiple of the others."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("encode_params", torch.tensor([1, 1, 1, 3]))
        self.register_buffer("forward_params", torch.tensor([1, 4, 1, 4]))

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], 1, -1, 3).mean(-1)

    def forward(self, x: Tensor) -> Tensor:
        return x


class Crowd(nn.Module):
    """Says that it has more channels than a host can make inlets of."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("forward_params", torch.tensor([1, 1, 1 << 17, 1]))

    def forward(self, x: Tensor) -> Tensor:
        return x.expand(-1, 1 << 17, -1)


class Short(nn.Module):
    """Returns one sample less than it says."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("forward_params", torch.tensor([1, 1, 1, 1]))

    def forward(self, x: Tensor) -> Tensor:
        return x[..., 1:]


class Endless(nn.Module):
    """Works for as many blocks as a warm-up may take, then never returns."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("forward_params", torch.tensor([1, 1, 1, 1]))
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        while bool(self.calls > 4):
            self.calls += 1
        return x


class Breaking(nn.Module):
    """Works for as many blocks as a warm-up may take, then raises."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("forward_params", torch.tensor([1, 1, 1, 1]))
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        if bool(self.calls > 4):
            raise RuntimeError("the fifth block is too much")
        return x


def save(model: nn.Module, path: Path, metadata: str = "") -> Path:
    """Scripts a model into a file, with a `timbrel.json` where `metadata` is given."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, and what every host reads
        scripted = torch.jit.script(model.eval())
        torch.jit.save(scripted, str(path), {"timbrel.json": metadata} if metadata else {})
    return path


def stepped(path: Path, x: Tensor, block: int, method: str = "forward") -> Tensor:
    """What the file gives in torch, block by block: (channels, frames) in and out."""
    model = torch.jit.load(str(path))
    with torch.no_grad():
        blocks = [getattr(model, method)(part[None])[0] for part in x.split(block, -1)]
    return torch.cat(blocks, -1)

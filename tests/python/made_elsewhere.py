"""Writes models with whichever `nn_tilde` is on the path: 1.3, 1.5 and 1.6 each have their ways.

python made_elsewhere.py FOLDER
"""

import sys
from pathlib import Path

import cached_conv
import nn_tilde
import torch
from torch import Tensor, nn

RATIOS = (1, 512, 2048)
FRAME = 2048
GENERATES = hasattr(nn_tilde, "Buffer")
"""From 1.6 on, getters and setters follow from the attributes, and buffers can be among these."""


class Converter(nn_tilde.Module):
    """From any ratio to any other; half of the value before is added, across blocks too."""

    def __init__(self, in_ratio: int, out_ratio: int) -> None:
        super().__init__()
        self.in_ratio = in_ratio
        self.out_ratio = out_ratio
        self.register_buffer("past", torch.zeros(8, 2, 1))
        self.register_method("forward", 1, in_ratio, 2, out_ratio)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.cat([x, 0.25 * x.flip(1)], 1).repeat_interleave(self.in_ratio, -1)
        y = y.reshape(x.shape[0], 2, -1, self.out_ratio).mean(-1)
        joined = torch.cat([self.past[: x.shape[0]], y], -1)
        self.past[: x.shape[0]] = y[..., -1:]
        return y + 0.5 * joined[..., :-1]


class Several(nn_tilde.Module):
    """Four methods of different ratios that share a state: a value that each of them moves."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("level", torch.zeros(8, 1, 1))
        self.register_method("forward", 2, 1, 1, 1, ["left", "right"], ["sum"])
        self.register_method("encode", 1, 1, 3, 2048)
        self.register_method("decode", 3, 2048, 1, 1)
        self.register_method("follow", 1, 1, 1, 512)

    def moved(self, y: Tensor) -> Tensor:
        y = y + self.level[: y.shape[0]]
        self.level[: y.shape[0]] = 0.5 * y[..., -1:].mean(1, keepdim=True)
        return y

    def forward(self, x: Tensor) -> Tensor:
        return self.moved(x.sum(1, keepdim=True))

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        frames = x.reshape(x.shape[0], -1, 2048)
        return self.moved(torch.stack([frames.mean(-1), frames.amax(-1), frames.amin(-1)], 1))

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        return self.moved(z.sum(1, keepdim=True).repeat_interleave(2048, -1))

    @torch.jit.export
    def follow(self, x: Tensor) -> Tensor:
        return self.moved(x.reshape(x.shape[0], 1, -1, 512).abs().mean(-1))


class Written(nn_tilde.Module):
    """Attributes as all had to be written before 1.6: a getter and a setter for each."""

    switch: tuple[bool]
    count: tuple[int]
    gain: tuple[float]
    word: tuple[str]
    table: tuple[Tensor]
    pair: tuple[float, int]

    def __init__(self) -> None:
        super().__init__()
        self.register_attribute("switch", False)
        self.register_attribute("count", 3)
        self.register_attribute("gain", 0.5)
        self.register_attribute("word", "soft")
        self.register_attribute("table", torch.ones(4))
        self.register_attribute("pair", (0.25, 7))
        self.register_method("forward", 1, 1, 1, 1)

    @torch.jit.export
    def get_switch(self) -> bool:
        return self.switch[0]

    @torch.jit.export
    def set_switch(self, x: bool) -> int:
        self.switch = (x,)
        return 0

    @torch.jit.export
    def get_count(self) -> int:
        return self.count[0]

    @torch.jit.export
    def set_count(self, x: int) -> int:
        if x < 0:
            return -1
        self.count = (x,)
        return 0

    @torch.jit.export
    def get_gain(self) -> float:
        return self.gain[0]

    @torch.jit.export
    def set_gain(self, x: float) -> int:
        self.gain = (x,)
        return 0

    @torch.jit.export
    def get_word(self) -> str:
        return self.word[0]

    @torch.jit.export
    def set_word(self, x: str) -> int:
        self.word = (x,)
        return 0

    @torch.jit.export
    def get_table(self) -> Tensor:
        return self.table[0]

    @torch.jit.export
    def set_table(self, x: Tensor) -> int:
        self.table = (x,)
        return 0

    @torch.jit.export
    def get_pair(self) -> tuple[float, int]:
        return self.pair

    @torch.jit.export
    def set_pair(self, x: float, y: int) -> int:
        self.pair = (x, y)
        return 0

    def forward(self, x: Tensor) -> Tensor:
        offset = float(self.switch[0]) + self.count[0] + 0.5 * len(self.word[0])
        offset += float(self.table[0].sum()) + self.pair[0] * self.pair[1]
        return self.gain[0] * x + offset


if GENERATES:

    class Generated(nn_tilde.Module):
        """The same without a getter or setter, with buffers, and a list of every type."""

        def __init__(self) -> None:
            super().__init__()
            self.register_attribute("switch", False)
            self.register_attribute("count", 3)
            self.register_attribute("gain", 0.5)
            self.register_attribute("word", "soft")
            self.register_attribute("table", torch.ones(4))
            self.register_attribute("wave", nn_tilde.Buffer(None, 2, 1000))
            self.register_attribute("numbers", [0.25, 0.5, 2.0])
            self.register_attribute(
                "mixed", (True, 2, 0.25, "name", torch.zeros(3), nn_tilde.Buffer(None, -1, -1))
            )
            self.register_method("forward", 1, 1, 1, 1)

        def forward(self, x: Tensor) -> Tensor:
            offset = float(self.switch[0]) + self.count[0] + 0.5 * len(self.word[0])
            offset += float(self.table[0].sum()) + self.numbers[0] * self.numbers[1]
            offset += self.numbers[2] + float(self.mixed[0]) + self.mixed[1] + self.mixed[2]
            offset += 0.25 * len(self.mixed[3]) + float(self.mixed[4].sum())
            for buffer in (self.wave[0], self.mixed[5]):
                offset += float(buffer.value.sum()) + buffer.sr / 48000
            return self.gain[0] * x + offset


class Convolutions(nn_tilde.Module):
    """An encoder and a decoder as RAVE builds them, of cached convolutions, with a residual."""

    def __init__(self, examples: int) -> None:
        super().__init__()
        cached_conv.use_cached_conv(True)
        cached_conv.convs.MAX_BATCH_SIZE = cached_conv.MAX_BATCH_SIZE = examples
        torch.manual_seed(0)

        def conv(channels: int, out: int, kernel: int, stride: int, delay: int = 0) -> nn.Module:
            padding = cached_conv.get_padding(kernel, stride)
            return cached_conv.Conv1d(
                channels, out, kernel, stride, padding=padding, cumulative_delay=delay
            )

        residual = cached_conv.AlignBranches(conv(8, 8, 5, 1), nn.Identity(), delays=[2, 0])
        first = conv(1, 8, 17, 8)
        self.first = first
        self.residual = residual
        self.second = conv(8, 8, 17, 8, first.cumulative_delay + residual.cumulative_delay)
        self.third = conv(8, 4, 17, 8, self.second.cumulative_delay)
        self.up = cached_conv.CachedSequential(
            cached_conv.ConvTranspose1d(4, 8, 16, 8, padding=4),
            nn.LeakyReLU(0.2),
            cached_conv.ConvTranspose1d(8, 8, 16, 8, padding=4),
            nn.LeakyReLU(0.2),
            cached_conv.ConvTranspose1d(8, 1, 16, 8, padding=4),
        )
        self.register_method("encode", 1, 1, 4, 512)
        self.register_method("decode", 4, 512, 1, 1)
        self.register_method("forward", 1, 1, 1, 1)

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        y = torch.relu(self.first(x))
        y = torch.stack(self.residual(y)).sum(0)
        return self.third(torch.relu(self.second(torch.relu(y))))

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        return torch.tanh(self.up(z))

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))


def main(folder: Path) -> None:
    models: dict[str, nn_tilde.Module] = {"written": Written(), "several": Several()}
    if GENERATES:
        models["generated"] = Generated()
    for in_ratio in RATIOS:
        for out_ratio in RATIOS:
            models[f"from_{in_ratio}_to_{out_ratio}"] = Converter(in_ratio, out_ratio)
    for name, model in models.items():
        model.export_to_ts(str(folder / f"{name}.ts"))
    # What is exported before the next is made: the room for examples is the package's global.
    for examples in (4, 1):
        model = Convolutions(examples)
        model.export_to_ts(str(folder / f"convolutions_for_{examples}.ts"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Models that are spoken to: attributes of every type, random numbers, a level of their own."""

import torch
from torch import Tensor, nn


class Level(nn.Module):
    """The input times a level of its own and a gain that is an attribute; two methods."""

    def __init__(self, level: float, ratio: int = 1) -> None:
        super().__init__()
        self.register_buffer("forward_params", torch.tensor([1, ratio, 1, ratio]))
        self.register_buffer("half_params", torch.tensor([1, 1, 1, 1]))
        self.register_buffer("gain_params", torch.tensor([2]))
        self.level = level
        self.gain = 1.0

    @torch.jit.export
    def get_methods(self) -> list[str]:
        return ["forward", "half"]

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        return ["gain"]

    @torch.jit.export
    def set_gain(self, gain: float) -> int:
        if gain < 0.0:
            return 1
        self.gain = gain
        return 0

    @torch.jit.export
    def get_gain(self) -> tuple[float]:
        return (self.gain,)

    @torch.jit.export
    def half(self, x: Tensor) -> Tensor:
        return 0.5 * self.gain * self.level * x

    def forward(self, x: Tensor) -> Tensor:
        return self.gain * self.level * x


class Dice(nn.Module):
    """Noise from torch's own generator, through several of its operators."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("forward_params", torch.tensor([1, 1, 1, 1]))

    def forward(self, x: Tensor) -> Tensor:
        uniform = torch.rand(x.shape[0], 1, x.shape[2])
        coins = torch.bernoulli(torch.full_like(x, 0.5))
        return x + torch.randn_like(x) + uniform * coins


class Knobs(nn.Module):
    """One attribute of every type, and one of several; their sum is added to the input."""

    table: Tensor
    wave: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("forward_params", torch.tensor([1, 1, 1, 1]))
        for name, types in {
            "switch": [0],
            "count": [1],
            "gain": [2],
            "word": [3],
            "table": [4],
            "wave": [5],
            "mixed": [2, 3, 1],
        }.items():
            self.register_buffer(f"{name}_params", torch.tensor(types))
        self.switch = False
        self.count = 0
        self.gain = 0.0
        self.word = "none"
        self.table = torch.zeros(1)
        self.wave_name = "none"
        self.wave = torch.zeros(1, 1)
        self.wave_rate = 0
        self.mixed = (0.0, "none", 0)

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        return ["switch", "count", "gain", "word", "table", "wave", "mixed"]

    @torch.jit.export
    def get_buffer_attributes(self) -> list[str]:
        return ["wave#0"]

    @torch.jit.export
    def set_buffer_attribute(self, name: str, samples: Tensor, rate: int) -> int:
        self.wave = samples
        self.wave_rate = rate
        return 0

    @torch.jit.export
    def clear_buffer_attribute(self, name: str) -> None:
        self.wave = torch.zeros(1, 1)

    @torch.jit.export
    def set_switch(self, switch: bool) -> int:
        self.switch = switch
        return 0

    @torch.jit.export
    def get_switch(self) -> bool:
        return self.switch

    @torch.jit.export
    def set_count(self, count: int) -> int:
        self.count = count
        return 0

    @torch.jit.export
    def get_count(self) -> list[int]:
        return [self.count]

    @torch.jit.export
    def set_gain(self, gain: float) -> int:
        self.gain = gain
        return 0

    @torch.jit.export
    def get_gain(self) -> float:
        return self.gain

    @torch.jit.export
    def set_word(self, word: str) -> int:
        self.word = word
        return 0

    @torch.jit.export
    def get_word(self) -> str:
        return self.word

    @torch.jit.export
    def set_table(self, table: Tensor) -> int:
        self.table = table
        return 0

    @torch.jit.export
    def get_table(self) -> Tensor:
        return self.table

    @torch.jit.export
    def set_wave(self, wave: str) -> int:
        self.wave_name = wave
        return 0

    @torch.jit.export
    def get_wave(self) -> str:
        return self.wave_name

    @torch.jit.export
    def set_mixed(self, amount: float, word: str, count: int) -> int:
        self.mixed = (amount, word, count)
        return 0

    @torch.jit.export
    def get_mixed(self) -> tuple[float, str, int]:
        return self.mixed

    def forward(self, x: Tensor) -> Tensor:
        total = float(self.switch) + self.count + self.gain + len(self.word)
        total = total + float(self.table.sum()) + float(self.wave.sum()) + self.wave_rate
        return x + total


class Laborious(nn.Module):
    """The input, after some ten milliseconds of work."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("forward_params", torch.tensor([1, 1, 1, 1]))
        self.register_buffer("matrix", torch.zeros(256, 256))

    def forward(self, x: Tensor) -> Tensor:
        y = self.matrix
        for _ in range(10):
            y = y @ self.matrix
        return x + y[0, 0]

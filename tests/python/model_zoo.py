"""Models that are hard to play: attributes, noise, state in odd places, bad manners."""

import torch
from torch import Tensor, nn


def declare(module: nn.Module, method: str, *params: int) -> None:
    module.register_buffer(f"{method}_params", torch.tensor(params))


class Table:
    """What a model keeps of a buffer of the host."""

    def __init__(self) -> None:
        self.samples = torch.zeros(0, 0)
        self.rate = 0

    def fill(self, samples: Tensor, rate: int) -> int:
        if samples.shape[-1] > 8:
            return -1
        self.samples = samples
        self.rate = rate
        return 0


class Attributes(nn.Module):
    """One attribute of every type, and those that older files have."""

    tables: tuple[Table, float]

    def __init__(self) -> None:
        super().__init__()
        declare(self, "forward", 1, 1, 1, 1)
        self.register_buffer("enabled_params", torch.tensor([0]))
        self.register_buffer("count_params", torch.tensor([1]))
        self.register_buffer("gain_params", torch.tensor([2]))
        self.register_buffer("mode_params", torch.tensor([3]))
        self.register_buffer("weights_params", torch.tensor([4]))
        self.register_buffer("wave_params", torch.tensor([5, 2]))
        self.register_buffer("mixed_params", torch.tensor([2, 1, 3, 0]))
        self.register_buffer("lists_params", torch.tensor([4, 1, 4, 3]))
        self.register_buffer("picky_params", torch.tensor([2]))
        self.register_buffer("silent_params", torch.tensor([2]))
        self.register_buffer("unannotated_params", torch.tensor([2]))
        self.enabled = True
        self.count = 3
        self.gain = 0.5
        self.mode = "soft"
        self.weights = torch.ones(2)
        self.wave = (Table(), 1.0)
        self.mixed = (0.25, 7, "seven", False)
        self.lists = (torch.zeros(1), 0, torch.zeros(2), "none")
        self.picky = 1.0
        self.silent = 0.0
        self.unannotated = torch.zeros(1)
        self.undeclared = [1.0, 2.0]
        self.rate = 0

    @torch.jit.export
    def get_methods(self) -> list[str]:
        return ["forward"]

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        return [
            "none", "enabled", "count", "gain", "mode", "weights", "wave", "mixed", "lists",
            "picky", "silent", "unannotated", "undeclared", "fixed", "rate",
        ]  # fmt: skip

    @torch.jit.export
    def get_buffer_attributes(self) -> list[str]:
        return ["wave#0"]

    @torch.jit.export
    def set_buffer_attribute(self, name: str, samples: Tensor, rate: int) -> int:
        return self.wave[0].fill(samples, rate) if name == "wave#0" else -1

    @torch.jit.export
    def clear_buffer_attribute(self, name: str) -> None:
        if name == "wave#0":
            self.wave[0].samples = torch.zeros(0, 0)

    @torch.jit.export
    def set_sample_rate(self, rate: int) -> None:
        self.rate = rate

    @torch.jit.export
    def get_rate(self) -> int:
        return self.rate

    @torch.jit.export
    def set_enabled(self, enabled: bool) -> int:
        self.enabled = enabled
        return 0

    @torch.jit.export
    def get_enabled(self) -> bool:
        return self.enabled

    @torch.jit.export
    def set_count(self, count: int) -> int:
        self.count = count
        return 0

    @torch.jit.export
    def get_count(self) -> int:
        return self.count

    @torch.jit.export
    def set_gain(self, gain: float) -> int:
        self.gain = gain
        return 0

    @torch.jit.export
    def get_gain(self) -> tuple[float]:
        return (self.gain,)

    @torch.jit.export
    def set_mode(self, mode: str) -> int:
        self.mode = mode
        return 0

    @torch.jit.export
    def get_mode(self) -> list[str]:
        return [self.mode]

    @torch.jit.export
    def set_weights(self, weights: Tensor) -> int:
        assert weights.dim() == 1
        self.weights = weights
        return 0

    @torch.jit.export
    def get_weights(self) -> Tensor:
        return self.weights

    @torch.jit.export
    def set_wave(self, slot: str, level: float) -> int:
        if slot != "wave#0":
            return 1
        if level < 0:
            raise RuntimeError("wave has no negative level")
        self.wave = (self.wave[0], level)
        return 0

    @torch.jit.export
    def get_wave(self) -> tuple[Tensor, int, float]:
        return self.wave[0].samples, self.wave[0].rate, self.wave[1]

    @torch.jit.export
    def set_mixed(self, a: float, b: int, c: str, d: bool) -> int:
        self.mixed = (a, b, c, d)
        return 0

    @torch.jit.export
    def get_mixed(self) -> tuple[float, int, str, bool]:
        return self.mixed

    @torch.jit.export
    def set_lists(self, first: Tensor, count: int, second: Tensor, name: str) -> int:
        self.lists = (first, count, second, name)
        return 0

    @torch.jit.export
    def get_lists(self) -> tuple[Tensor, int, Tensor, str]:
        return self.lists

    @torch.jit.export
    def set_picky(self, value: float) -> int:
        """Refuses negative values, and in several ways those above ten, which it takes before."""
        self.picky = value
        if value > 40:
            assert value < 50
        if value > 30:
            return int(torch.zeros(2))
        if value > 20:
            raise ValueError("picky takes no more than\ntwenty")
        if value > 10:
            raise ValueError("more than ten is too much")
        return 3 if value < 0 else 0

    @torch.jit.export
    def get_picky(self) -> float:
        return self.picky

    @torch.jit.export
    def set_silent(self, value: float) -> None:
        self.silent = value

    @torch.jit.export
    def get_silent(self) -> float:
        return self.silent

    @torch.jit.export
    def set_unannotated(self, value):
        self.unannotated = value * torch.ones(1)
        return 0

    @torch.jit.export
    def get_unannotated(self) -> Tensor:
        return self.unannotated

    @torch.jit.export
    def set_undeclared(self, first: float, second: float) -> int:
        self.undeclared = [first, second]
        return 0

    @torch.jit.export
    def get_undeclared(self) -> list[float]:
        return self.undeclared

    @torch.jit.export
    def get_fixed(self) -> int:
        return 42

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gain if self.enabled else torch.zeros_like(x)


class Draws(nn.Module):
    """Every way in which a model draws random numbers, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        declare(self, "forward", 1, 1, 1, 1)
        self.scale = nn.Parameter(torch.ones(1))
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[-1]
        y = torch.randn(n) + torch.rand(n) + torch.randint(-4, 5, (n,)) / 4
        y = y + torch.randn_like(y) + torch.rand_like(y) + torch.randint_like(y, 3)
        y = y + torch.normal(0.0, 1.0, (n,)) + torch.normal(y, 1.0)
        y = y + torch.bernoulli(torch.full((n,), 0.5)) + torch.randperm(n) / n
        y = y + torch.multinomial(torch.ones(n), n, True) / n + torch.poisson(torch.ones(n))
        y = y + torch.empty(n).uniform_() + torch.empty(n).normal_() + torch.empty(n).exponential_()
        y = y + nn.functional.dropout(torch.ones(n), 0.5, True)
        y = y + nn.functional.gumbel_softmax(torch.zeros(1, n), 1.0, False)[0]
        return self.scale * y.expand_as(x) + 0 * x


class Stochastic(nn.Module):
    """White noise of the shape of its input, and so another for each example of a batch."""

    def __init__(self) -> None:
        super().__init__()
        declare(self, "forward", 1, 1, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.randn_like(x)


class ForOne(nn.Module):
    """An accumulator whose state has room for one example, as many existing files have."""

    def __init__(self, noisy: bool = False) -> None:
        super().__init__()
        declare(self, "forward", 1, 1, 1, 1)
        self.register_buffer("total", torch.zeros(1, 1, 1))
        self.register_buffer("start_params", torch.tensor([2]))
        self.start = 0.0
        self.noisy = noisy

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        return ["start"]

    @torch.jit.export
    def get_start(self) -> float:
        return self.start

    @torch.jit.export
    def set_start(self, start: float) -> int:
        self.start = start
        return 0

    def forward(self, x: Tensor) -> Tensor:
        y = self.total + x.cumsum(-1)
        self.total.copy_(y[..., -1:])
        return y + self.start + (torch.randn_like(y) if self.noisy else 0 * y)


class Cell:
    """State in an object that is no module."""

    def __init__(self) -> None:
        self.value = torch.zeros(1)
        self.past = [torch.zeros(1)]


class Nested(nn.Module):
    """Adds up its blocks in every place where TorchScript can hold a tensor; the sum of all."""

    tupled: tuple[Cell, Tensor]
    listed: list[Tensor]
    mapped: dict[str, Tensor]

    def __init__(self) -> None:
        super().__init__()
        declare(self, "forward", 1, 1, 1, 1)
        self.weight = nn.Parameter(torch.ones(1))
        self.tupled = (Cell(), torch.zeros(1))
        self.listed = [torch.zeros(1), torch.zeros(1)]
        self.mapped = {"a": torch.zeros(1)}
        self.inner = nn.Sequential(nn.BatchNorm1d(1))

    def forward(self, x: Tensor) -> Tensor:
        step = x.mean() * self.weight
        self.tupled[0].value += step
        self.tupled[0].past[0] += step
        self.tupled[1].add_(step)
        for item in self.listed:
            item.add_(step)
        self.mapped["a"].add_(step)
        total = self.tupled[0].value + self.tupled[0].past[0] + self.tupled[1]
        return (total + self.listed[0] + self.listed[1] + self.mapped["a"]).expand_as(x) + 0 * x


class Coder(nn.Module):
    """Encode, decode and forward that fit each other, unless told otherwise."""

    def __init__(self, latents: int = 2, bias: float = 0.0, noise: float = 0.1) -> None:
        super().__init__()
        self.ratio = 64
        self.bias = bias
        self.noise = noise
        declare(self, "encode", 1, 1, 2, self.ratio)
        declare(self, "decode", latents, self.ratio, 1, 1)
        declare(self, "forward", 1, 1, 1, 1)
        self.register_buffer("past", torch.zeros(1, 1, 1))

    @torch.jit.export
    def get_methods(self) -> list[str]:
        return ["encode", "decode", "forward"]

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        frames = x.reshape(x.shape[0], 1, -1, self.ratio)
        z = torch.cat([frames.mean(-1), frames.std(-1)], 1)
        return z + self.noise * torch.randn_like(z)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        y = z.sum(1, keepdim=True).repeat_interleave(self.ratio, -1)
        y = y + self.past.expand(z.shape[0], -1, -1)
        self.past = y[..., -1:] * 0.5
        return y

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x)) + self.bias


class BadManners(nn.Module):
    """Does in `forward` what `how` says."""

    def __init__(self, how: str) -> None:
        super().__init__()
        declare(self, "forward", 1, 1, 1, 1)
        self.how = how

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "long":
            return torch.cat([x, x], -1)
        if self.how == "flat":
            return x.flatten()
        if self.how == "nan":
            return x / 0 * 0
        if self.how == "double":
            x = x.double()
        if self.how == "complex":
            x = torch.complex(x, x)
        if self.how == "sparse":
            x = x.to_sparse()
        while self.how == "endless":
            x = x + 1
        return x


class NotATensor(nn.Module):
    """Returns a list."""

    def __init__(self) -> None:
        super().__init__()
        declare(self, "forward", 1, 1, 1, 1)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [x]


class Params(nn.Module):
    """Declares `forward` by whatever it is given."""

    def __init__(self, params: object) -> None:
        super().__init__()
        if isinstance(params, Tensor):
            self.register_buffer("forward_params", params)
        elif params is not None:
            self.forward_params = params

    def forward(self, x: Tensor) -> Tensor:
        return x


class Introduced(Params):
    """Introduces itself by what `how` says."""

    def __init__(self, how: str) -> None:
        super().__init__(torch.tensor([1, 1, 1, 1]))
        self.how = how
        self.forward_input_labels = [1, 2, 3]
        self.forward_output_labels = "no list"

    @torch.jit.export
    def get_methods(self) -> list[str]:
        while self.how == "endless":
            self.how = str(self.how)
        if self.how == "throws":
            raise RuntimeError("no methods today")
        return ["forward", "forward", "absent", "", "a\nb"] if self.how == "rubbish" else []

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        if self.how == "rubbish":
            raise RuntimeError("no attributes today")
        return []


class Numbered(Params):
    """Lists its methods as numbers."""

    @torch.jit.export
    def get_methods(self) -> list[int]:
        return [1, 2]

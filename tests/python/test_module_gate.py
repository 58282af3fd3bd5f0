"""The gate: what is exported plays in a patch as in Python, and what is not says what to change."""

import re
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import timbrel
from timbrel.errors import UserError
from timbrel.export.file import read_metadata
from timbrel.nn import CounterNoise, Past


class Follower(timbrel.Module):
    """Its level moves on by one step per block, however long the block is."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("level", torch.zeros(1))

    @timbrel.method(channels=1)
    def forward(self, x: Tensor) -> Tensor:
        self.level = 0.9 * self.level + 0.1 * x.abs().mean()
        return x * self.level


class Padded(timbrel.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Conv1d(1, 1, 9, padding=4)

    @timbrel.method(channels=1)
    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


class Forgetful(timbrel.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.GRU(1, 1, batch_first=True)

    @timbrel.method(channels=1)
    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.transpose(1, 2))[0].transpose(1, 2)


class Restarting(timbrel.Module):
    @timbrel.method(channels=1)
    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sin(0.1 * torch.arange(x.shape[-1]))


class WrongRatio(timbrel.Module):
    @timbrel.method(channels=1, out_ratio=512)
    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], 1, -1, 256).mean(-1)


class Shortening(timbrel.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv1d(1, 1, 4)

    @timbrel.method(channels=1)
    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


class WrongChannels(timbrel.Module):
    @timbrel.method(in_channels=1, out_channels=2)
    def forward(self, x: Tensor) -> Tensor:
        return x


class Doubled(timbrel.Module):
    @timbrel.method(channels=1)
    def forward(self, x: Tensor) -> Tensor:
        return x.double() * 0.5


class Flat(timbrel.Module):
    @timbrel.method(channels=1)
    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0]


class OneExample(timbrel.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("last", torch.zeros(1, 1, 1))

    @timbrel.method(channels=1)
    def forward(self, x: Tensor) -> Tensor:
        joined = torch.cat([self.last, x], dim=-1)
        self.last = x[..., -1:]
        return joined[..., 1:] - joined[..., :-1]


class Mingling(timbrel.Module):
    @timbrel.method(channels=1)
    def forward(self, x: Tensor) -> Tensor:
        return x - 0.5 * x.mean(0, keepdim=True)


class Logarithm(timbrel.Module):
    @timbrel.method(channels=1)
    def forward(self, x: Tensor) -> Tensor:
        return torch.log(x.abs())


class Exploding(timbrel.Module):
    gain = timbrel.attribute(0.0, range=(0.0, 1000.0))

    @timbrel.method(channels=1)
    def forward(self, x: Tensor) -> Tensor:
        return x * torch.exp(torch.tensor(self.gain))


class Hopping(timbrel.Module):
    """Works in groups of 16 samples and does not say so."""

    @timbrel.method(channels=1)
    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], 1, -1, 16).flip(-1).reshape(x.shape)


class Dice(timbrel.Module):
    """Two channels of torch's noise: which comes first depends on the block."""

    @timbrel.method(channels=2)
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.randn_like(x)


class Overstated(timbrel.Module):
    @timbrel.method(channels=1, latency=512)
    def forward(self, x: Tensor) -> Tensor:
        return 0.5 * x


class StrictSetter(timbrel.Module):
    count = timbrel.attribute(1, range=(0, 4))

    def on_count(self) -> None:
        if self.count == 4:
            raise RuntimeError("four is too much")

    @timbrel.method(channels=1)
    def forward(self, x: Tensor) -> Tensor:
        return x * self.count


REFUSALS = {
    Follower: (
        r"`forward` has to give the same in any blocks as at once, but in blocks of 2048 samples it"
        r" differs by .* of the peak, first at sample 0; likely cause: something is computed once "
        r"per block .* compute it per sample, or per group of samples with a ratio"
    ),
    Padded: (
        r"first at sample 204[4-7]; likely cause: the ends of blocks are padded, as by a "
        r"convolution that does not stream; put the past before each block \(timbrel\.nn\.Past\)"
    ),
    Forgetful: (
        r"first at sample 2048; likely cause: what it has to remember from block to block is lost; "
        r"keep it in self: a recurrent layer's state, a position in time"
    ),
    Restarting: r"first at sample 20\d\d; likely cause: what it has to remember",
    WrongRatio: (
        r"`forward` has to give 16 value\(s\) for 8192 samples, as its out_ratio of 512 says, but "
        r"it gave 32; likely cause: its declaration; out_ratio=256 would fit"
    ),
    Shortening: (
        r"`forward` has to give 8192 value\(s\) for 8192 samples, as its out_ratio of 1 says, but "
        r"it gave 8189; likely cause: a convolution or a transform without padding shortens"
    ),
    WrongChannels: (
        r"`forward` has to give 2 channel\(s\), as it states, but it gave 1; likely cause: its "
        r"declaration; out_channels=1 would fit"
    ),
    Doubled: (
        r"`forward` has to give float32, but it gave float64; likely cause: .* end with \.float\(\)"
    ),
    Flat: r"has to give one tensor \(batch, channels, values\), but it gave 2 dimensions",
    OneExample: (
        r"`forward` has to take 8192 samples as \(4, 1, 8192\) with 4 examples at once, but it "
        r"raised: Sizes of tensors must match .*; likely cause: a state is sized for one example, "
        r"and mc\.nn~ and mcs\.nn~ play several; size it by x\.shape\[0\]"
    ),
    Mingling: (
        r"with 4 examples at once for the first of them what it gives for that alone, but it "
        r"differs by .*; likely cause: the examples share a state or an average"
    ),
    Logarithm: (
        r"has to give finite numbers of silence, but it gave infinity; likely cause: a logarithm"
    ),
    Exploding: r"has to give finite numbers with gain at 1000\.0, but it gave infinity",
    Hopping: (
        r"has to take 1 samples as \(1, 1, 1\) in a stream of blocks, but it raised: shape .*; "
        r"likely cause: it needs longer blocks .*\(timbrel\.nn\.Past\), or state a ratio"
    ),
    Dice: (
        r"has to give the same in any blocks as at once, .*; likely cause: its random numbers are "
        r"drawn in an order that depends on the blocks; take them from timbrel\.nn\.CounterNoise"
    ),
    Overstated: (
        r"has to lag by 512 samples, as it states, but an impulse is over 0 samples later; likely "
        r"cause: its declaration; state the latency that it has, or none: then it is measured"
    ),
    StrictSetter: (
        r"attribute `count` has to take 4, which its declaration allows, but its setter answered: "
        r"four is too much; likely cause: on_count"
    ),
}


@pytest.mark.parametrize("refused", REFUSALS, ids=lambda refused: refused.__name__)
def test_what_would_not_play_is_refused_with_the_way_out(
    refused: type[timbrel.Module], tmp_path: Path
) -> None:
    with pytest.raises(UserError) as raised:
        refused().export(tmp_path / "refused.ts")
    message = str(raised.value)
    assert message.startswith("not exported: ")
    assert re.search(REFUSALS[refused], message), message
    assert "\n" not in message
    assert not list(tmp_path.iterdir())


class Late(timbrel.Module):
    def __init__(self) -> None:
        super().__init__()
        self.past = Past(1, 300)

    @timbrel.method(channels=1)
    def forward(self, x: Tensor) -> Tensor:
        return self.past(x)[..., : x.shape[-1]]


class Seldom(timbrel.Module):
    """Answers, one value per 64 samples, five values later."""

    def __init__(self) -> None:
        super().__init__()
        self.past = Past(1, 5)

    @timbrel.method(channels=1, out_ratio=64)
    def forward(self, x: Tensor) -> Tensor:
        z = x.reshape(x.shape[0], 1, -1, 64).mean(-1)
        return self.past(z)[..., : z.shape[-1]]


class Patient(timbrel.Module):
    """Later than the gate's usual signal lasts."""

    def __init__(self) -> None:
        super().__init__()
        self.past = Past(1, 20_000)

    @timbrel.method(channels=1)
    def forward(self, x: Tensor) -> Tensor:
        return self.past(x)[..., : x.shape[-1]]


class LinearPhase(timbrel.Module):
    """Symmetric about sample 8: begins to answer at once, and says what it lags by."""

    def __init__(self) -> None:
        super().__init__()
        self.past = Past(1, 16)
        self.register_buffer("taps", torch.hann_window(17, periodic=False)[None, None] + 0.1)

    @timbrel.method(channels=1, latency=8)
    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.conv1d(self.past(x), self.taps)


@pytest.mark.parametrize(
    ("module", "latency"), [(Late, 300), (Seldom, 320), (Patient, 20_000), (LinearPhase, 8)]
)
def test_latency_is_measured_with_an_impulse_unless_it_is_stated(
    module: type[timbrel.Module], latency: int, tmp_path: Path
) -> None:
    assert module().export(tmp_path / "late.ts")["latency"] == {"forward": latency}


class Seeded(timbrel.Module):
    """One channel of uniform noise, which torch draws in the order of time."""

    amount = timbrel.attribute(0.1, range=(0.0, 1.0))

    @timbrel.method(channels=1)
    def forward(self, x: Tensor) -> Tensor:
        return x + self.amount * torch.rand(x.shape[-1], x.shape[0]).T.unsqueeze(1)


class Counted(timbrel.Module):
    def __init__(self) -> None:
        super().__init__()
        self.noise = CounterNoise()

    @timbrel.method(channels=2)
    def forward(self, x: Tensor) -> Tensor:
        return x + self.noise(x)


class NeverSilent(timbrel.Module):
    level = timbrel.attribute(1.0, range=(0.5, 1.0))

    @timbrel.method(channels=1)
    def forward(self, x: Tensor) -> Tensor:
        return x + self.level * torch.rand(x.shape[-1], x.shape[0]).T.unsqueeze(1)


@pytest.mark.parametrize(
    ("module", "stochastic", "silenced_by"),
    [(Seeded, True, "amount"), (Counted, False, None), (NeverSilent, True, None)],
)
def test_noise_that_keeps_its_order_is_recorded_with_what_silences_it(
    module: type[timbrel.Module], stochastic: bool, silenced_by: str | None, tmp_path: Path
) -> None:
    facts = module().export(tmp_path / "noise.ts")["methods"]["forward"]
    assert facts["stochastic"] is stochastic
    assert facts.get("silenced_by") == silenced_by


class Restless(timbrel.Module):
    """What depends on the block is hidden under noise, and heard when the noise is off."""

    noise = timbrel.attribute(1e6, range=(0.0, None))

    @timbrel.method(channels=1)
    def forward(self, x: Tensor) -> Tensor:
        noise = torch.rand(x.shape[-1], x.shape[0]).T.unsqueeze(1)
        return x * torch.sin(torch.arange(x.shape[-1])) + self.noise * noise


def test_what_noise_hides_is_found_with_the_noise_off(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="with noise at zero the same in any blocks, but it differ"):
        Restless().export(tmp_path / "restless.ts")


def test_a_file_that_is_there_stays_as_it_was_when_its_successor_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.ts"
    path.write_text("the model of yesterday")
    with pytest.raises(UserError):
        Doubled().export(path)
    assert path.read_text() == "the model of yesterday"
    assert list(tmp_path.iterdir()) == [path]


class Halves(timbrel.Module):
    """One method that is fine and one that is not."""

    @timbrel.method(channels=1)
    def forward(self, x: Tensor) -> Tensor:
        return 0.5 * x

    @timbrel.method(channels=1)
    def other(self, x: Tensor) -> Tensor:
        return x / (x.abs().amax(dim=-1, keepdim=True) + 1e-3)


def test_force_writes_the_file_and_records_what_was_found(tmp_path: Path) -> None:
    path = tmp_path / "halves.ts"
    with pytest.raises(UserError, match="not exported: `other` has to give the same"):
        Halves().export(path)
    assert Halves().export(path, force=True) == read_metadata(path)
    metadata = read_metadata(path)
    assert [finding.split(" has to ")[0] for finding in metadata["findings"]] == ["`other`"]
    # Hosts learn the channels of both; what could not be measured is not claimed.
    assert metadata["methods"]["other"]["out_channels"] == 1
    assert "latency" not in metadata["methods"]["other"]
    assert metadata["latency"] == {"forward": 0}

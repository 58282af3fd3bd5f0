"""The discriminators against the paper's and the authors' figures."""

import pytest
import torch
from torch import nn

from timbrel.config import load_preset
from timbrel.model.discriminators import Discriminators
from timbrel.training.config import DiscriminatorConfig


def folded_count(module: nn.Module) -> int:
    """Parameters once weight norm's gains (`original0`) are folded into the weights."""
    names = dict(module.named_parameters())
    return sum(p.numel() for name, p in names.items() if not name.endswith("original0"))


@pytest.mark.parametrize(
    ("config", "count"),
    [
        # The paper's: MelGAN's at three scales, 16.91 M.
        (DiscriminatorConfig(), 16_907_715),
        # The authors' later ones: 7.75 M; with periods, v2's: 27.1 M.
        (DiscriminatorConfig(scale_layers="plain", scale_capacity=64), 7_748_739),
        (load_preset("v2").training.adversarial.discriminator, 27_119_432),
    ],
)
def test_the_counts_are_the_published_ones(config: DiscriminatorConfig, count: int) -> None:
    assert folded_count(Discriminators(config)) == count


ALL = DiscriminatorConfig(
    scales=3,
    scale_capacity=4,
    periods=[2, 3, 7],
    period_capacity=4,
    windows=[512, 128],
    window_capacity=4,
)


@pytest.mark.parametrize("channels", [1, 2])
def test_every_kind_judges_every_example_by_itself(channels: int) -> None:
    torch.manual_seed(0)
    judges = Discriminators(ALL, channels)
    x = torch.randn(3, channels, 4001)
    together = judges(x)
    assert [len(layers) for layers in together] == [7, 7, 7, 5, 5, 5, 6, 6]
    alone = judges(x[1:2])
    for layers, single in zip(together, alone, strict=True):
        assert layers[-1].shape[1] == 1  # one score for each place
        for layer, other in zip(layers, single, strict=True):
            torch.testing.assert_close(layer[1:2], other)


def test_each_scale_has_half_the_rate_of_the_one_before() -> None:
    judges = Discriminators(DiscriminatorConfig(scales=3, scale_capacity=4))
    lengths = [layers[0].shape[-1] for layers in judges(torch.randn(1, 1, 4096))]
    assert lengths == [4096, 2048, 1024]
    # Nothing above an eighth of the rate reaches the third one: averages of pairs cancel it.
    x = torch.randn(1, 1, 4096)
    hiss = torch.tensor([1.0, -1.0]).repeat(2048).reshape(1, 1, -1)
    clean, hissing = (judges(s)[2][0] for s in (x, x + hiss))
    torch.testing.assert_close(clean, hissing, rtol=1e-4, atol=1e-5)


def test_a_period_judge_sees_columns_of_one_phase() -> None:
    judge = Discriminators(DiscriminatorConfig(scales=0, periods=[3], period_capacity=4))
    x = torch.randn(1, 1, 300)
    changed = x.clone()
    changed[..., 1::3] += 1  # phase 1 only
    before, after = judge(x)[0][0], judge(changed)[0][0]
    differs = (before != after).flatten(0, 2).any(dim=0)
    assert differs.tolist() == [False, True, False]


def test_a_spectrum_judge_does_not_mistake_loudness_for_pitch() -> None:
    judge = Discriminators(DiscriminatorConfig(scales=0, windows=[256], window_capacity=4))
    judges = judge.windows[0]
    time = torch.arange(8192) / 256
    low, high = (torch.sin(2 * torch.pi * f * time).reshape(1, 1, -1) for f in (16, 80))
    peaks = []
    judges.layers[0].register_forward_pre_hook(
        lambda _, given: peaks.append(int(given[0][0].square().sum((0, 1)).argmax()))
    )
    judges(low), judges(high)
    assert peaks == [16, 80]


def test_somebody_has_to_judge() -> None:
    with pytest.raises(ValueError, match="stage 2 needs a discriminator"):
        DiscriminatorConfig(scales=0)

"""The autoencoder against the paper's and the authors' figures."""

import pytest
import torch

from timbrel.config import load_preset, preset_names
from timbrel.dsp.spectral import MultiscaleDistance, evaluation_distance, loudness_distance
from timbrel.errors import UserError
from timbrel.model.autoencoder import Autoencoder
from timbrel.model.decoder import filter_noise
from timbrel.model.encoder import Posterior
from timbrel.training.losses import kl_divergence


@pytest.mark.parametrize("preset", preset_names())
def test_every_preset_maps_a_signal_to_latents_and_back(preset: str) -> None:
    config = load_preset(preset).model
    model = Autoencoder(config).eval()
    x = torch.randn(2, 1, 4 * config.ratio)
    with torch.no_grad():
        z = model.encode(x)
        assert z.shape == (2, config.latents, 4)
        assert model.decode(z).shape == x.shape


def test_v1_compresses_by_2048() -> None:
    assert load_preset("v1").model.ratio == 2048


def test_an_untrained_noise_head_is_off_and_quiet_when_on() -> None:
    model = Autoencoder(load_preset("tiny").model).eval()
    z = torch.randn(1, 16, 4)
    with torch.no_grad():
        without = model.decode(z)
        model.decoder.with_noise = True
        added = model.decode(z) - without
    assert 0 < float(added.abs().max()) < 1e-2


def test_a_flat_response_passes_noise_through() -> None:
    # Zero-phase and Hann-windowed, a constant response is an impulse at time zero.
    noise = torch.randn(1, 1, 128, dtype=torch.float64)
    response = torch.full((1, 5, 2), 60.0, dtype=torch.float64)  # saturates the sigmoid: gain 2
    torch.testing.assert_close(filter_noise(response, noise, 64), 2 * noise, rtol=1e-5, atol=1e-5)


def test_kl_is_zero_at_the_prior_and_follows_its_formula() -> None:
    at_prior = Posterior(torch.zeros(2, 4, 8), torch.ones(2, 4, 8))
    assert torch.all(kl_divergence(at_prior) == 0)
    shifted = Posterior(torch.full((1, 4, 8), 3.0), torch.ones(1, 4, 8))
    torch.testing.assert_close(kl_divergence(shifted), torch.tensor([36.0]))


def test_distances_are_zero_for_equals_and_per_example() -> None:
    x = torch.randn(3, 1, 32_768)
    y = x + torch.tensor([0.0, 0.1, 0.5]).reshape(3, 1, 1) * torch.randn(3, 1, 32_768)
    distance = MultiscaleDistance()
    together = distance(x, y)
    assert together[0] == 0
    assert together[1] < together[2]
    apart = torch.cat([distance(a, b) for a, b in zip(x.split(1), y.split(1), strict=True)])
    torch.testing.assert_close(together, apart)
    assert loudness_distance(x, 2 * x).mean() == pytest.approx(0.4805, abs=1e-3)  # ln(2) squared


def test_the_evaluation_distance_is_deaf_below_its_floor() -> None:
    t = torch.arange(32_768) / 44_100
    x = 0.5 * torch.sin(2 * torch.pi * 440 * t).unsqueeze(0)
    hiss = torch.randn(x.shape)
    inaudible = evaluation_distance(x, x + 1e-7 * hiss)
    audible = evaluation_distance(x, x + 1e-3 * hiss)
    assert inaudible < 1e-2 < audible


def test_silence_has_finite_distances_and_gradients() -> None:
    x = torch.zeros(1, 1, 32_768)
    y = torch.zeros(1, 1, 32_768, requires_grad=True)
    total = MultiscaleDistance()(x, y).sum() + loudness_distance(x, y).sum()
    total.backward()
    assert torch.isfinite(total)
    assert y.grad is not None
    assert torch.isfinite(y.grad).all()


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("model.capacitance=32", "model.capacitance: there is no such setting"),
        ("model.capacity=-1", "model.capacity: Input should be greater than or equal to 1"),
        ("model.pqmf.taps=500", "taps must be a multiple of 32"),
        ("model.ratios=[3, 5]", "the product of model.ratios must be even"),
        ("model.noise.strides=[4, 4, 4, 4]", "must divide that of model.ratios"),
        ("training.final_learning_rate=1", "must not exceed training.learning_rate"),
        ("training.segment=5000", "training.segment must be a multiple of 2048"),
        ("training.segment=16384", "training.segment must exceed 16384"),
        ("training.steps=[", "the value is not readable as YAML"),
        ("training.steps=true", "training.steps: Input should be a valid integer"),
        ("training.learning_rate=.inf", "training.learning_rate: Input should be a finite number"),
        ("training.adam_betas=[1, 2]", "training.adam_betas.0: Input should be less than 1"),
        ("model.pqmf.taps=100000000", "model.pqmf.taps: Input should be less than or equal"),
        ("capacity", "is not of the form section.key=value"),
        ("model.capacity.deep=1", "'capacity' is a single value"),
    ],
)
def test_a_wrong_setting_is_named(override: str, complaint: str) -> None:
    with pytest.raises(UserError) as raised:
        load_preset("tiny", [override])
    assert complaint in str(raised.value)


def test_an_unknown_preset_lists_those_that_exist() -> None:
    with pytest.raises(
        UserError, match=r"no preset 'huge'; there are: embedded, low_latency, tiny, v1, v2"
    ):
        load_preset("huge")

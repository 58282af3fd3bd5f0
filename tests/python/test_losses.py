"""The paper's equations as implemented, each against a computation of its own in numpy.

Equations 9 to 14, the latent space, are also in test_latent_space. Nothing computes 1, 3 and 4:
the problem that minimising equation 2 solves, and what the paper says of other models.
"""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.signal import get_window
from scipy.stats import entropy, norm

from timbrel.config import load_preset
from timbrel.dsp.pqmf import PQMF
from timbrel.dsp.spectral import MultiscaleDistance, loudness_distance
from timbrel.errors import UserError
from timbrel.latent.fidelity import fidelity, rank, singular_values
from timbrel.model.encoder import Posterior
from timbrel.training.config import LossConfig
from timbrel.training.losses import (
    SpectralCriterion,
    SpectralLoss,
    beta,
    feature_matching,
    hinge_discriminator,
    hinge_generator,
    kl_divergence,
    padded_frames,
)
from timbrel.training.networks import Draws, Networks

Signal = NDArray[np.float64]
SCALES = (2048, 1024, 512, 256, 128)


def stft(x: Signal, size: int, hop: int) -> Signal:
    """Magnitudes (frames, bins): centred, reflected STFT, Hann window, over sqrt(size)."""
    padded = np.pad(x, size // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    return np.abs(np.fft.rfft(frames * get_window("hann", size), axis=-1)) / np.sqrt(size)


def signals(seed: int, *shape: int) -> tuple[Signal, Signal]:
    rng = np.random.default_rng(seed)
    x = 0.1 * rng.standard_normal(shape)
    return x, x + 0.05 * rng.standard_normal(shape)


def equation_5(x: Signal, y: Signal, logarithm: str) -> float:
    """Of one example (channels, samples)."""
    total = 0.0
    for n in SCALES:
        sx, sy = (np.stack([stft(c, n, n // 4) for c in s]) for s in (x, y))
        total += np.sqrt(((sx - sy) ** 2).sum()) / np.sqrt((sx**2).sum())
        if logarithm == "of_norm":
            total += np.log(np.abs(sx - sy).sum() + 1e-7)
        else:
            total += np.abs(np.log(sx + 1e-7) - np.log(sy + 1e-7)).mean()
    return total


@pytest.mark.parametrize("logarithm", ["mean_difference", "of_norm"])
def test_equation_5_spectral_distance(logarithm: str) -> None:
    x, y = signals(0, 3, 2, 6000)
    distance = MultiscaleDistance(logarithm)
    got = distance(torch.from_numpy(x), torch.from_numpy(y)).numpy()
    expected = [equation_5(a, b, logarithm) for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_equation_5_as_printed_falls_without_end_and_as_coded_does_not() -> None:
    x = torch.from_numpy(signals(1, 1, 1, 6000)[0])
    assert float(MultiscaleDistance("mean_difference")(x, x)) == 0
    assert float(MultiscaleDistance("of_norm")(x, x)) == pytest.approx(5 * np.log(1e-7))


def test_the_loudness_distance_compares_mean_log_spectra() -> None:
    x, y = signals(2, 2, 1, 6000)
    lx, ly = (
        np.log(np.stack([stft(c[0], 2048, 512) for c in s]) + 1e-7).mean(axis=-1) for s in (x, y)
    )
    got = loudness_distance(torch.from_numpy(x), torch.from_numpy(y)).numpy()
    np.testing.assert_allclose(got, ((lx - ly) ** 2).mean(axis=-1), rtol=1e-9)


def posterior(seed: int) -> Posterior:
    rng = np.random.default_rng(seed)
    mean, std = rng.standard_normal((2, 5, 7)), np.exp(0.3 * rng.standard_normal((2, 5, 7)))
    return Posterior(torch.from_numpy(mean), torch.from_numpy(std))


def test_equations_2_and_6_the_divergence_is_that_of_two_normal_distributions() -> None:
    p = posterior(3)
    grid = np.linspace(-30, 30, 20_001)
    expected = np.zeros(2)
    for (example, _, _), mean, std in zip(
        np.ndindex(2, 5, 7), p.mean.flatten(), p.std.flatten(), strict=True
    ):
        q = norm.pdf(grid, float(mean), float(std))
        expected[example] += entropy(q, norm.pdf(grid)) / 7  # mean over time, sum over latents
    np.testing.assert_allclose(kl_divergence(p, "exact").numpy(), expected, rtol=1e-6)
    np.testing.assert_allclose(kl_divergence(p, "doubled").numpy(), 2 * expected, rtol=1e-6)


def test_equation_6_beta_rises_as_configured() -> None:
    assert beta(LossConfig(beta=0.3), 0) == 0.3
    linear = LossConfig(beta=0.3, beta_warmup=100)
    assert [beta(linear, s) for s in (0, 50, 100, 1000)] == pytest.approx([0, 0.15, 0.3, 0.3])
    # In equal ratios: halfway in steps is the geometric mean.
    geometric = LossConfig(beta=0.05, beta_start=1e-6, beta_warmup=20_000)
    assert beta(geometric, 10_000) == pytest.approx(np.sqrt(0.05 * 1e-6))
    assert beta(geometric, 50_000) == pytest.approx(0.05)


SMALL = ["model.capacity=2", "model.latents=4", "training.segment=18432"]
STAGE_2 = [
    "training.adversarial.steps=10",
    "training.adversarial.discriminator.scale_capacity=4",
    "training.adversarial.discriminator.scales=2",
]


def networks(*overrides: str) -> tuple[Networks, torch.Tensor, Draws]:
    config = load_preset("tiny", [*SMALL, *STAGE_2, *overrides])
    torch.manual_seed(0)
    made = Networks(config)
    x = 0.1 * torch.randn(3, 1, 18_432)
    noise = torch.rand(3, 16, 18_432 // 16) * 2 - 1
    return made, x, Draws(torch.randn(3, 4, 9), noise)


@pytest.mark.parametrize("divergence", ["doubled", "exact"])
def test_equation_6_stage_1_minimises_distance_plus_beta_times_divergence(divergence: str) -> None:
    settings = [f"training.loss.divergence={divergence}", "training.loss.beta=0.7"]
    made, x, draws = networks(*settings)
    losses = made("autoencoder", x, draws, step=0)
    made_again = made.reconstruct(x, draws)
    target, bands = (t.detach().double().numpy() for t in (made_again.target, made_again.bands))
    expected = [equation_5(a, b, "mean_difference") for a, b in zip(target, bands, strict=True)]
    np.testing.assert_allclose(losses["bands"].detach(), expected, rtol=1e-4)
    aligned, y = (t.detach().double().numpy() for t in (made_again.aligned, made_again.signal))
    expected = [equation_5(a, b, "mean_difference") for a, b in zip(aligned, y, strict=True)]
    np.testing.assert_allclose(losses["full_band"].detach(), expected, rtol=1e-4)
    parts = losses["bands"] + losses["full_band"] + losses["loudness"]
    kl = kl_divergence(made_again.posterior, divergence)
    torch.testing.assert_close(losses["total"], parts + 0.7 * kl)


def features(seed: int) -> list[list[torch.Tensor]]:
    rng = np.random.default_rng(seed)
    shapes = [[(3, 4, 9), (3, 8, 5), (3, 1, 5)], [(3, 4, 7, 3), (3, 1, 7, 3)]]
    return [[torch.from_numpy(2 * rng.standard_normal(s)) for s in layers] for layers in shapes]


def test_equation_7_hinge() -> None:
    real, fake = features(4), features(5)
    for example in range(3):
        r = [layers[-1][example].numpy() for layers in real]
        f = [layers[-1][example].numpy() for layers in fake]
        judge = sum(
            np.maximum(0, 1 - a).mean() + np.maximum(0, 1 + b).mean()
            for a, b in zip(r, f, strict=True)
        )
        assert float(hinge_discriminator(real, fake)[example]) == pytest.approx(judge)
        assert float(hinge_generator(fake)[example]) == pytest.approx(-sum(b.mean() for b in f))


@pytest.mark.parametrize(("relative", "skip"), [(False, 0), (True, 1)])
def test_equation_8_feature_matching(relative: bool, skip: int) -> None:
    real, fake = features(6), features(7)
    got = feature_matching(real, fake, relative=relative, skip=skip)
    for example in range(3):
        expected = 0.0
        for a, b in zip(real, fake, strict=True):
            distances = []
            for r, f in list(zip(a, b, strict=True))[skip:]:
                difference = np.abs(r[example].numpy() - f[example].numpy()).mean()
                size = np.abs(r[example].numpy()).mean() if relative else 1
                distances.append(difference / size)
            expected += np.mean(distances)
        assert float(got[example]) == pytest.approx(expected)


def test_equation_8_the_decoder_minimises_distance_deceit_and_features() -> None:
    made, x, draws = networks()
    made.model.decoder.with_noise = True
    losses = made("decoder", x, draws, step=0)
    again = made.reconstruct(x, draws)
    real, fake = made.judged(again.aligned), made.judged(again.signal)
    expected = (
        made.criterion(again.target, again.bands, again.aligned, again.signal).total(LossConfig())
        + hinge_generator(fake)
        + 10 * feature_matching(real, fake)
    )
    torch.testing.assert_close(losses["total"], expected)


def test_losses_of_an_example_do_not_depend_on_the_others() -> None:
    # As where a batch is split; batch norm, which does mix examples, is in eval mode.
    made, x, draws = networks()
    made.eval()
    made.model.decoder.with_noise = True
    assert draws.noise is not None
    for learner in ("autoencoder", "decoder", "discriminator"):
        together = made(learner, x, draws, step=0)
        for i in range(3):
            only = slice(i, i + 1)
            alone = made(learner, x[only], Draws(draws.latents[only], draws.noise[only]), step=0)
            for name, loss in alone.items():
                torch.testing.assert_close(loss, together[name][only], rtol=1e-4, atol=1e-5)


def test_equations_9_to_11_fidelity() -> None:
    rng = np.random.default_rng(8)
    mixing = np.diag([3.0, 1.0, 0.3, 0.01]) @ np.linalg.qr(rng.standard_normal((4, 4)))[0]
    z = 5 + np.einsum("bti,ij->btj", rng.standard_normal((6, 50, 4)), mixing)
    values = singular_values(torch.from_numpy(z.swapaxes(1, 2)))
    flat = z.reshape(-1, 4)
    expected = np.linalg.svd(flat - flat.mean(axis=0), compute_uv=False)
    np.testing.assert_allclose(values.numpy(), expected, rtol=1e-9)
    for rank_by, weights in (("singular_values", expected), ("variance", expected**2)):
        shares = np.cumsum(weights) / weights.sum()
        np.testing.assert_allclose(fidelity(values, rank_by).numpy(), shares, rtol=1e-9)
        for wanted in (0.5, 0.9, 0.95, 1.0):
            smallest = next(r for r in range(1, 5) if shares[r - 1] >= wanted - 1e-9)
            assert rank(values, wanted, rank_by) == smallest
    assert rank(values, 0.95, "variance") < rank(values, 0.95, "singular_values")


def test_latents_that_never_change_need_one_dimension() -> None:
    still = singular_values(torch.ones(2, 4, 8))
    assert rank(still, 0.95) == 1


@pytest.mark.parametrize("bands", [4, 16])
def test_equation_15_the_prototype_cuts_off_at_half_a_band(bands: int) -> None:
    # sr / 2M is a band's width, so that neighbours meet at -3 dB where one ends and one begins.
    pqmf = PQMF(bands, 16 * bands).double()
    # A band's end is its Nyquist frequency, where only both phases together tell a tone's level.
    edge = torch.arange(1 << 12, dtype=torch.float64) * (2 * torch.pi / (2 * bands))
    tones = torch.stack([torch.cos(edge), torch.sin(edge)]).unsqueeze(1)
    energy = pqmf.analysis(tones)[..., 32:-32].square().mean(dim=-1).sum(dim=0)
    assert float(energy[0] / energy[1]) == pytest.approx(1, rel=0.02)
    assert float(energy[2:].sum() / energy[0]) < 1e-3


@pytest.mark.parametrize("preset", ["v1", "v2", "low_latency"])
def test_without_edges_no_padding_is_heard(preset: str) -> None:
    config = load_preset(preset, ["model.capacity=2", "model.pqmf.taps=128"]).model
    begin, end = padded_frames(config)
    assert begin > 0
    # What causal networks see lies behind: only their own grain may lie ahead.
    causal_end = config.pqmf.taps // config.pqmf.bands + config.band_ratio
    assert end <= causal_end if preset == "low_latency" else end > 1000


def test_without_edges_only_the_middle_of_the_bands_counts() -> None:
    config = load_preset("tiny", ["model.capacity=2", "model.latents=4"]).model
    criterion = SpectralCriterion(LossConfig(edges=False), config)
    begin, end = criterion.edges
    target, bands = torch.randn(2, 1, 16, begin + 1200 + end)
    y = torch.randn(1, 1, 6000)
    whole: SpectralLoss = criterion(target, bands, y, y)
    bands[..., :begin] = 7
    bands[..., begin + 1200 :] = 7
    assert torch.equal(criterion(target, bands, y, y).bands, whole.bands)


def test_a_segment_with_nothing_beyond_its_edges_is_refused() -> None:
    config = load_preset("tiny", [*SMALL, "training.loss.edges=false"])
    with pytest.raises(UserError, match=r"training\.segment must exceed"):
        Networks(config)

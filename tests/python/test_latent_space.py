"""The latent space: what matters in it comes first, and stays where it was."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from timbrel.config import load_preset
from timbrel.data import AudioDataset
from timbrel.errors import UserError
from timbrel.export.instrument import Instrument
from timbrel.latent.analysis import latent_space
from timbrel.latent.crop import Expand, NormalNoise, Project
from timbrel.latent.descriptors import describe
from timbrel.latent.scatter import Scatter
from timbrel.latent.space import Latent, LatentSpace
from timbrel.model.autoencoder import Autoencoder

RATE = 44_100


def model(*overrides: str) -> Autoencoder:
    torch.manual_seed(0)
    small = ["model.capacity=2", "model.latents=6", *overrides]
    return Autoencoder(load_preset("tiny", small).model).eval()


def space(size: int, seed: int = 0) -> LatentSpace:
    generator = torch.Generator().manual_seed(seed)
    basis = torch.linalg.qr(torch.randn(size, size, generator=generator)).Q
    mean = torch.randn(size, generator=generator)
    values = torch.rand(size, generator=generator).sort(descending=True).values
    latents = [Latent(0.0, 1.0, -1.0 - k, 2.0 + k, "loudness", 0.5) for k in range(size)]
    return LatentSpace(mean, basis, values, torch.full((size,), 0.5), latents, step=7)


def test_a_scatter_of_pieces_is_that_of_the_whole() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(3.0, [1, 2, 3], (1000, 3)) @ rng.normal(size=(3, 3))
    scatter = Scatter(3)
    for piece in np.split(x, [0, 1, 17, 500]):
        scatter.add(torch.from_numpy(piece))
    assert scatter.count == 1000
    np.testing.assert_allclose(scatter.mean, x.mean(axis=0))
    np.testing.assert_allclose(scatter.matrix / 999, np.cov(x.T))
    direction = np.array([0.3, -2.0])
    expected = np.corrcoef(x[:, :2] @ direction, x[:, 2])[0, 1]
    found = scatter.correlations(torch.from_numpy(direction)[:, None])
    assert float(found) == pytest.approx(expected)


def test_equations_9_to_12_the_space_is_the_svd_of_centred_posterior_means(dataset: Path) -> None:
    # By numpy, on all means at once.
    opened, network = AudioDataset.open(dataset), model()
    found = latent_space(network, opened, step=5)
    frames = opened.split_frames("train")
    length = 215 * 2048  # pieces of ten seconds, each after a second that is only remembered
    starts = [frames * i // (frames // length) for i in range(frames // length)]
    means = []
    with torch.no_grad():
        for start in starts:
            x = opened.read_channels("train", (start - 22 * 2048) % frames, length + 44 * 2048)
            means.append(network.encode(torch.from_numpy(x)[None])[0, :, 22 : 22 + 215].T)
    z = torch.cat(means).double().numpy()
    _, values, rows = np.linalg.svd(z - z.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(found.singular_values, values, rtol=1e-4)
    np.testing.assert_allclose(found.mean, z.mean(axis=0), atol=1e-5)
    alike = np.abs((found.basis.numpy() * rows.T).sum(axis=0))
    np.testing.assert_allclose(alike, 1.0, atol=1e-3)
    rotated = (z - z.mean(axis=0)) @ found.basis.double().numpy()
    for k, latent in enumerate(found.latents):
        assert latent.std == pytest.approx(rotated[:, k].std(), rel=1e-3)
        assert latent.min == pytest.approx(rotated[:, k].min(), rel=1e-3, abs=1e-5)
        assert latent.max == pytest.approx(rotated[:, k].max(), rel=1e-3, abs=1e-5)


def test_a_column_rises_with_loudness(dataset: Path) -> None:
    opened = AudioDataset.open(dataset)
    network = model()
    columns = latent_space(network, opened, step=0).latents
    following = [c for c in columns if c.descriptor == "loudness"]
    assert following
    assert all(c.correlation >= 0.3 for c in following)
    # Turned round in the network, it is turned back in the space.
    with torch.no_grad():
        last = network.encoder[-1]
        last.weight[:6] *= -1
    assert latent_space(network, opened, step=0).latents[0].correlation == pytest.approx(
        columns[0].correlation, abs=1e-3
    )


def tone(hertz: float, level: float = 0.5, partials: int = 8) -> Tensor:
    time = torch.arange(RATE) / RATE
    sines = [torch.sin(2 * torch.pi * hertz * k * time) / k for k in range(1, partials + 1)]
    return level * torch.stack(sines).sum(dim=0) / sum(1 / k for k in range(1, partials + 1))


@pytest.mark.parametrize("ratio", [128, 2048, 4096])
@pytest.mark.parametrize("hertz", [82.4, 220.0, 987.8])
def test_pitch_is_heard_to_a_quarter_of_a_semitone(hertz: float, ratio: int) -> None:
    pitch = describe(tone(hertz), RATE, ratio)["pitch"]
    assert len(pitch) == RATE // ratio
    inner = pitch[4096 // ratio : -(4096 // ratio) or None]
    assert float((inner - 12 * np.log2(hertz)).abs().max()) < 0.25


def test_loudness_is_decibels_and_brightness_is_where_the_energy_is() -> None:
    loud, soft = (describe(tone(440, level, 1), RATE, 2048) for level in (0.5, 0.05))
    inner = slice(2, -2)
    assert float((loud["loudness"] - soft["loudness"])[inner].mean()) == pytest.approx(20, abs=0.1)
    assert float(loud["loudness"][inner].mean()) == pytest.approx(-9.03, abs=0.1)
    assert float(loud["centroid"][inner].mean()) == pytest.approx(12 * np.log2(440), abs=0.1)
    bright = describe(tone(440, 0.5, 20), RATE, 2048)["centroid"]
    assert float((bright - loud["centroid"])[inner].min()) > 3


def test_silence_and_noise_have_no_pitch() -> None:
    silent = describe(torch.zeros(RATE), RATE, 2048)
    assert silent["pitch"].isnan().all()
    assert silent["centroid"].isnan().all()
    assert (silent["loudness"] < -100).all()
    noise = torch.randn(RATE, generator=torch.Generator().manual_seed(0))
    assert describe(0.1 * noise, RATE, 2048)["pitch"].isnan().float().mean() > 0.9


def test_what_was_rotated_is_rotated_back() -> None:
    raw = torch.randn(2, 12, 5)
    for kept in range(1, 7):
        there, back = Project(space(6), kept), Expand(space(6), kept)
        z = there(raw, 0.0)
        assert z.shape == (2, kept, 5)
        # What is kept survives the way through the network's latents, whatever fills the others.
        again = Project(space(6), kept)(torch.cat([back(z, 1.0, 0.0), raw[:, 6:]], dim=1), 0.0)
        torch.testing.assert_close(again, z, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(back(z, 1.0, 0.0), raw[:, :6], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kept", [1, 3, 6])
def test_equations_13_and_14_latents_are_rotated_and_cropped(kept: int) -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(2.0, [6, 5, 4, 3, 2, 1], (200, 6)) @ np.linalg.qr(rng.normal(size=(6, 6)))[0]
    mean = z.mean(axis=0)
    u, values, rows = np.linalg.svd(z - mean, full_matrices=False)
    found = replace(
        space(6),
        mean=torch.from_numpy(mean).float(),
        basis=torch.from_numpy(rows.T).float(),
        singular_values=torch.from_numpy(values).float(),
    )
    raw = torch.from_numpy(np.concatenate([z, np.zeros_like(z)], axis=1).T).float()[None]
    # Equation 14: Z V~ is U S~; what is played.
    played = Project(found, kept)(raw, 0.0)
    np.testing.assert_allclose(played[0].T, (u * values)[:, :kept], rtol=1e-4, atol=1e-4)
    # Equation 13: U S~ V~^T; what the decoder gets when nothing stands for what was left out.
    back = Expand(found, kept)(played, 0.0, 0.0)
    nearest = (u * values)[:, :kept] @ rows[:kept] + mean
    np.testing.assert_allclose(back[0].T, nearest, rtol=1e-4, atol=1e-4)


def test_latents_that_were_left_out_come_from_the_prior() -> None:
    expand = Expand(space(6), 2)
    full = expand(torch.zeros(1, 2, 20_000), 1.0, 0.0)
    covariance = torch.cov((full - expand.mean)[0])
    # Orthogonal to what is kept, a standard normal; along it, nothing.
    outside = space(6).basis[:, 2:]
    torch.testing.assert_close(covariance, outside @ outside.T, rtol=0, atol=0.05)
    quiet = Expand(space(6), 2)(torch.zeros(1, 2, 10), 0.0, 0.0)
    torch.testing.assert_close(quiet, expand.mean.expand(1, 6, 10))


def test_two_samples_of_the_posterior_differ_by_its_spread() -> None:
    z = torch.zeros(3, 6, 10_000)
    pair = Expand(space(6), 6, samples=2)(z, 1.0, 1.0).reshape(3, 2, 6, 10_000)
    for side in range(2):
        torch.testing.assert_close(
            pair[:, side].std(dim=-1), torch.full((3, 6), 0.5), rtol=0.05, atol=0
        )
    left, right = pair[0, 0].flatten(), pair[0, 1].flatten()
    centred = torch.corrcoef(torch.stack([left, right]) - space(6).mean.repeat_interleave(10_000))
    assert abs(float(centred[0, 1])) < 0.02
    still = Expand(space(6), 6, samples=2)(z, 1.0, 0.0)
    assert torch.equal(still[0], still[1])


def test_chance_is_normal_and_the_same_for_any_partition() -> None:
    whole = NormalNoise(3, 0)(2, 4, 5000, True)
    pieces = NormalNoise(3, 0)
    joined = torch.cat([pieces(2, 4, n, n != 40) for n in (1, 7, 92, 4900)], dim=-1)
    assert torch.equal(joined, whole)
    skipping = NormalNoise(3, 0)
    skipping(2, 4, 100, False)
    assert torch.equal(skipping(2, 4, 50, True), whole[..., 100:150])
    late = NormalNoise(3, 10)(2, 4, 500, True)
    assert torch.equal(late[..., 10:], whole[..., :490])
    assert torch.equal(NormalNoise(3, 0)(1, 4, 500, True), whole[:1, :, :500])
    flat = whole.flatten()
    assert float(flat.mean()) == pytest.approx(0, abs=0.02)
    assert float(flat.std()) == pytest.approx(1, abs=0.02)
    assert float((flat**4).mean()) == pytest.approx(3, abs=0.15)
    lanes = torch.corrcoef(whole.reshape(8, -1)) - torch.eye(8)
    assert float(lanes.abs().max()) < 0.06


def test_a_matched_space_stands_where_the_earlier_one_stood() -> None:
    before = space(6)
    order, signs = torch.tensor([2, 0, 1, 5, 3, 4]), torch.tensor([1.0, -1, 1, -1, 1, -1])
    later = replace(
        before,
        basis=before.basis[:, order] * signs,
        singular_values=before.singular_values[order] * 2,
        latents=[
            replace(before.latents[i], min=-before.latents[i].max, max=-before.latents[i].min)
            if sign < 0
            else before.latents[i]
            for i, sign in zip(order.tolist(), signs.tolist(), strict=True)
        ],
        step=9,
    )
    matched = later.matched(before)
    assert matched.match == pytest.approx(1.0, abs=1e-5)
    assert matched.step == 9
    torch.testing.assert_close(matched.basis, before.basis)
    torch.testing.assert_close(matched.singular_values, 2 * before.singular_values)
    assert [(c.min, c.max) for c in matched.latents] == [(c.min, c.max) for c in before.latents]
    assert space(6, seed=1).matched(before).match < 0.9


def test_the_largest_are_kept_in_the_order_in_which_they_stand() -> None:
    shuffled = replace(space(4), singular_values=torch.tensor([1.0, 4.0, 2.0, 3.0]))
    assert shuffled.order(4).tolist() == [0, 1, 2, 3]
    assert shuffled.order(2).tolist() == [1, 3, 0, 2]
    assert shuffled.order(1).tolist() == [1, 0, 2, 3]
    assert [shuffled.rank(f, "singular_values") for f in (0.4, 0.5, 0.7, 0.9, 1.0)] == [
        1,
        2,
        2,
        3,
        4,
    ]
    assert shuffled.rank(0.8, "variance") == 2


def test_a_space_survives_its_file_and_a_damaged_one_is_refused() -> None:
    again = LatentSpace.from_json(space(6).to_json())
    assert torch.equal(again.basis, space(6).basis)
    assert again.latents == space(6).latents
    assert again.step == 7
    for wrong in (
        {},
        {**space(6).to_json(), "mean": [1.0]},
        {**space(6).to_json(), "latents": [1]},
    ):
        with pytest.raises(UserError, match="not a latent space"):
            LatentSpace.from_json(wrong)


def test_any_number_of_latents_from_1_to_128_can_be_played() -> None:
    network = model("model.latents=128", "model.ratios=[2, 2]", "model.noise=null")
    ratio = network.config.ratio
    for kept in range(1, 129):
        instrument = Instrument(network, space(128), kept)
        with torch.no_grad():
            z = instrument.encode(torch.zeros(1, 1, 2 * ratio))
            assert z.shape == (1, kept, 2)
            assert instrument.decode(z).shape == (1, 1, 2 * ratio)
        assert instrument.encode_params.tolist() == [1, 1, kept, ratio]
        assert instrument.decode_params.tolist() == [kept, ratio, 1, 1]
    for impossible in (0, -1, 129):
        with pytest.raises(UserError, match=f"choose from 1 to 128, not {impossible}"):
            Instrument(network, space(128), impossible)

"""What a training step sees, as a function of (seed, step, index)."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.signal import freqz

from timbrel.data import AudioDataset
from timbrel.training.augmentation import (
    at_speed,
    dequantise,
    random_allpass,
    random_compression,
    random_gain,
    random_speed,
)
from timbrel.training.config import AugmentationConfig
from timbrel.training.crops import Crops, Steps, loader
from timbrel.training.draws import Purpose, standard_normal, uniform

EVERYTHING = AugmentationConfig(phase=0.8, gain_db=6, mute=0.2, compression=0.5, pitch_cents=50)


@pytest.mark.parametrize("augmentation", [AugmentationConfig(), EVERYTHING])
def test_a_crop_depends_on_seed_step_and_index_alone(
    dataset: Path, augmentation: AugmentationConfig
) -> None:
    opened = AudioDataset.open(dataset)
    options = {"segment": 4096, "examples": 64, "augmentation": augmentation}
    crops = Crops(opened, seed=3, **options)
    assert crops[45][0].shape == (1, 4096)
    again = Crops(AudioDataset.open(dataset), seed=3, **options)
    assert torch.equal(crops[45][0], again[45][0])
    assert not torch.equal(crops[45][0], crops[46][0])
    assert not torch.equal(crops[45][0], Crops(opened, seed=4, **options)[45][0])


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_come_in_order_whoever_reads_them(dataset: Path, workers: int) -> None:
    crops = Crops(AudioDataset.open(dataset), segment=1024, examples=64, seed=1)
    batches = list(loader(crops, Steps(3, 6, batch=4), workers, pin=False))
    assert [examples.tolist() for _, examples in batches] == [
        [12, 13, 14, 15],
        [16, 17, 18, 19],
        [20, 21, 22, 23],
    ]
    for x, examples in batches:
        assert torch.equal(x, torch.stack([crops[int(e)][0] for e in examples]))


def test_an_option_that_is_on_changes_nothing_else_of_a_crop(dataset: Path) -> None:
    opened = AudioDataset.open(dataset)
    plain = Crops(opened, segment=4096, examples=64, augmentation=AugmentationConfig(phase=0))
    muted = AugmentationConfig(phase=0, mute=0.5)
    some = Crops(opened, segment=4096, examples=64, augmentation=muted)
    silent = [float(some[i][0].abs().max()) < 2**-15 for i in range(64)]
    assert 16 < sum(silent) < 48
    for i, is_silent in enumerate(silent):
        if not is_silent:
            assert torch.equal(some[i][0], plain[i][0])


def test_the_allpass_changes_phases_only() -> None:
    impulse = np.zeros((1, 1 << 16), dtype=np.float32)
    impulse[0, 0] = 1
    for seed in range(5):
        response = random_allpass(impulse, 44_100, np.random.default_rng(seed))
        _, h = freqz(response[0], worN=4096)
        np.testing.assert_allclose(np.abs(h), 1, atol=1e-3)
        assert np.ptp(np.angle(h)) > 1


def test_dequantisation_stays_within_half_a_step() -> None:
    noise = dequantise(np.zeros((1, 10_000), dtype=np.float32), np.random.default_rng(0))
    assert noise.min() >= 0
    assert noise.max() <= 2**-16
    assert noise.std() == pytest.approx(2**-16 / 12**0.5, rel=0.05)


def test_gains_stay_within_their_range_and_never_clip() -> None:
    x = np.array([[0.1, -0.4]], dtype=np.float32)
    gains = [random_gain(x, 12, np.random.default_rng(seed))[0, 1] / -0.4 for seed in range(300)]
    decibels = 20 * np.log10(gains)
    assert -12 <= decibels.min() < -10
    assert decibels.max() == pytest.approx(20 * np.log10(1 / 0.4), abs=1e-4)


def test_compression_evens_out_loudness_and_keeps_peaks_and_silence() -> None:
    rng = np.random.default_rng(0)
    loud, soft = rng.uniform(-0.5, 0.5, (2, 1, 20_000)).astype(np.float32)
    x = np.concatenate([loud, 0.05 * soft], axis=1)
    y = random_compression(x, 44_100, np.random.default_rng(1))

    def level(z: np.ndarray) -> float:
        return float(20 * np.log10(np.sqrt((z**2).mean())))

    before = level(x[:, 5000:20_000]) - level(x[:, 25_000:])
    after = level(y[:, 5000:20_000]) - level(y[:, 25_000:])
    # Between a half and an eighth of every dB is left.
    assert before / 8.5 < after < before / 1.9
    assert np.abs(y).max() <= np.abs(x).max() * 1.0001
    silence = np.zeros((2, 100), dtype=np.float32)
    assert np.array_equal(random_compression(silence, 44_100, rng), silence)


def test_speed_changes_pitch_by_as_many_cents() -> None:
    speed = 2 ** (50 / 1200)
    time = np.arange(70_000) / 44_100
    x = np.sin(2 * np.pi * 1000 * time, dtype=np.float32)[None]
    y = at_speed(x, speed, 65_536)
    assert y.shape == (1, 65_536)
    spectrum = np.abs(np.fft.rfft(y[0] * np.hanning(65_536)))
    peak = spectrum.argmax() * 44_100 / 65_536
    assert peak == pytest.approx(1000 * speed, abs=1)
    speeds = [random_speed(50, np.random.default_rng(seed)) for seed in range(200)]
    assert 1 / speed <= min(speeds) < 0.99
    assert 1.01 < max(speeds) <= speed


def test_draws_belong_to_their_examples_and_purposes() -> None:
    several = standard_normal(5, Purpose.POSTERIOR, torch.tensor([7, 8, 9]), (4, 6))
    assert torch.equal(
        several[1:2], standard_normal(5, Purpose.POSTERIOR, torch.tensor([8]), (4, 6))
    )
    assert not torch.equal(several[0], several[1])
    other = standard_normal(6, Purpose.POSTERIOR, torch.tensor([7]), (4, 6))
    assert not torch.equal(several[:1], other)
    noise = uniform(5, Purpose.NOISE, torch.arange(4), (1000,))
    assert -1 <= noise.min() < -0.99 < 0.99 < noise.max() < 1
    many = standard_normal(5, Purpose.POSTERIOR, torch.arange(100), (1000,))
    assert abs(float(many.mean())) < 0.02
    assert float(many.std()) == pytest.approx(1, abs=0.02)

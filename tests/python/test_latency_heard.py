"""What `low_latency` states is what is heard of a model that has learned."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray
from training_runs import QUICK, fit

from timbrel.config import load_preset
from timbrel.data.preprocess import preprocess

RATE = 44_100
#: Samples before and after an onset: what is silent, and what certainly sounds.
BEFORE, AFTER = 1000, 1500


def bursts(seed: int, seconds: int) -> NDArray[np.float64]:
    """Noise that begins and ends at once, with silence between."""
    rng = np.random.default_rng(seed)
    x = np.zeros(seconds * RATE)
    start = 2000
    while start < len(x) - 15_000:
        length = int(rng.integers(2000, 8000))
        x[start : start + length] = rng.uniform(0.1, 0.5) * rng.uniform(-1, 1, length)
        start += length + int(rng.integers(3000, 9000))
    return x


def level(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """In dB, over a window of 1.5 ms."""
    window = np.hanning(65)
    return 10 * np.log10(np.convolve(x**2, window / window.sum(), "same") + 1e-8)


def onset_lag(x: NDArray[np.float64], y: NDArray[np.float64]) -> int:
    """Samples by which `y` begins to sound after `x` does, on the mean over all onsets of `x`.

    To begin is to pass the middle, in dB, between what was before and what comes after.
    """
    heard, loud = level(x), level(x) > -60
    onsets = [
        t
        for t in np.flatnonzero(~loud[:-1] & loud[1:])
        if BEFORE < t < len(x) - AFTER and not loud[t - BEFORE : t - 100].any()
    ]
    assert len(onsets) > 20

    def begins(levels: NDArray[np.float64]) -> int:
        mean = np.mean([levels[t - BEFORE : t + AFTER] for t in onsets], axis=0)
        silent, sounding = mean[: BEFORE - 200].mean(), mean[-AFTER // 2 :].mean()
        assert sounding - silent > 30
        return int(np.argmax(mean > (silent + sounding) / 2))

    return begins(level(y)) - begins(heard)


@pytest.mark.parametrize("delay", [0, 112, 240])
def test_the_measure_finds_a_delay_to_the_sample(delay: int) -> None:
    x = bursts(0, 10)
    late = np.concatenate([np.zeros(delay), x[: len(x) - delay]])
    assert onset_lag(x, late) == delay
    assert onset_lag(x, 0.3 * late) == pytest.approx(delay, abs=1)


def test_the_onsets_of_a_trained_model_lag_as_stated(tmp_path: Path) -> None:
    for seed in range(10):
        (tmp_path / "bursts").mkdir(exist_ok=True)
        soundfile.write(tmp_path / "bursts" / f"{seed}.wav", bursts(seed, 3), RATE)
    preprocess(tmp_path / "bursts", tmp_path / "dataset", sample_rate=RATE)
    small = [s for s in QUICK if not s.startswith("model.")]
    config = load_preset(
        "low_latency",
        [
            *small,
            "model.capacity=4",
            "model.latents=8",
            "training.adversarial.steps=0",
            "training.steps=100",
            "training.batch=4",
            "training.learning_rate=5e-3",
            "training.final_learning_rate=1e-3",
            "training.loss.beta=0.001",
            "training.validate_every=100",
            "training.checkpoint_every=100",
        ],
    )
    run = fit(tmp_path / "dataset", tmp_path / "run", config)
    model = run.load().model
    sound = bursts(99, 20)[: 20 * RATE // 128 * 128]
    with torch.no_grad():
        output = model(torch.from_numpy(sound).float()[None, None])[0, 0].double().numpy()
    lag = onset_lag(sound, output)
    print(f"onsets lag {lag} samples, {model.latency} are stated")
    assert abs(lag - model.latency) < RATE / 1000
    # With one hop to fill, the whole is below 10 ms.
    assert model.latency + config.model.ratio < 0.01 * RATE

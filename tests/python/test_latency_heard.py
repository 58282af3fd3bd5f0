"""What `low_latency` states is what is heard of a model that has learned."""

from pathlib import Path

import numpy as np
import torch
from scipy.signal import correlate, correlation_lags

from training_runs import QUICK, fit
from timbrel.config import load_preset
from timbrel.data import AudioDataset

RATE = 44_100


def onset_lag(x: np.ndarray, y: np.ndarray) -> int:
    """Samples by which the rises of `y`'s level lie behind those of `x`'s."""

    def rises(signal: np.ndarray) -> np.ndarray:
        window = np.hanning(65)
        level = np.sqrt(np.convolve(signal**2, window / window.sum(), "same"))
        return np.maximum(np.diff(np.log(level + 1e-2 * level.max())), 0)

    alike = correlate(rises(y), rises(x), "full")
    lags = correlation_lags(len(y) - 1, len(x) - 1, "full")
    near = np.abs(lags) < 2000
    return int(lags[near][alike[near].argmax()])


def test_the_measure_finds_a_delay_to_the_sample() -> None:
    rng = np.random.default_rng(0)
    struck = rng.normal(size=RATE) * np.exp(-(np.arange(RATE) % 9000) / 1500)
    late = np.concatenate([np.zeros(112), struck[:-112]])
    assert onset_lag(struck, 0.3 * late) == 112


def test_the_onsets_of_a_trained_model_lag_as_stated(dataset: Path, tmp_path: Path) -> None:
    small = [s for s in QUICK if not s.startswith("model.")]
    config = load_preset(
        "low_latency",
        [
            *small,
            "model.capacity=4",
            "model.latents=8",
            "training.adversarial.steps=0",
            "training.steps=150",
            "training.batch=4",
            "training.learning_rate=5e-3",
            "training.loss.beta=0.001",
            "training.validate_every=75",
            "training.checkpoint_every=150",
        ],
    )
    run = fit(dataset, tmp_path / "run", config)
    model = run.load().model
    sound = AudioDataset.open(dataset).read_channels("validation", 0, 6 * RATE // 128 * 128)
    with torch.no_grad():
        output = model(torch.from_numpy(sound)[None])[0, 0].numpy()
    lag = onset_lag(sound[0], output)
    print(lag, model.latency)
    assert abs(lag - model.latency) < RATE / 1000
    # With one hop to fill, the whole is below 10 ms.
    assert model.latency + config.model.ratio < 0.01 * RATE

"""`[nn~ tabla]` as it comes: the instrument in the package, in a real Pure Data."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from pure_data import PACKAGE, render
from tiny_models import stepped

from timbrel.data.tabla import make

BUFFER = 2048


@pytest.fixture(scope="module")
def performance(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    made = make(tmp_path_factory.mktemp("tabla") / "sound", minutes=0.1)
    samples, _ = soundfile.read(made.performance, dtype="float32")
    return samples[None, : 100 * BUFFER]


@pytest.mark.parametrize("method", ["forward", "encode"])
def test_pd_plays_what_torch_computes_late_by_the_stated_latency(
    tmp_path: Path, performance: np.ndarray, method: str
) -> None:
    outlets = 16 if method == "encode" else 1
    heard = render(tmp_path, [f"nn~ tabla {method}"], performance, outlets, {50: "latency"})
    total, _, buffer, model, _ = (float(v) for v in heard.answers("latency")[0].split())
    assert total == buffer + model
    assert model == (112 if method == "forward" else 0)
    expected = stepped(
        PACKAGE / "models" / "tabla.ts", torch.from_numpy(performance), BUFFER, method
    ).numpy()
    if method == "encode":
        expected = np.repeat(expected, 2048, axis=-1)
    delay, frames = int(buffer), min(performance.shape[1], expected.shape[1])
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(
        heard.samples[:, delay:frames], expected[:, : frames - delay], atol=1e-5
    )
    assert heard.errors() == []


def test_the_output_follows_the_input_by_the_stated_total(
    tmp_path: Path, performance: np.ndarray
) -> None:
    heard = render(tmp_path, ["nn~ tabla forward"], performance, 1, {50: "latency"})
    total = int(float(heard.answers("latency")[0].split()[0]))
    # Loudness envelopes in steps of 64 samples: their lag is the latency, to within a latent frame.
    step = 64
    frames = min(heard.samples.shape[1], performance.shape[1]) // step * step
    given, came = (
        np.log(np.square(x[0, :frames]).reshape(-1, step).mean(axis=1) + 1e-6)
        for x in (performance, heard.samples)
    )
    lags = range(0, 200)
    fit = [
        np.corrcoef(given[: len(given) - 200], came[lag : len(came) - 200 + lag])[0, 1]
        for lag in lags
    ]
    assert max(fit) > 0.6
    assert abs(int(np.argmax(fit)) * step - total) <= 2048

"""The instrument that comes with Timbrel: it hears what it never learned, and says what it is."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from timbrel.data import AudioDataset
from timbrel.data.preprocess import preprocess
from timbrel.data.tabla import TablaSet, make
from timbrel.errors import UserError
from timbrel.evaluation import Hearing, judge, mean_spectrum, shaped_noise
from timbrel.export.file import load_instrument, read_metadata

MODELS = Path(__file__).parents[2] / "models"
MODEL = MODELS / "tabla.ts"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> TablaSet:
    """The very sound it was trained on, and what was held out from it (see models/train-tabla)."""
    return make(tmp_path_factory.mktemp("tabla") / "sound", minutes=12, seed=0)


@pytest.fixture(scope="module")
def spectrum(sound: TablaSet) -> torch.Tensor:
    return mean_spectrum(soundfile.read(path, dtype="float32")[0] for path in sound.train)


@pytest.fixture(scope="module", params=["performance", "loop"])
def hearing(request: pytest.FixtureRequest, sound: TablaSet, spectrum: torch.Tensor) -> Hearing:
    recording, rate = soundfile.read(getattr(sound, request.param), dtype="float32")
    assert rate == read_metadata(MODEL)["sample_rate"]
    heard = judge(MODEL, recording, spectrum)
    print(request.param, heard)
    return heard


def test_it_hears_strokes_that_it_was_never_trained_on(hearing: Hearing) -> None:
    assert hearing.excerpts >= 7
    assert hearing.own <= 0.6 * hearing.other


def test_it_is_twice_as_close_as_noise_of_the_same_colour(hearing: Hearing) -> None:
    assert hearing.own <= 0.5 * hearing.noise


def test_it_is_closer_than_silence(hearing: Hearing) -> None:
    # Between strokes there is little to hear: silence scores well, noise does not.
    assert hearing.own < hearing.silence


def test_a_model_that_ignores_its_input_would_be_caught(
    sound: TablaSet, spectrum: torch.Tensor, tmp_path: Path
) -> None:
    class Deaf(torch.nn.Module):
        def __init__(self, inner: torch.nn.Module) -> None:
            super().__init__()
            self.inner = inner

        @torch.jit.export
        def encode(self, x: torch.Tensor) -> torch.Tensor:
            z: torch.Tensor = self.inner.encode(x)
            return torch.zeros_like(z)

        @torch.jit.export
        def decode(self, z: torch.Tensor) -> torch.Tensor:
            y: torch.Tensor = self.inner.decode(z)
            return y

    deaf = torch.jit.script(Deaf(load_instrument(MODEL)))
    metadata = {"timbrel.json": json.dumps(read_metadata(MODEL))}
    torch.jit.save(deaf, str(tmp_path / "deaf.ts"), metadata)
    recording, _ = soundfile.read(sound.performance, dtype="float32")
    heard = judge(tmp_path / "deaf.ts", recording, spectrum)
    assert heard.own_to_other == pytest.approx(1.0, abs=1e-4)


def test_it_fits_the_repository_and_says_where_it_comes_from(
    sound: TablaSet, tmp_path: Path
) -> None:
    assert MODEL.stat().st_size <= 6_000_000
    metadata = read_metadata(MODEL)
    assert metadata["license"] == "CC0-1.0"
    assert metadata["preset"] == "tiny"
    assert (MODELS / "train-tabla").exists()
    # The fingerprint is that of the sound which the training script makes.
    preprocess(sound.train[0].parent, tmp_path / "dataset", sample_rate=44_100)
    assert AudioDataset.open(tmp_path / "dataset").fingerprint == metadata["dataset_fingerprint"]
    assert metadata["dataset_fingerprint"] in (MODELS / "README.md").read_text()


@pytest.mark.parametrize("wrong", [np.full(200_000, np.nan), np.zeros(200_000), np.ones(1000)])
def test_what_cannot_be_judged_is_refused(spectrum: torch.Tensor, wrong: np.ndarray) -> None:
    with pytest.raises(UserError, match="a recording to judge by"):
        judge(MODEL, wrong.astype(np.float32), spectrum)


def test_its_latents_live_where_its_statistics_say(sound: TablaSet) -> None:
    statistics = read_metadata(MODEL)["latents"]["statistics"]
    recording, _ = soundfile.read(sound.train[0], dtype="float32")
    frames = len(recording) // 2048 * 2048
    x = torch.from_numpy(recording[:frames]).reshape(1, 1, -1)
    with torch.no_grad():
        z = load_instrument(MODEL).encode(x)[0]
    for row, stated in zip(z, statistics, strict=True):
        assert stated["min"] - 0.5 <= row.min()
        assert row.max() <= stated["max"] + 0.5
        assert stated["min"] < stated["mean"] < stated["max"]


def test_noise_has_the_spectrum_it_is_given(spectrum: torch.Tensor) -> None:
    made = shaped_noise(spectrum, (1, 1 << 19))[0].numpy()
    found = mean_spectrum([made])
    error = np.abs(20 * np.log10((found / spectrum)[4:-4].numpy()))
    # A window cannot draw the drums' lines as sharp as they are; between them it is exact.
    assert np.median(error) < 0.3
    assert np.percentile(error, 95) < 1.5

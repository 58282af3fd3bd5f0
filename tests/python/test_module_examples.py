"""The examples: each is exported, played by the engine, and does what its first lines promise."""

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import stepped
from torch import Tensor

import timbrel
from timbrel.engine import Stream

EXAMPLES = Path(__file__).parents[2] / "training/examples"
RATE = 44_100
NAMES = ["saturator", "spectral_features", "wavetable", "resonator", "learned_effect"]


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make(name: str) -> timbrel.Module:
    """What an example exports; the effect has not learned anything yet."""
    example = load(name)
    if name == "learned_effect":
        torch.manual_seed(0)
        return example.Effect(example.wavenet())
    classes = [item for item in vars(example).values() if isinstance(item, type)]
    (made,) = (c for c in classes if issubclass(c, timbrel.Module) and c.__module__ == name)
    return made()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("examples")
    for name in NAMES:
        make(name).export(folder / f"{name}.ts")
    return {name: folder / f"{name}.ts" for name in NAMES}


def test_there_are_no_other_examples() -> None:
    assert sorted(path.stem for path in EXAMPLES.glob("*.py")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_engine_plays_an_example_as_torch_does(name: str, files: dict[str, Path]) -> None:
    stream = Stream(files[name])
    stream.prepare(sample_rate=RATE, vector_size=64)
    method = stream.method
    blocks = 4
    x = 0.3 * torch.randn(method.in_channels, blocks * stream.buffer)
    if name == "wavetable":
        x = torch.stack([torch.full_like(x[0], 441.0), torch.linspace(0, 1, x.shape[1])])
    lag = stream.latency.buffer
    heard = stream.process_blocking(np.pad(x.numpy(), ((0, 0), (0, lag))))[:, lag:]
    expected = stepped(files[name], x, stream.buffer).repeat_interleave(method.out_ratio, -1)
    assert heard.shape == expected.shape
    assert np.abs(heard - expected.numpy()).max() <= 1e-6 * float(expected.abs().max())


def fresh(files: dict[str, Path], name: str) -> Any:
    return torch.jit.load(str(files[name]))


def tone(frequency: float, samples: int = RATE, level: float = 1.0) -> Tensor:
    return level * torch.sin(2 * math.pi * frequency / RATE * torch.arange(samples)).reshape(
        1, 1, -1
    )


def aliased(sound: Tensor, frequency: int) -> float:
    """Energy of one second of `sound` that lies on no multiple of `frequency`, in dB."""
    power = torch.fft.rfft(sound.double().flatten()).abs().square()
    power[:20] = 0
    harmonics = power[::frequency].sum()
    return 10 * math.log10(float((power.sum() - harmonics) / harmonics))


def test_the_saturator_is_its_formula_and_aliases_less_than_that(files: dict[str, Path]) -> None:
    plain, smooth = fresh(files, "saturator"), fresh(files, "saturator")
    x = tone(4_001.0, level=0.9)
    for model in (plain, smooth):
        model.set_drive(10.0)
        model.set_bias(0.2)
        model.set_curve("tanh")
    plain.set_smooth(False)
    formula = torch.tanh(10.0 * x + 0.2) - math.tanh(0.2)
    assert torch.allclose(plain(x), formula, atol=1e-6)
    for curve in ("tanh", "clip", "fold", "rectify"):
        plain.set_curve(curve)
        smooth.set_curve(curve)
        assert aliased(smooth(x), 4_001) < aliased(plain(x), 4_001) - 4
    smooth.set_mix(0.0)
    assert torch.equal(smooth(x), x)


def test_the_features_of_a_tone_and_of_noise(files: dict[str, Path]) -> None:
    model = fresh(files, "spectral_features")
    settled = slice(8, None)
    loudness, centroid, spread, flatness, flux = model(tone(1000.0))[0, :, settled]
    assert loudness.mean().item() == pytest.approx(-3.01, abs=0.05)
    assert centroid.mean().item() == pytest.approx(1000, rel=0.03)
    assert float(flatness.max()) < 0.001
    assert float(flux.max()) < 0.05
    torch.manual_seed(0)
    noisy = fresh(files, "spectral_features")(torch.randn(1, 1, RATE))[0, :, settled]
    assert noisy[1].mean().item() == pytest.approx(RATE / 4, rel=0.05)
    assert float(noisy[2].mean()) > 10 * float(spread.mean())
    assert float(noisy[3].min()) > 0.3
    assert float(noisy[4].mean()) > 0.2
    model.set_sample_rate(2 * RATE)  # the same samples, played twice as fast
    assert model(tone(1000.0))[0, 1, settled].mean().item() == pytest.approx(2000, rel=0.03)


def test_the_features_are_smoothed_from_frame_to_frame(files: dict[str, Path]) -> None:
    model = fresh(files, "spectral_features")
    model.set_smoothing(0.5)
    plain = fresh(files, "spectral_features")(tone(1000.0))[0, 0]
    smoothed = model(tone(1000.0))[0, 0]
    assert smoothed[0].item() == pytest.approx(0.5 * plain[0].item())
    assert smoothed[1].item() == pytest.approx(0.5 * (smoothed[0] + plain[1]).item())


def test_the_wavetable_plays_what_it_is_given(files: dict[str, Path]) -> None:
    model = fresh(files, "wavetable")
    controls = torch.tensor([441.0, 0.0]).reshape(1, 2, 1).expand(1, 2, 1000)
    later = torch.roll(tone(441.0, 1000), -1)  # the first sample is one step on
    assert torch.allclose(model(controls)[..., :-1], 0.5 * later[..., :-1], atol=1e-3)
    ramp = torch.linspace(-1.0, 1.0, 101)[None, :-1]
    assert model.set_buffer_attribute("table#0", torch.cat([ramp, 0 * ramp]), RATE) == 0
    assert model.set_table("table#0") == 0
    played = fresh(files, "wavetable")
    played.set_buffer_attribute("table#0", torch.cat([ramp, 0 * ramp]), RATE)
    period = played(controls)[0, 0, :99]  # 100 samples at 441 Hz
    assert torch.allclose(period, 0.5 * ramp[0, 1:], atol=1e-5)
    controls = torch.tensor([441.0, 1.0]).reshape(1, 2, 1).expand(1, 2, 1000)
    assert float(played(controls).abs().max()) < 1e-6  # the second wave is silence
    played.clear_buffer_attribute("table#0")
    assert float(played(controls).abs().max()) > 0.3  # a saw again


def test_the_strings_ring_at_their_pitch_and_die_away_in_time(files: dict[str, Path]) -> None:
    model = fresh(files, "resonator")
    model.set_pitches(torch.full((6,), 441.0))
    model.set_damping(0.0)
    model.set_coupling(0.0)
    model.set_level(1.0)
    model.set_decay(0.5)
    click = torch.zeros(1, 1, RATE)
    click[..., 0] = 1.0
    left = model(click)[0, 0]
    struck = (left.abs() > 1e-6).nonzero().flatten()
    assert torch.equal(struck[:20], 100 * torch.arange(20))
    after_half_a_second = left[struck[struck >= RATE // 2][0]]
    decibels = 20 * math.log10(float(after_half_a_second / left[0]))
    assert decibels == pytest.approx(-60, abs=0.5)


def test_coupled_strings_make_no_energy(files: dict[str, Path]) -> None:
    model = fresh(files, "resonator")
    model.set_coupling(1.0)
    model.set_damping(0.0)
    model.set_decay(60.0)
    click = torch.zeros(1, 1, 2 * RATE)
    click[..., 0] = 1.0
    sound = model(click).square().sum(1).reshape(20, -1).sum(-1)
    assert float(sound[-5:].sum()) < float(sound[:5].sum())


def test_an_effect_is_its_network_beside_an_aligned_dry_signal(tmp_path: Path) -> None:
    learned = load("learned_effect")
    torch.manual_seed(0)
    # Looks 12 samples ahead, as a network with centred padding does.
    network = torch.nn.Sequential(
        torch.nn.Conv1d(1, 4, 9, padding=4), torch.nn.Tanh(), torch.nn.Conv1d(4, 1, 17, padding=8)
    )
    described = learned.Effect(network, 48_000).export(tmp_path / "effect.ts")
    assert described["latency"] == {"forward": 12}
    assert described["sample_rate"] == 48_000
    x = torch.randn(1, 1, 4096)
    wet = stepped(tmp_path / "effect.ts", x[0], 256)
    with torch.no_grad():
        whole = network(x)[0]
    assert torch.allclose(wet[:, 12 + 64 :], whole[:, 64:-12], atol=1e-6)
    model = torch.jit.load(str(tmp_path / "effect.ts"))
    model.set_mix(0.0)
    assert torch.equal(model(x)[..., 12:], x[..., :-12])


def test_an_effect_learns(capsys: pytest.CaptureFixture[str]) -> None:
    learned = load("learned_effect")
    dry, wet = learned.pedal(10_000)
    network = learned.learn(dry, wet, steps=100, crop=768)
    with torch.no_grad():
        error = (network(dry[None, None])[0, 0] - wet).square().mean() / wet.square().mean()
    assert float(error) < 0.7  # of silence's error
    assert "step 100: error" in capsys.readouterr().err

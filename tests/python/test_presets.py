"""Every preset against what it promises: size, latency, rates, channels."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from training_runs import QUICK

from timbrel.cli.train import PURPOSES
from timbrel.config import Config, load_preset, preset_names
from timbrel.errors import UserError
from timbrel.export.fidelity import block_partition, stream
from timbrel.model.autoencoder import Autoencoder
from timbrel.model.decoder import Decoder
from timbrel.nn import Sequential, Streamed, convert
from timbrel.nn.reach import reach
from timbrel.training.run import Run

NARROW = ["model.capacity=2", "model.latents=4"]
RATES = (16_000, 22_050, 24_000, 32_000, 44_100, 48_000)


def folded_count(module: torch.nn.Module) -> int:
    """Parameters once weight norm's gains (`original0`) are folded into the weights."""
    names = dict(module.named_parameters())
    return sum(p.numel() for name, p in names.items() if not name.endswith("original0"))


@pytest.mark.parametrize(
    ("preset", "encoder", "decoder"),
    [
        ("v1", 4_834_176, 12_769_472),
        ("v2", 16_046_592, 15_467_520),
        ("low_latency", 940_480, 3_245_664),
        ("tiny", 283_360, 773_680),
    ],
)
def test_parameter_counts(preset: str, encoder: int, decoder: int) -> None:
    model = Autoencoder(load_preset(preset).model)
    assert (folded_count(model.encoder), folded_count(model.decoder)) == (encoder, decoder)


class Means(torch.nn.Module):
    """The posterior's means, as in an exported model."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.chunk(2, dim=1)[0]

    def streamed(self, delay: int) -> Streamed:
        return Streamed(self, delay)


def streaming_twin(model: Autoencoder) -> Streamed:
    networks = Sequential(model.encoder, Means(), model.decoder)
    return convert(Sequential(model.pqmf.analysis, *networks, model.pqmf.synthesis))


def randomised(config: Config, *, noise: bool = False) -> Autoencoder:
    torch.manual_seed(0)
    model = Autoencoder(config.model).eval().double()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    model.decoder.with_noise = noise
    return model


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("padding", ["causal", "centred"])
@pytest.mark.parametrize("preset", preset_names())
def test_every_preset_streams_in_any_blocks(preset: str, padding: str, channels: int) -> None:
    settings = [*NARROW, f"model.padding={padding}", "model.pqmf.taps=128"]
    config = load_preset(preset, settings, channels=channels)
    model = randomised(config, noise=config.model.noise is not None)
    twin, delay = streaming_twin(model)
    ratio = config.model.ratio
    mono = Autoencoder(load_preset(preset, settings).model).eval()
    margin = -(-max(reach(mono, ratio=ratio, dtype=torch.float32)) // ratio) * ratio
    x = torch.zeros(2, channels, 2 * margin + 8 * ratio, dtype=torch.float64)
    x[..., margin:-margin] = 0.1 * torch.randn(2, channels, 8 * ratio, dtype=torch.float64)
    with torch.no_grad():
        offline = model(x)
    generator = np.random.default_rng(0)
    streamed = stream(twin, x, block_partition(x.shape[-1], ratio, generator))
    inside = slice(margin, min(x.shape[-1] - margin, x.shape[-1] - delay))
    late = slice(inside.start + delay, inside.stop + delay)
    error = (streamed[..., late] - offline[..., inside]).norm() / offline[..., inside].norm()
    assert float(error) < 1e-9


@pytest.mark.parametrize("rate", RATES)
def test_low_latency_is_under_ten_milliseconds(rate: int) -> None:
    config = load_preset("low_latency", NARROW, sample_rate=rate).model
    model = randomised(load_preset("low_latency", NARROW, sample_rate=rate))
    # Streamed, it is the offline network to rounding with no delay at all (above); that network's
    # own delay is the filter bank's, which its impulse shows; and a latent takes a hop.
    look_ahead = streaming_twin(model).delay
    impulse = torch.zeros(1, 1, 4096, dtype=torch.float64)
    impulse[..., 1000] = 1
    bank = int(model.pqmf(impulse).abs().argmax()) - 1000
    assert (look_ahead, bank) == (0, 112)
    total = bank + look_ahead + config.ratio
    assert 1000 * total / rate < 10
    if rate == 44_100:
        assert total == 240


def test_low_latency_hears_half_a_second_of_the_past_and_none_of_the_future() -> None:
    config = load_preset("low_latency", NARROW).model
    span = reach(Autoencoder(config).eval(), ratio=config.ratio, dtype=torch.float32)
    # The poison takes a whole latent: what lies before it is that latent's own length.
    assert span.before <= config.ratio
    assert 0.45 < span.after / config.sample_rate < 0.6


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("preset", preset_names())
def test_latents_come_about_as_often_at_every_rate(preset: str, rate: int) -> None:
    own = load_preset(preset, NARROW).model
    scaled = load_preset(preset, NARROW, sample_rate=rate).model
    assert scaled.sample_rate == rate
    often = rate / scaled.ratio
    assert 0.8 <= often / (own.sample_rate / own.ratio) < 1.6
    Autoencoder(scaled)


def test_ratios_that_the_user_sets_stay(tmp_path: Path) -> None:
    config = load_preset("v1", ["model.ratios=[4, 4, 4, 4]"], sample_rate=16_000).model
    assert config.ratios == [4, 4, 4, 4]


def test_a_stereo_model_keeps_its_channels_apart_in_the_filter_bank() -> None:
    model = randomised(load_preset("tiny", NARROW, channels=2))
    x = torch.randn(1, 2, 8192, dtype=torch.float64)
    bands = model.pqmf.analysis(x)
    assert bands.shape == (1, 32, 512)
    for channel in range(2):
        alone = (
            Autoencoder(load_preset("tiny", NARROW).model).double().pqmf.analysis(x[:, [channel]])
        )
        torch.testing.assert_close(bands[:, 16 * channel : 16 * channel + 16], alone)


def test_v1_has_noise_and_v2_cannot() -> None:
    assert isinstance(Autoencoder(load_preset("v1", NARROW).model).decoder, Decoder)
    with pytest.raises(UserError, match="variant v2 has no noise synthesizer"):
        load_preset("v2", ["model.noise.strides=[4, 4]"])


def test_dilations_for_each_stage_must_be_as_many_as_stages() -> None:
    with pytest.raises(UserError, match=r"model\.dilations has 2 lists, model\.ratios 4"):
        load_preset("v2", ["model.dilations=[[1], [1, 3]]"])


@pytest.mark.parametrize(("purpose", "preset", "settings"), PURPOSES)
def test_what_the_first_question_promises_is_so(
    purpose: str, preset: str, settings: tuple[str, ...]
) -> None:
    config = load_preset(preset, [*settings, *NARROW])
    model = Autoencoder(config.model).eval()
    hop = 0 if "best" in purpose else config.model.ratio
    milliseconds = 1000 * (streaming_twin(model).delay + model.latency + hop) / 44_100
    if "5.4 ms" in purpose:
        assert milliseconds == pytest.approx(5.4, abs=0.05)
    elif "60 ms" in purpose:
        assert 55 < milliseconds < 60
    elif "0.6 s" in purpose:
        assert milliseconds == pytest.approx(600, abs=50)
    else:
        assert preset == "embedded"


def test_train_without_a_preset_asks_what_the_model_is_for(dataset: Path, tmp_path: Path) -> None:
    settings = [part for o in [*QUICK, "training.steps=1"] for part in ("--set", o)]
    settings += ["--set", "training.adversarial.steps=0"]
    theirs, ours = pty.openpty()
    command = [sys.executable, "-m", "timbrel.cli", "train", dataset, tmp_path / "run", *settings]
    process = subprocess.Popen(command, stdin=ours, stdout=subprocess.PIPE, text=True)
    os.write(theirs, b"9\n2\n")  # there is no ninth; the second is the small computer's
    said = process.communicate(timeout=300)[0]
    assert process.returncode == 0
    assert "cannot be changed afterwards" in said
    assert Run(tmp_path / "run").config().preset == "embedded"


def test_without_a_terminal_it_says_what_to_choose_from(dataset, timbrel, one_line) -> None:
    line = one_line(timbrel("train", dataset, "nowhere", stdin=subprocess.DEVNULL))
    for _, preset, _ in PURPOSES:
        assert f"--preset {preset}" in line

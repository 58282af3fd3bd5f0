"""Streaming equals offline: for every layer, then for whole models."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from timbrel.config import load_preset
from timbrel.export.fidelity import relative_error, stream, streaming_errors
from timbrel.export.instrument import Instrument
from timbrel.export.offline import Offline
from timbrel.latent.space import LatentSpace
from timbrel.model.autoencoder import Autoencoder
from timbrel.nn import (
    Conv1d,
    ConvTranspose1d,
    Padding,
    Residual,
    Sequential,
    Sum,
    convert,
    reset,
)
from timbrel.nn.noise import CounterNoise, counter_noise

#: Channels small enough for many runs; ratios, paddings and delays are those of the real presets.
SMALL = ["model.capacity=4", "model.latents=6", "model.pqmf.taps=128"]

paddings = st.sampled_from(Padding)


def randomise(module: nn.Module) -> nn.Module:
    """Weights and batch statistics that hide nothing: none is zero, none is one."""
    generator = torch.Generator().manual_seed(1)
    for name, tensor in module.state_dict().items():
        if tensor.dtype.is_floating_point and "pqmf" not in name:
            noise = torch.rand(tensor.shape, generator=generator, dtype=tensor.dtype)
            tensor.copy_(noise + 0.5 if "running_var" in name else (noise - 0.5))
    return module.double().eval()


def rotation(latents: int) -> LatentSpace:
    """Any one; in double precision, as the models here are."""
    generator = torch.Generator().manual_seed(2)
    basis = torch.linalg.qr(torch.randn(latents, latents, generator=generator).double()).Q
    mean, std, values = (torch.rand(latents, generator=generator).double() for _ in range(3))
    return LatentSpace(mean, basis, values, std)


def blocks(draw: Callable[..., int], frames: int, unit: int) -> list[int]:
    sizes = []
    while sum(sizes) < frames:
        sizes.append(min(unit * draw(st.integers(1, 7)), frames - sum(sizes)))
    return sizes


def assert_streams(
    layer: nn.Module, x: Tensor, sizes: list[int], input_delay: int, up: int = 1, down: int = 1
) -> None:
    """The twin, fed `x` late by `input_delay`, gives the offline output late by what it states."""
    twin, delay = convert(layer, input_delay)
    late = torch.cat([torch.zeros(*x.shape[:2], input_delay, dtype=x.dtype), x], dim=-1)
    with torch.no_grad():
        offline = layer(x)
        streamed = stream(torch.jit.script(twin), late[..., : x.shape[-1]], iter(sizes))
    # At the end, what lies ahead was cut off; at the beginning, both see silence.
    assert streamed.shape[-1] == x.shape[-1] * up // down
    kept = streamed.shape[-1] - delay
    torch.testing.assert_close(streamed[..., delay:], offline[..., :kept], rtol=1e-9, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_convolution_streams_at_any_delay_stride_and_dilation(data: st.DataObject) -> None:
    kernel = data.draw(st.integers(1, 9))
    stride = data.draw(st.integers(1, 4))
    dilation = data.draw(st.integers(1, 3)) if stride == 1 else 1
    layer = Conv1d(3, 4, kernel, stride=stride, dilation=dilation, padding=data.draw(paddings))
    frames = 24 * stride
    x = torch.randn(data.draw(st.sampled_from([1, 4])), 3, frames, dtype=torch.float64)
    delay = data.draw(st.integers(0, 9))
    assert_streams(randomise(layer), x, blocks(data.draw, frames, stride), delay, down=stride)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_transposed_convolution_streams_for_even_and_odd_strides(data: st.DataObject) -> None:
    stride = data.draw(st.integers(1, 5))
    layer = ConvTranspose1d(
        3, 2, stride, bias=data.draw(st.booleans()), padding=data.draw(paddings)
    )
    x = torch.randn(2, 3, 24, dtype=torch.float64)
    delay = data.draw(st.integers(0, 5))
    # A late input's silence is not the offline input's edge where a bias fills it: start at zero.
    delay = 0 if layer.bias is not None else delay
    twin, lag = convert(randomise(layer), delay)
    late = torch.cat([torch.zeros(2, 3, delay, dtype=x.dtype), x], dim=-1)[..., :24]
    with torch.no_grad():
        offline = layer(x)
        streamed = stream(torch.jit.script(twin), late, iter(blocks(data.draw, 24, 1)))
    torch.testing.assert_close(streamed[..., lag:], offline[..., : 24 * stride - lag])


@pytest.mark.parametrize("padding", Padding)
def test_branches_of_different_look_ahead_meet_in_time(padding: Padding) -> None:
    branches = Sum(
        (3, 3),
        Sequential(Conv1d(3, 3, 9, padding=padding), nn.LeakyReLU(0.2)),
        Residual(3, Conv1d(3, 3, 3, dilation=2, padding=padding)),
    )
    x = torch.randn(1, 3, 64, dtype=torch.float64)
    assert_streams(randomise(branches), x, [5, 1, 30, 28], input_delay=3)


def test_a_frozen_batch_norm_disappears_into_the_convolution_before_it() -> None:
    layers = randomise(Sequential(Conv1d(3, 4, 5), nn.BatchNorm1d(4), nn.Tanh()))
    twin, _ = convert(layers)
    assert [type(m).__name__ for m in twin] == ["StreamingConv1d", "Tanh"]
    with pytest.raises(ValueError, match="eval mode"):
        convert(nn.BatchNorm1d(4).train())


def test_a_layer_nobody_taught_to_stream_is_refused() -> None:
    with pytest.raises(TypeError, match="GRU has no streaming twin"):
        convert(nn.GRU(4, 4))


@pytest.mark.parametrize("noise", [False, True], ids=["harmonic", "with noise"])
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("padding", ["causal", "centred"])
@pytest.mark.parametrize("preset", ["tiny", "v1"])
def test_streaming_equals_offline_for_any_block_partition(
    preset: str, padding: str, batch: int, noise: bool
) -> None:
    config = load_preset(preset, [*SMALL, f"model.padding={padding}"]).model
    model = randomise(Autoencoder(config))
    model.decoder.with_noise = noise
    for dtype, tolerance in ((torch.float64, 1e-9), (torch.float32, 1e-5)):
        instrument = Instrument(model.to(dtype))
        for seed in range(2):
            errors = streaming_errors(
                Offline(model), instrument, instrument.streaming_delay, batch, seed=seed
            )
            assert errors.keys() == {"encode", "decode", "forward"}
            assert max(errors.values()) < tolerance, errors


@pytest.mark.parametrize("stereo", [False, True], ids=["mono", "two samples"])
@pytest.mark.parametrize("padding", ["causal", "centred"])
def test_chance_in_the_latents_streams_as_well(padding: str, stereo: bool) -> None:
    config = load_preset("tiny", [*SMALL, f"model.padding={padding}"]).model
    model = randomise(Autoencoder(config))
    space = rotation(config.latents)
    instrument = Instrument(model, space, 4, stereo=stereo)
    offline = Offline(model, space, 4, samples=2 if stereo else 1)
    for played in (instrument, offline):
        played.temperature, played.noise = 0.7, 1.3
    for seed, batch in enumerate((1, 4)):
        errors = streaming_errors(offline, instrument, instrument.streaming_delay, batch, seed=seed)
        assert max(errors.values()) < 1e-9, errors
    # It does make a difference.
    still = Offline(model, space, 4, samples=2 if stereo else 1)
    z = torch.zeros(1, 4, 3, dtype=torch.float64)
    with torch.no_grad():
        assert relative_error(still.decode(z), offline.decode(z)) > 0.1


@pytest.mark.parametrize("padding", ["causal", "centred"])
def test_a_model_of_three_channels_streams_them_all(padding: str) -> None:
    overrides = [*SMALL, f"model.padding={padding}", "model.channels=3"]
    model = randomise(Autoencoder(load_preset("tiny", overrides).model))
    model.decoder.with_noise = True
    instrument = Instrument(model)
    errors = streaming_errors(Offline(model), instrument, instrument.streaming_delay, 2)
    assert max(errors.values()) < 1e-9
    assert instrument.forward_params.tolist() == [3, 1, 3, 1]


def test_the_real_v1_streams_with_its_512_taps() -> None:
    model = randomise(Autoencoder(load_preset("v1", ["model.capacity=2"]).model))
    instrument = Instrument(model)
    errors = streaming_errors(Offline(model), instrument, instrument.streaming_delay, 1)
    assert max(errors.values()) < 1e-9
    # All delays aligned, each stride at the smallest delay its phase allows. The authors' own
    # conversion needs 27,280 samples.
    assert instrument.streaming_delay["forward"] == 24_960


@pytest.mark.parametrize(("preset", "latency"), [("tiny", 112), ("v1", 496)])
def test_a_causal_model_streams_without_any_delay_but_its_filter_bank(
    preset: str, latency: int
) -> None:
    model = Autoencoder(load_preset(preset, ["model.padding=causal", "model.capacity=2"]).model)
    assert set(Instrument(model.eval()).streaming_delay.values()) == {0}
    assert model.latency == latency


def test_the_error_measure_sees_a_shift_of_one_sample_and_nan() -> None:
    x = torch.randn(1, 1, 1000)
    assert relative_error(x, x) == 0
    assert relative_error(x.roll(1), x) > 1
    assert relative_error(x * torch.nan, x) == np.inf


def test_reset_makes_a_twin_new_and_a_new_batch_size_does_too() -> None:
    model = Autoencoder(load_preset("tiny", SMALL).model).eval()
    twin = torch.jit.script(Instrument(model))
    x = torch.randn(1, 1, 4096)
    with torch.no_grad():
        first = twin(x)
        assert not torch.equal(twin(x), first)
        reset(twin)
        assert torch.equal(twin(x), first)
        pair = twin(torch.cat([x, x]))
        torch.testing.assert_close(pair, torch.cat([first, first]))


def test_noise_depends_on_seed_and_position_alone() -> None:
    whole = counter_noise(7, 2, 3, -5, 100)
    parts = [counter_noise(7, 2, 3, start, 20) for start in range(-5, 95, 20)]
    assert torch.equal(torch.cat(parts, dim=-1), whole)
    assert not torch.equal(counter_noise(8, 2, 3, -5, 100), whole)
    source = CounterNoise(seed=7, delay=5)
    like = torch.zeros(2, 3, 50, dtype=torch.float64)
    assert torch.equal(torch.cat([source(like), source(like)], dim=-1), whole)


def test_noise_is_white_uniform_and_independent_between_channels() -> None:
    x = counter_noise(0, 1, 8, 0, 1 << 15)[0]
    assert x.min() >= -1
    assert x.max() < 1
    # Four standard errors of each estimate.
    assert (x.mean(dim=-1).abs() < 4 * (1 / 3) ** 0.5 / (1 << 15) ** 0.5).all()
    assert ((x.square().mean(dim=-1) - 1 / 3).abs() < 4 * 0.298 / (1 << 15) ** 0.5).all()
    correlation = torch.corrcoef(torch.cat([x, x.roll(1, dims=-1)]))
    off_diagonal = correlation - torch.eye(16)
    assert off_diagonal.abs().max() < 5 / (1 << 15) ** 0.5


def test_noise_goes_on_past_32_bits_of_samples() -> None:
    assert not torch.equal(counter_noise(0, 1, 1, 1 << 32, 64), counter_noise(0, 1, 1, 0, 64))

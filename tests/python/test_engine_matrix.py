"""One model, every layout: what is heard is what torch gives, later by what the engine states.

The model computes each sample by itself, so that blocks of any size give the same to the bit.
"""

import json
import math
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tiny_models import save
from torch import Tensor, nn

from timbrel.engine import Model, Stream

RATE = 48_000
RATIO = 64
OWN_LATENCY = 3
VECTORS = [1, 17, 64, 480, 4096]
BUFFERS = [1, 2, 3, 5]
BATCHES = [1, 4]

Audio = NDArray[np.float32]


class Echoes(nn.Module):
    """Methods of every kind, each with a state that a lost, doubled or shifted block would show."""

    def __init__(self) -> None:
        super().__init__()
        self.ratio = RATIO
        self.register_buffer("forward_params", torch.tensor([1, 1, 1, 1]))
        self.register_buffer("encode_params", torch.tensor([1, 1, 2, RATIO]))
        self.register_buffer("decode_params", torch.tensor([2, RATIO, 1, 1]))
        self.register_buffer("heard", torch.zeros(1, 1, 5))
        self.register_buffer("seen", torch.zeros(1, 1, 1))
        self.register_buffer("played", torch.zeros(1, 1, 1))

    @torch.jit.export
    def get_methods(self) -> list[str]:
        return ["forward", "encode", "decode"]

    def forward(self, x: Tensor) -> Tensor:
        """What went in three samples ago, and less of what did five samples ago."""
        joined = torch.cat([self.heard.expand(x.shape[0], -1, -1), x], -1)
        self.heard = joined[..., -5:].clone()
        return joined[..., 2:-3] - 0.5 * joined[..., :-5]

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        """Of each frame its first and last sample, less the last one of the frame before."""
        frames = x.reshape(x.shape[0], -1, self.ratio)
        last = frames[..., -1].unsqueeze(1)
        before = torch.cat([self.seen.expand(x.shape[0], -1, -1), last[..., :-1]], -1)
        self.seen = last[..., -1:].clone()
        return torch.cat([frames[..., 0].unsqueeze(1), last - before], 1)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        """Holds both latents' sum for a frame, and half of the one before."""
        total = z.sum(1, keepdim=True)
        before = torch.cat([self.played.expand(z.shape[0], -1, -1), total[..., :-1]], -1)
        self.played = total[..., -1:].clone()
        return (total + 0.5 * before).repeat_interleave(self.ratio, -1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    path = tmp_path_factory.mktemp("models") / "echoes.ts"
    return Model(save(Echoes(), path, json.dumps({"latency": {"forward": OWN_LATENCY}})))


@pytest.fixture(scope="module")
def path(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(Echoes(), tmp_path_factory.mktemp("reference") / "echoes.ts")


def noise(stream: Stream, vector: int, batch: int) -> Audio:
    """So many whole vectors that several blocks are heard."""
    blocks = stream.latency.buffer + 4 * max(stream.buffer, RATIO)
    frames = vector * max(3, math.ceil(blocks / vector))
    channels = stream.method.in_channels * batch
    return np.random.default_rng(vector).uniform(-1, 1, (channels, frames)).astype(np.float32)


def in_torch(path: Path, method: str, x: Audio, batch: int) -> Audio:
    """Whole frames in one step; at an inlet of latents, the last sample of each group counts."""
    x = x[:, : x.shape[1] // RATIO * RATIO]
    inputs = torch.from_numpy(x).reshape(batch, -1, x.shape[1])
    if method == "decode":
        inputs = inputs[..., RATIO - 1 :: RATIO]
    with torch.no_grad():
        outputs = getattr(torch.jit.load(str(path)), method)(inputs)
    if method == "encode":
        outputs = outputs.repeat_interleave(RATIO, -1)
    return outputs.reshape(-1, outputs.shape[-1]).numpy()


def paced(stream: Stream, x: Audio, vector: int) -> Audio:
    """As an audio thread plays, but no call comes before the blocks of those before are there."""
    start = stream.stats.blocks
    outputs = []
    for end in range(vector, x.shape[1] + 1, vector):
        outputs.append(stream.process(x[:, end - vector : end]))
        while stream.stats.blocks - start < end // stream.buffer:
            time.sleep(0)
    return np.concatenate(outputs, 1)


def check_equals_torch(path: Path, stream: Stream, x: Audio, heard: Audio, batch: int) -> None:
    expected = in_torch(path, stream.method.name, x, batch)
    delay = stream.latency.buffer
    assert not np.any(heard[:, :delay])
    length = min(expected.shape[1], heard.shape[1] - delay)
    assert length >= 2 * RATIO
    np.testing.assert_array_equal(heard[:, delay : delay + length], expected[:, :length])
    assert stream.stats.late == stream.stats.skipped == stream.stats.failed == 0


def layouts() -> Iterator[tuple[int, int]]:
    yield from product(VECTORS, BUFFERS)


@pytest.mark.parametrize("method", ["forward", "encode", "decode"])
@pytest.mark.parametrize("batch", BATCHES)
def test_offline_equals_torch_for_every_vector_and_buffer(
    model: Model, path: Path, method: str, batch: int
) -> None:
    for vector, buffer in layouts():
        stream = Stream(model, method, buffer * RATIO, batch)
        stream.prepare(RATE, vector)
        x = noise(stream, vector, batch)
        check_equals_torch(path, stream, x, stream.process_blocking(x), batch)


@pytest.mark.parametrize("method", ["forward", "encode", "decode"])
@pytest.mark.parametrize("batch", BATCHES)
def test_blocking_equals_torch_for_every_vector(
    model: Model, path: Path, method: str, batch: int
) -> None:
    for vector in VECTORS:
        stream = Stream(model, method, 0, batch)
        stream.prepare(RATE, vector)
        x = noise(stream, vector, batch)
        check_equals_torch(path, stream, x, stream.process_blocking(x), batch)


@pytest.mark.parametrize("method", ["forward", "encode", "decode"])
@pytest.mark.parametrize("batch", BATCHES)
def test_threaded_equals_torch_for_every_vector_and_buffer(
    model: Model, path: Path, method: str, batch: int
) -> None:
    for vector, buffer in layouts():
        stream = Stream(model, method, buffer * RATIO, batch)
        # A block is counted a moment before it can be played. With twice the usual time it is not
        # due before another one has been counted.
        stream.prepare(RATE, vector, slack=2 * max(vector, stream.buffer))
        x = noise(stream, vector, batch)
        check_equals_torch(path, stream, x, paced(stream, x, vector), batch)


@pytest.mark.parametrize("batch", BATCHES)
def test_an_impulse_is_heard_at_the_stated_latency(model: Model, batch: int) -> None:
    for vector, buffer in product(VECTORS, [0, *BUFFERS]):
        stream = Stream(model, "forward", buffer * RATIO, batch)
        stream.prepare(RATE, vector)
        latency = stream.latency
        assert latency.model == OWN_LATENCY
        assert latency.total == latency.buffer + OWN_LATENCY
        x = np.zeros_like(noise(stream, vector, batch))
        # In another place in each example.
        at = np.arange(batch) * 37 + 11
        x[np.arange(batch), at] = 1
        heard = stream.process_blocking(x)
        np.testing.assert_array_equal(np.argmax(heard, 1) - at, latency.total)

"""The shipped instrument's latents, played by messages: equal to a reference, without a click."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from latent_reference import Kind, Move, moved
from numpy.typing import NDArray

from timbrel.data.tabla import make
from timbrel.engine import Model, Stream
from timbrel.export.file import unoptimised

MODEL = Path(__file__).parents[2] / "models" / "tabla.ts"
RATE, VECTOR, RATIO, BLOCKS = 44_100, 64, 2048, 60
SEED = 7

Audio = NDArray[np.float32]
Gesture = tuple[int, str, tuple[float | str, ...]]
"""The block in whose middle a message is sent, and the message."""

HAND = tuple(1.0 if i % 2 else -1.0 for i in range(16))
GESTURES: dict[str, list[Gesture]] = {
    "jump": [(16, "latents", (*HAND, 0)), (32, "latent", ("set", 0, 2.0, 0))],
    "50 ms ramp": [(16, "latents", (*HAND, 50)), (32, "latent", ("bias", 3, -1.5, 50))],
    "freeze": [(17, "latent", ("freeze", 1)), (40, "latent", ("freeze", 0))],
    "noise": [(16, "latent", ("noise", 0, 1.0)), (40, "latent", ("noise", 0, 0.0, 200))],
    "scale": [(16, "latent", ("scale", 1, 0.0, 50)), (40, "latent", ("scale", 1, 1.0))],
}


@pytest.fixture(scope="module")
def performance(tmp_path_factory: pytest.TempPathFactory) -> Audio:
    made = make(tmp_path_factory.mktemp("tabla") / "sound", minutes=0.1)
    samples, _ = soundfile.read(made.performance, dtype="float32")
    return samples[None, : BLOCKS * RATIO]


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(MODEL)


def play(model: Model, audio: Audio, gestures: list[Gesture]) -> tuple[Audio, int]:
    """What a stream gives that is spoken to, and how late the engine is, without the model."""
    stream = Stream(model, "forward", RATIO)
    stream.offline = True
    stream.prepare(RATE, VECTOR)
    stream.send("seed", SEED)
    stream.settle()
    at = [0, *(position(block) for block, _, _ in gestures), audio.shape[1]]
    heard = []
    for (begin, end), gesture in zip(pairwise(at), [*gestures, None], strict=True):
        heard.append(stream.process_blocking(audio[:, begin:end]))
        if gesture is not None:
            _, selector, values = gesture
            assert [str(e) for e in stream.ask(selector, *values) if e.selector == "error"] == []
    return np.concatenate(heard, axis=1), stream.latency.total - stream.latency.model


def position(block: int) -> int:
    return block * RATIO + RATIO // 2


def move(gesture: Gesture) -> list[Move]:
    block, selector, values = gesture
    at = position(block)
    numbers = [float(v) for v in values if not isinstance(v, str)]
    if selector == "latents":
        return [Move("set", i, v, numbers[-1], at) for i, v in enumerate(numbers[:-1])]
    kind: Kind = values[0]  # type: ignore[assignment]
    if kind == "freeze":
        return [Move(kind, -1, numbers[0], at=at)]
    return [Move(kind, int(numbers[0]), numbers[1], *numbers[2:3], at=at)]


def reference(audio: Audio, gestures: list[Gesture]) -> Audio:
    """Encodes, moves the latents and decodes, in torch and numpy alone."""
    archive = torch.jit.load(MODEL)
    with torch.no_grad(), unoptimised():
        blocks = torch.from_numpy(audio)[None].split(RATIO, dim=-1)
        z = torch.cat([archive.encode(block) for block in blocks], -1).numpy()
        moves = [each for gesture in gestures for each in move(gesture)]
        z = moved(z, moves, sample_rate=RATE, ratio=RATIO, seed=SEED)
        y = [archive.decode(frame) for frame in torch.from_numpy(z).split(1, dim=-1)]
    return torch.cat(y, -1)[0].numpy()


@pytest.fixture(scope="module")
def plain(model: Model, performance: Audio) -> Audio:
    return play(model, performance, [])[0]


@pytest.fixture(scope="module")
def untouched(performance: Audio) -> Audio:
    return reference(performance, [])


@pytest.mark.parametrize("gestures", GESTURES.values(), ids=GESTURES.keys())
def test_what_is_heard_is_what_numpy_does_to_the_same_latents(
    model: Model, performance: Audio, plain: Audio, untouched: Audio, gestures: list[Gesture]
) -> None:
    heard, delay = play(model, performance, gestures)
    expected = reference(performance, gestures)
    first = position(gestures[0][0]) // RATIO * RATIO
    np.testing.assert_array_equal(expected[:, :first], untouched[:, :first])
    assert np.abs(expected - untouched).max() > 0.02
    np.testing.assert_allclose(
        heard[:, delay:], expected[:, : expected.shape[1] - delay], atol=1e-5
    )
    # No gesture makes a step, from a sample to the next, that the model alone would not make.
    assert 0 < np.abs(np.diff(heard)).max() <= np.abs(np.diff(plain)).max()

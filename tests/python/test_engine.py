"""The engine through its Python binding: as in torch, delayed by the latency it reports."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from model_zoo import BadManners, Stochastic
from tiny_models import Breaking, Filter, Instrument, Short, save, stepped

from timbrel.engine import Model, Stream
from timbrel.errors import UserError

RATE = 44100


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    metadata = {
        "name": "The filter",
        "sample_rate": RATE,
        "latency": {"forward": 7},
        "unknown": [1],
    }
    return {
        "filter": save(Filter(), folder / "filter.ts", json.dumps(metadata)),
        "stereo": save(Filter(2), folder / "stereo.ts"),
        "instrument": save(Instrument(), folder / "instrument.ts"),
        "breaking": save(Breaking(), folder / "breaking.ts"),
    }


def noise(channels: int, frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (channels, frames)).astype(np.float32)


def play(stream: Stream, x: np.ndarray) -> np.ndarray:
    """Renders and removes the buffer's latency."""
    delay = stream.latency.buffer
    padded = np.pad(x, ((0, 0), (0, delay)))
    return stream.process_blocking(padded)[:, delay:]


def test_a_file_describes_itself(files: dict[str, Path]) -> None:
    model = Model(files["instrument"])
    assert list(model.methods) == ["encode", "decode", "forward"]
    encode = model.methods["encode"]
    assert (encode.in_channels, encode.in_ratio) == (1, 1)
    assert (encode.out_channels, encode.out_ratio) == (2, 512)
    assert encode.output_labels == ["(signal) level", "(signal) peak"]
    assert model.methods["decode"].input_labels == ["", ""]
    assert list(model.attributes) == ["brightness"]
    assert model.max_ratio == 512
    assert model.name == "instrument"
    assert model.sample_rate == 0


def test_metadata_of_ours_is_read_and_unknown_fields_are_normal(files: dict[str, Path]) -> None:
    model = Model(files["filter"])
    assert model.name == "The filter"
    assert model.sample_rate == RATE
    assert json.loads(model.metadata)["unknown"] == [1]
    stream = Stream(model)
    stream.prepare(RATE, 64)
    assert stream.latency.model == 7
    assert stream.latency.total == stream.latency.buffer + 7


def test_a_file_without_get_methods_has_those_with_params(files: dict[str, Path]) -> None:
    assert list(Model(files["breaking"]).methods) == ["forward"]


@pytest.mark.parametrize(
    ("buffer", "vector"), [(64, 64), (2048, 64), (100, 64), (512, 1000), (0, 64)]
)
def test_streaming_equals_torch_delayed_by_the_latency(
    files: dict[str, Path], buffer: int, vector: int
) -> None:
    stream = Stream(files["filter"], buffer=buffer)
    stream.prepare(RATE, vector)
    block = buffer or vector
    x = noise(1, 20 * block * vector // np.gcd(block, vector))
    expected = stepped(files["filter"], torch.from_numpy(x), block).numpy()
    np.testing.assert_allclose(play(stream, x), expected, atol=1e-6)
    assert stream.stats.late == 0


def test_channels_do_not_mix(files: dict[str, Path]) -> None:
    stream = Stream(files["stereo"])
    stream.prepare(RATE, 64)
    x = noise(2, 8192)
    expected = stepped(files["stereo"], torch.from_numpy(x), 2048).numpy()
    np.testing.assert_allclose(play(stream, x), expected, atol=1e-6)


def test_latents_are_held_and_taken_as_the_last_sample_of_their_group(
    files: dict[str, Path],
) -> None:
    model = Model(files["instrument"])
    x = noise(1, 8192)
    z = stepped(files["instrument"], torch.from_numpy(x), 512, "encode")
    encode = Stream(model, "encode")
    encode.prepare(RATE, 64)
    held = play(encode, x)
    np.testing.assert_allclose(held, z.repeat_interleave(512, -1).numpy(), atol=1e-6)

    decode = Stream(model, "decode")
    decode.prepare(RATE, 64)
    # Only the last sample of each group counts.
    misleading = noise(2, 8192, seed=1)
    misleading[:, 511::512] = z.numpy()
    expected = stepped(files["instrument"], z, 1, "decode").numpy()
    np.testing.assert_allclose(play(decode, misleading), expected, atol=1e-6)


def test_examples_of_a_batch_have_states_of_their_own(files: dict[str, Path]) -> None:
    stream = Stream(files["filter"], batch=3)
    stream.prepare(RATE, 64)
    x = noise(3, 8192)
    expected = np.concatenate(
        [stepped(files["filter"], torch.from_numpy(row[None]), 2048).numpy() for row in x]
    )
    np.testing.assert_allclose(play(stream, x), expected, atol=1e-6)


def test_streams_of_one_model_do_not_share_state(files: dict[str, Path]) -> None:
    model = Model(files["filter"])
    first, second = Stream(model, buffer=64), Stream(model, buffer=64)
    x = noise(1, 640)
    for stream in (first, second):
        stream.prepare(RATE, 64, slack=0)
    outputs = [
        (first.process_blocking(part), second.process_blocking(part)) for part in np.split(x, 10, 1)
    ]
    expected = stepped(files["filter"], torch.from_numpy(x), 64).numpy()
    for i in range(2):
        rendered = np.concatenate([pair[i] for pair in outputs], 1)
        np.testing.assert_allclose(rendered, expected, atol=1e-6)


def test_reset_brings_back_the_state_of_the_file(files: dict[str, Path]) -> None:
    stream = Stream(files["filter"], buffer=64)
    stream.prepare(RATE, 64)
    x = noise(1, 6400)
    first = stream.process_blocking(x)
    stream.process_blocking(np.zeros((1, 640)))
    stream.reset()
    np.testing.assert_array_equal(stream.process_blocking(x), first)


def test_a_disabled_stream_is_silent(files: dict[str, Path]) -> None:
    stream = Stream(files["filter"])
    stream.prepare(RATE, 64)
    assert stream.enabled
    stream.enabled = False
    assert not np.any(stream.process_blocking(noise(1, 8192)))
    assert stream.stats.blocks == 0


def test_the_real_time_call_never_waits_and_counts_what_was_late(files: dict[str, Path]) -> None:
    stream = Stream(files["filter"], buffer=64)
    stream.prepare(RATE, 64)
    out = stream.process(noise(1, 64 * 2000))
    assert out.shape == (1, 64 * 2000)
    assert np.all(np.isfinite(out))
    assert stream.stats.blocks + stream.stats.skipped <= 2000
    stream.process_blocking(noise(1, 64 * 10))
    stats = stream.stats
    assert stats.blocks > 0
    assert stats.block_ms == pytest.approx(64 / RATE * 1000)
    assert 0 < stats.median_ms <= stats.p99_ms <= stats.max_ms


def test_a_buffer_is_rounded_up_to_the_ratio(files: dict[str, Path]) -> None:
    model = Model(files["instrument"])
    assert Stream(model).buffer == 2048
    assert Stream(model, buffer=1).buffer == 512
    assert Stream(model, buffer=513).buffer == 1024
    assert Stream(model, buffer=1536).buffer == 1536


def test_a_model_that_raises_says_so_once_and_is_silent(files: dict[str, Path]) -> None:
    stream = Stream(files["breaking"], buffer=64)
    stream.prepare(RATE, 64, slack=0)
    out = stream.process_blocking(np.ones((1, 640), dtype=np.float32))
    assert np.all(out[:, :256] == 1)
    assert out[0, -1] == 0
    error = stream.poll_error()
    assert error == "method forward failed: the fifth block is too much"
    assert stream.poll_error() is None
    assert stream.stats.failed == 6


def test_a_model_that_fails_in_its_first_block_is_refused_every_time(tmp_path: Path) -> None:
    model = Model(save(Short(), tmp_path / "short.ts"))
    for _ in range(2):
        with pytest.raises(UserError, match=r"returns \(1, 1, 63\) instead of \(1, 1, 64\)"):
            Stream(model, buffer=64)


def test_torch_keeps_its_threads_in_the_program_that_uses_the_engine(
    files: dict[str, Path],
) -> None:
    before = torch.get_num_threads()
    stream = Stream(files["filter"])
    stream.prepare(RATE, 64)
    stream.process_blocking(noise(1, 4096))
    assert torch.get_num_threads() == before


def test_a_stream_that_draws_leaves_the_random_numbers_of_the_program_alone(
    tmp_path: Path,
) -> None:
    path = save(Stochastic(), tmp_path / "noise.ts")
    torch.manual_seed(3)
    expected = torch.randn(8)
    torch.manual_seed(3)
    stream = Stream(path, buffer=64)
    stream.prepare(RATE, 64)
    assert np.any(stream.process_blocking(noise(1, 6400)))
    torch.testing.assert_close(torch.randn(8), expected, rtol=0, atol=0)


def test_what_is_wrong_is_said_in_one_line(files: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "text.ts").write_text("#N canvas 0 0 100 100;\n")
    whole = files["filter"].read_bytes()
    (tmp_path / "cut.ts").write_bytes(whole[: len(whole) // 2])
    damaged = bytearray(whole)
    damaged[whole.index(b"forward")] ^= 0xFF
    (tmp_path / "damaged.ts").write_bytes(damaged)
    unplayable = torch.nn.Identity()
    save(unplayable, tmp_path / "identity.ts")
    expected = {
        "missing.ts": "missing.ts: no such file",
        "text.ts": "text.ts: not a TorchScript archive (it looks like text)",
        "cut.ts": "cut.ts: truncated (the file ends before its index)",
        "damaged.ts": "damaged.ts: damaged (",
        "identity.ts": "identity.ts: a TorchScript file, but no method of it can be played",
    }
    for name, line in expected.items():
        with pytest.raises(UserError) as caught:
            Model(tmp_path / name)
        assert str(caught.value).startswith(line)
        assert "\n" not in str(caught.value)
    with pytest.raises(
        UserError, match=r"no method 'prior' in instrument \(it has: encode, decode, f"
    ):
        Stream(files["instrument"], "prior")
    with pytest.raises(UserError, match="prepared before"):
        Stream(files["filter"]).process(noise(1, 64))
    stream = Stream(files["stereo"])
    stream.prepare(RATE, 64)
    with pytest.raises(UserError, match=r"expected an array of shape \(2, frames\)"):
        stream.process(noise(1, 64))
    with pytest.raises(UserError, match="positive"):
        stream.prepare(0, 64)


@pytest.mark.parametrize("eighth", range(8))
def test_a_file_cut_anywhere_is_refused(
    files: dict[str, Path], tmp_path: Path, eighth: int
) -> None:
    whole = files["instrument"].read_bytes()
    path = tmp_path / "cut.ts"
    path.write_bytes(whole[: len(whole) * eighth // 8])
    with pytest.raises(UserError, match=r"cut\.ts: "):
        Model(path)


ENDS_INSIDE_A_MODEL = """
import sys
from timbrel.engine import Model, Stream
try:
    Stream(Model(sys.argv[1]), "forward")
except Exception as problem:
    print(problem)
sys.exit(7)
"""


def test_a_process_ends_with_its_own_status_while_a_model_never_returns(tmp_path: Path) -> None:
    path = save(BadManners("endless"), tmp_path / "endless.ts")
    ended = subprocess.run(
        [sys.executable, "-c", ENDS_INSIDE_A_MODEL, str(path)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "TIMBREL_MODEL_TIMEOUT": "0.5"},
        timeout=60,
    )
    assert "did not return within" in ended.stdout
    assert (ended.returncode, ended.stderr) == (7, "")

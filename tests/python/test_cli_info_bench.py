"""`timbrel info` and `timbrel bench`: what a file says about itself, and what it costs here."""

import json
import os
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import TAPS, Breaking, Filter, Instrument, save
from torch import Tensor

import timbrel
from timbrel.benchmark import LARGEST_BUFFER, Measured, _smallest_safe
from timbrel.engine import Latency, Model

SHIPPED = Path(__file__).parents[2] / "models" / "tabla.ts"


@pytest.fixture(scope="module")
def instrument(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(Instrument(), tmp_path_factory.mktemp("models") / "[bold]instrument.ts")


def test_info_prints_all_that_is_known_as_json(timbrel):
    result = timbrel("info", SHIPPED, "--json")
    assert result.returncode == 0, result.stderr
    described = json.loads(result.stdout)
    assert described["name"] == "tabla"
    assert described["bytes"] == SHIPPED.stat().st_size
    assert (described["sample_rate"], described["default_buffer"]) == (44_100, 2048)
    assert [method["name"] for method in described["methods"]] == ["encode", "decode", "forward"]
    encode, _, forward = described["methods"]
    assert (encode["in_channels"], encode["in_ratio"]) == (1, 1)
    assert (encode["out_channels"], encode["out_ratio"]) == (16, 2048)
    assert encode["output_labels"][0] == "(signal) latent 0"
    assert forward["latency"] == described["metadata"]["latency"]["forward"] > 0
    assert forward["latency_ms"] == pytest.approx(1000 * forward["latency"] / 44_100)
    assert described["metadata"]["license"] == "CC0-1.0"


def test_info_of_a_file_of_others_says_what_is_not_stated(timbrel, instrument):
    described = json.loads(timbrel("info", instrument, "--json").stdout)
    assert described["metadata"] is None
    assert described["sample_rate"] is None
    assert described["methods"][0]["latency_ms"] is None
    assert described["attributes"] == [
        {"name": "brightness", "types": ["float"], "value": [0.5]},
    ]
    assert set(described["speed"]) == {"encode", "decode", "forward"}
    assert all(speed["real_time_factor"] > 0 for speed in described["speed"].values())


class Declared(timbrel.Module):
    """Attributes of several types, one of them for an array of the patch; noise."""

    loud = timbrel.attribute(True)
    mode = timbrel.attribute("soft", choices=("soft", "[hard]"))
    noise = timbrel.attribute(0.5, range=(0.0, None), doc="level of the noise")
    mixed = timbrel.attribute((False, 2, torch.zeros(20), 3, timbrel.Buffer()))

    def __init__(self) -> None:
        super().__init__(sample_rate=32_000)

    @timbrel.method(channels=2, input_labels=["left", "right"])
    def forward(self, x: Tensor) -> Tensor:
        # Sample by sample, so that blocks do not matter.
        return x + self.noise * torch.rand(x.shape[-1], x.shape[0]).T.unsqueeze(1)


def test_info_shows_what_a_module_declares_and_what_its_export_found(timbrel, tmp_path):
    Declared().export(tmp_path / "declared.ts", author="someone")
    described = json.loads(timbrel("info", tmp_path / "declared.ts", "--json").stdout)
    attributes = {attribute.pop("name"): attribute for attribute in described["attributes"]}
    assert attributes["loud"] == {"types": ["bool"], "value": [True]}
    assert attributes["mode"]["choices"] == ["soft", "[hard]"]
    assert attributes["noise"] == {
        "types": ["float"],
        "value": [0.5],
        "range": [0.0, None],
        "doc": "level of the noise",
    }
    # A message knows numbers only; here each is what its element is, on both sides of a tensor.
    assert attributes["mixed"]["types"] == ["bool", "int", "tensor", "int", "buffer"]
    value = attributes["mixed"]["value"]
    assert [type(v) for v in (value[0], value[1], value[-2])] == [bool, int, int]
    assert value[2:-2] == [0.0] * 20
    assert described["buffers"] == ["mixed#4"]
    assert described["sample_rate"] == 32_000
    assert described["metadata"]["methods"]["forward"]["stochastic"] is True

    shown = timbrel("info", tmp_path / "declared.ts", env=os.environ | {"COLUMNS": "120"}).stdout
    for words in (
        "loud 1 (bool)",
        "mode soft (string: soft, [hard])",
        "noise 0.5 (float, from 0.0): level of the noise",
        "an array or buffer~ for mixed (value 5)",
        "forward (silenced by noise)",
        "left, right",
        "32000 Hz",
        "someone",
    ):
        assert words in shown


def test_a_damaged_file_is_refused_before_anything_in_it_is_run(timbrel, one_line, tmp_path):
    class Talkative(Filter):
        @torch.jit.export
        def get_methods(self) -> list[str]:
            print("executed")
            return ["forward"]

    path = save(Talkative(), tmp_path / "model.ts")
    assert "executed" in timbrel("info", path).stdout
    content = bytearray(path.read_bytes())
    at = content.index(torch.tensor(TAPS).flip(0).numpy().tobytes())
    content[at] ^= 1
    path.write_bytes(content)
    result = timbrel("info", "model.ts", cwd=tmp_path)
    assert one_line(result).startswith("timbrel: model.ts: ")
    assert "executed" not in result.stdout + result.stderr


def test_info_for_people(timbrel, instrument):
    shown = timbrel("info", SHIPPED, env=os.environ | {"COLUMNS": "120"}).stdout
    for words in ("44100 Hz", "CC0-1.0", "16, one frame per 2048 samples", "latent 0 … latent 15"):
        assert words in shown
    others = timbrel("info", instrument).stdout
    # The name as it stands, not as markup.
    for words in (
        "[bold]instrument",
        "not stated",
        "brightness",
        "level, peak",
        "multiples of 512",
    ):
        assert words in others


@pytest.mark.parametrize("command", ["info", "bench"])
def test_what_is_no_model_is_one_line(timbrel, one_line, tmp_path, command):
    (tmp_path / "text.ts").write_text("#N canvas 0 0 100 100;\n")
    line = one_line(timbrel(command, "text.ts", cwd=tmp_path))
    assert line == "timbrel: text.ts: not a TorchScript archive (it looks like text)"
    assert one_line(timbrel(command, "no.ts", cwd=tmp_path)) == "timbrel: no.ts: no such file"


def test_the_default_buffer_is_the_engine_s(tmp_path):
    from timbrel.engine import Stream

    for model in (Filter(), Instrument()):
        path = save(model, tmp_path / "model.ts")
        assert Model(path).default_buffer == Stream(path).buffer == 2048


@pytest.mark.parametrize("method", ["forward", "encode", "decode"])
def test_bench_measures_the_default_and_finds_the_smallest_safe_buffer(timbrel, instrument, method):
    options = ["--method", method, "--rate", 48_000, "--vector", 64, "--json"]
    result = timbrel("bench", instrument, *options)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["method"], found["sample_rate"], found["vector"]) == (method, 48_000, 64)
    buffers = {row["buffer"]: row for row in found["buffers"]}
    assert list(buffers) == sorted(buffers)
    assert found["default_buffer"] == 2048
    assert 2048 in buffers
    for buffer, row in buffers.items():
        assert buffer % 512 == 0
        assert row["block_ms"] == pytest.approx(1000 * buffer / 48_000)
        assert 0 < row["median_ms"] <= row["p99_ms"] <= row["max_ms"]
        assert row["real_time_factor"] == pytest.approx(row["block_ms"] / row["median_ms"])
        # Buffer − gcd(buffer, vector) + the time given to inference, as a patch reports it.
        assert row["latency"] == buffer - 64 + buffer
        assert row["safe"] == (1.5 * row["p99_ms"] <= row["block_ms"])
    smallest = found["smallest_safe_buffer"]
    assert smallest is None or buffers[smallest]["safe"]


def test_bench_for_people(timbrel, tmp_path):
    result = timbrel("bench", save(Filter(), tmp_path / "filter.ts"))
    assert result.returncode == 0, result.stderr
    assert "filter forward at 44100 Hz, vectors of 64" in result.stdout
    assert "2048" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("m.ts --method prior", "no method 'prior' in m (it has: encode, decode, forward)"),
        ("m.ts --rate 1", "--rate is 1 Hz; choose from 1000 to 768000"),
        ("m.ts --vector 0", "--vector is 0; choose from 1 to 8192"),
        ("b.ts", "method forward failed: the fifth block is too much"),
    ],
)
def test_bench_says_what_is_wrong_in_one_line(
    timbrel, one_line, tmp_path, instrument, arguments, line
):
    (tmp_path / "m.ts").write_bytes(instrument.read_bytes())
    save(Breaking(), tmp_path / "b.ts")
    assert one_line(timbrel("bench", *arguments.split(), cwd=tmp_path)) == f"timbrel: {line}"


@given(needed=st.integers(1, 300), first=st.integers(1, 40), unit=st.sampled_from([1, 512, 2048]))
def test_the_smallest_safe_buffer_is_found_among_all_multiples(needed, first, unit):
    """On a machine where blocks of `needed` units and more are quick enough."""
    asked = []

    def measure(units: int) -> Measured:
        asked.append(units)
        blocks = 300 if units >= needed else 16
        return Measured(units * unit, blocks, 10.0, 5.0, 6.0, 7.0, Latency(0, 0, 0))

    found = _smallest_safe(measure, first, unit)
    expected = max(needed, first)
    if found is None:
        assert expected * unit > LARGEST_BUFFER / 2
    else:
        assert found.buffer == expected * unit
    assert len(set(asked)) <= 20

"""What a file made with `timbrel.Module` exposes, to a process that knows nothing of ours."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import timbrel
from timbrel.errors import UserError
from timbrel.export.file import read_metadata

# Everything a host reads, as contract 1 has it. A setter is called with what its getter gave.
WALK = """
import json, sys, torch
sys.modules["timbrel"] = None
m = torch.jit.load(sys.argv[1])
methods = {}
for name in m.get_methods():
    params = getattr(m, name + "_params")
    channels, ratio, out_channels, out_ratio = params.tolist()
    y = getattr(m, name)(torch.zeros(3, channels, 8192 // ratio))
    assert y.dtype == torch.float32
    methods[name] = {
        "integer": not params.is_floating_point(),
        "params": params.tolist(),
        "labels": [getattr(m, f"{name}_{way}_labels") for way in ("input", "output")],
        "gives": list(y.shape),
    }
def plain(value):
    return ["tensor", *value.shape] if isinstance(value, torch.Tensor) else value
buffers = m.get_buffer_attributes()
attributes = {}
for name in m.get_attributes():
    codes = getattr(m, name + "_params").tolist()
    for i, code in enumerate(codes):
        if code == 5:
            assert m.set_buffer_attribute(f"{name}#{i}", torch.ones(2, 100), 22050) == 0
    values = getattr(m, "get_" + name)()
    assert isinstance(values, (list, tuple)) and len(values) == len(codes)
    elements = [f"{name}#{i}" if code == 5 else values[i] for i, code in enumerate(codes)]
    attributes[name] = {
        "codes": codes,
        "values": [type(v).__name__ if c == 5 else plain(v) for v, c in zip(values, codes)],
        "accepted": getattr(m, "set_" + name)(*elements),
    }
for name in buffers:
    m.clear_buffer_attribute(name)
m.set_sample_rate(48000)
print(json.dumps({
    "methods": methods,
    "attributes": attributes,
    "buffers": buffers,
    "unknown buffer": m.set_buffer_attribute("nothing#0", torch.ones(1, 9), 44100),
    "rate": m.get_sample_rate(),
}))
"""


def walk(path: Path) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", "-c", WALK, path]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


class Everything(timbrel.Module):
    """All six types alone and mixed, and methods that change channels and rate."""

    flag = timbrel.attribute(False)
    count = timbrel.attribute(3, range=(1, 8))
    gain = timbrel.attribute(0.5, range=(0.0, None), doc="a factor")
    mode = timbrel.attribute("soft", choices=("soft", "hard"))
    weights = timbrel.attribute(torch.ones(4), range=(-1, 1))
    table = timbrel.attribute(timbrel.Buffer(min_samples=4, max_samples=1000))
    mixed = timbrel.attribute(
        (True, 2, 0.25, "name", torch.zeros(3), timbrel.Buffer()),
        range=[None, (0, 9), None, None, None, None],
    )

    @timbrel.method(channels=2, input_labels=["left", "right"], output_labels=["mid", "side"])
    def forward(self, x: Tensor) -> Tensor:
        return self.gain * torch.stack([x[:, 0] + x[:, 1], x[:, 0] - x[:, 1]], dim=1)

    @timbrel.method(in_channels=1, out_channels=2, out_ratio=512)
    def encode(self, x: Tensor) -> Tensor:
        frames = x.reshape(x.shape[0], -1, 512)
        return torch.stack([frames.abs().mean(-1), frames.amax(-1)], dim=1)

    @timbrel.method(in_channels=2, in_ratio=2048, out_channels=1, latency=0)
    def decode(self, z: Tensor) -> Tensor:
        return z[:, :1].repeat_interleave(2048, -1)


EXPOSED = {
    "methods": {
        "forward": {
            "integer": True,
            "params": [2, 1, 2, 1],
            "labels": [
                ["(signal) left", "(signal) right"],
                ["(signal) mid", "(signal) side"],
            ],
            "gives": [3, 2, 8192],
        },
        "encode": {
            "integer": True,
            "params": [1, 1, 2, 512],
            "labels": [["(signal) input"], ["(signal) output 1", "(signal) output 2"]],
            "gives": [3, 2, 16],
        },
        "decode": {
            "integer": True,
            "params": [2, 2048, 1, 1],
            "labels": [["(signal) input 1", "(signal) input 2"], ["(signal) output"]],
            "gives": [3, 1, 8192],
        },
    },
    "attributes": {
        "flag": {"codes": [0], "values": [False], "accepted": 0},
        "count": {"codes": [1], "values": [3], "accepted": 0},
        "gain": {"codes": [2], "values": [0.5], "accepted": 0},
        "mode": {"codes": [3], "values": ["soft"], "accepted": 0},
        "weights": {"codes": [4], "values": [["tensor", 4]], "accepted": 0},
        "table": {"codes": [5], "values": ["str"], "accepted": 0},
        "mixed": {
            "codes": [0, 1, 2, 3, 4, 5],
            "values": [True, 2, 0.25, "name", ["tensor", 3], "str"],
            "accepted": 0,
        },
    },
    "buffers": ["table#0", "mixed#5"],
    "unknown buffer": -1,
    "rate": 48000,
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("module") / "everything.ts"
    Everything().export(path, author="someone", license="CC0-1.0")
    return path


def test_a_file_exposes_exactly_what_contract_1_says(exported: Path) -> None:
    assert walk(exported) == EXPOSED


def test_nn_tilde_makes_a_twin_that_exposes_the_same(tmp_path: Path) -> None:
    # In a process of its own: importing it changes how TorchScript sees classes of the same name.
    program = Path(__file__).with_name("nn_tilde_twin.py")
    path = tmp_path / "twin.ts"
    subprocess.run([sys.executable, "-W", "ignore", program, path], check=True)
    assert walk(path) == EXPOSED


def test_the_file_says_what_it_takes_and_what_the_gate_measured(exported: Path) -> None:
    metadata = read_metadata(exported)
    assert (metadata["name"], metadata["author"], metadata["license"]) == (
        "everything",
        "someone",
        "CC0-1.0",
    )
    assert "sample_rate" not in metadata  # it takes any
    assert metadata["attributes"] == {
        "flag": {"types": ["bool"], "default": [False]},
        "count": {"types": ["int"], "default": [3], "range": [1, 8]},
        "gain": {"types": ["float"], "default": [0.5], "range": [0.0, None], "doc": "a factor"},
        "mode": {"types": ["string"], "default": ["soft"], "choices": ["soft", "hard"]},
        "weights": {"types": ["tensor"], "default": [[1.0] * 4], "range": [-1.0, 1.0]},
        "table": {"types": ["buffer"], "default": [None]},
        "mixed": {
            "types": ["bool", "int", "float", "string", "tensor", "buffer"],
            "default": [True, 2, 0.25, "name", [0.0] * 3, None],
            "range": [None, [0, 9], None, None, None, None],
        },
    }
    assert metadata["latency"] == {"forward": 0, "encode": 0, "decode": 0}
    encode = metadata["methods"]["encode"]
    assert encode.pop("real_time_factor") > 0
    assert encode == {
        "in_channels": 1,
        "in_ratio": 1,
        "out_channels": 2,
        "out_ratio": 512,
        "input_labels": ["(signal) input"],
        "output_labels": ["(signal) output 1", "(signal) output 2"],
        "latency": 0,
        "stochastic": False,
    }


class Sized(timbrel.Module):
    """A number of channels that is only known when it is made, and a rate of its own."""

    depth = timbrel.attribute(1.0, range=(0.0, 2.0))

    def __init__(self, latents: int) -> None:
        super().__init__(sample_rate=32_000)
        self.depth = 0.75
        self.declare_method("encode", in_channels=1, out_channels=latents, out_ratio=64)
        self.latents = latents

    def encode(self, x: Tensor) -> Tensor:
        frames = x.reshape(x.shape[0], 1, -1, 64).mean(-1)
        return self.depth * frames.repeat(1, self.latents, 1)


def test_channels_may_be_known_as_late_as_in_init(tmp_path: Path) -> None:
    described = Sized(5).export(tmp_path / "sized.ts")
    assert described["methods"]["encode"]["out_channels"] == 5
    assert described["attributes"]["depth"]["default"] == [0.75]
    seen = walk(tmp_path / "sized.ts")
    assert seen["methods"]["encode"]["gives"] == [3, 5, 128]
    assert seen["rate"] == 32_000  # a host's 48000 does not change a rate of one's own


class Brighter(Everything):
    """Takes over everything but one method."""

    tilt = timbrel.attribute(0.0)

    def forward(self, x: Tensor) -> Tensor:
        return (1.0 + self.tilt) * x


def test_methods_and_attributes_are_inherited(tmp_path: Path) -> None:
    seen = walk(Path(Brighter().export(tmp_path / "b.ts") and tmp_path / "b.ts"))
    assert list(seen["attributes"]) == [*EXPOSED["attributes"], "tilt"]
    assert seen["methods"]["forward"] == EXPOSED["methods"]["forward"]


def test_two_instances_share_no_values() -> None:
    first, second = Everything(), Everything()
    first.set_weights(torch.zeros(4))
    first.set_buffer_attribute("table#0", torch.ones(1, 8), 44_100)
    assert second.weights.tolist() == [1.0] * 4
    assert second.table.is_empty()


@pytest.mark.parametrize(
    ("declare", "complaint"),
    [
        (lambda: timbrel.attribute(2.0, range=(0, 1)), "takes a number from 0 to 1, not 2.0"),
        (lambda: timbrel.attribute("x", choices=("a", "b")), "takes one of a, b, not 'x'"),
        (lambda: timbrel.attribute("x", range=(0, 1)), "a string has no range"),
        (lambda: timbrel.attribute(None), "not NoneType"),
        (lambda: timbrel.attribute(()), "at least one element"),
        (lambda: timbrel.attribute((1, 2.0), range=[(0, 1)]), "a list of such per element"),
        (lambda: timbrel.attribute(1.0, range=(3, 1)), "the range (3, 1) is empty"),
        (lambda: timbrel.attribute(1, choices=(1, "a")), "choices are a list of ints"),
        (lambda: timbrel.method(in_channels=1)(walk), "say channels=, or in_channels= and"),
        (
            lambda: timbrel.method(channels=1, in_ratio=0)(walk),
            "in_ratio is a whole number from 1 on",
        ),
        (lambda: timbrel.method(channels=2, input_labels=["a"])(walk), "names each of 2 channel"),
        (lambda: type("Bad", (timbrel.Module,), {"methods": timbrel.attribute(1)}), "is taken"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused_at_once(declare: Any, complaint: str) -> None:
    with pytest.raises(UserError) as raised:
        declare()
    assert complaint in str(raised.value)


def test_a_module_without_methods_is_refused(tmp_path: Path) -> None:
    class Mute(timbrel.Module):
        pass

    with pytest.raises(UserError, match=r"Mute has no method for a patch: put @timbrel.method"):
        Mute().export(tmp_path / "mute.ts")


def test_a_value_that_its_own_declaration_rules_out_is_refused(tmp_path: Path) -> None:
    module = Sized(2)
    module.depth = 3.0
    with pytest.raises(UserError, match=r"Sized\.depth takes a number from 0 to 2, not 3\.0"):
        module.export(tmp_path / "sized.ts")
    assert not list(tmp_path.iterdir())

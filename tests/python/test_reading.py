"""Files that others made play in our engine as in Python: nn~ 1.3, 1.5 and 1.6, bare TorchScript.

The reference is the same file in torch, block by block.
"""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import made_elsewhere
import numpy as np
import pytest
import torch
from model_zoo import Attributes, ForOne, Nested
from numpy.typing import NDArray
from spoken_models import Knobs
from tiny_models import Filter, save
from torch import Tensor, nn

from timbrel.engine import Buffer, ElementType, Event, Model, Stream, torch_version
from timbrel.errors import UserError

RATE = 48_000
BLOCK = 4096
VERSIONS = ("1.3", "1.5", "1.6")
METHODS = {
    "written": ["forward"],
    "several": ["forward", "encode", "decode", "follow"],
    "convolutions_for_4": ["encode", "decode", "forward"],
    "convolutions_for_1": ["encode", "decode", "forward"],
    **{f"from_{i}_to_{o}": ["forward"] for i in (1, 512, 2048) for o in (1, 512, 2048)},
}

Audio = NDArray[np.float32]


def make(version: str, folder: Path) -> Path:
    """In a process of its own: scripts/bootstrap --tests puts each version where it is alone."""
    older = Path(sys.prefix) / f"ecosystem-{version.replace('.', '-')}"
    variables = os.environ | ({} if version == "1.6" else {"PYTHONPATH": str(older)})
    program = [sys.executable, "-W", "ignore", made_elsewhere.__file__, str(folder)]
    subprocess.run(program, check=True, env=variables)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {version: make(version, tmp_path_factory.mktemp("made")) for version in VERSIONS}


class Reference:
    """A file in torch; `loads` of them where it has room for one example only."""

    def __init__(self, path: Path, method: str = "forward", loads: int = 1) -> None:
        self.method = method
        self.loads = [torch.jit.load(str(path)) for _ in range(loads)]
        for load in self.loads:
            if hasattr(load, "set_sample_rate"):
                load.set_sample_rate(RATE)

    def play(self, x: Audio, block: int) -> Audio:
        """(examples * in_channels, frames) at audio rate, to the same of what comes out."""
        loads = zip(self.loads, np.split(x, len(self.loads)), strict=True)
        return np.concatenate([self._play(load, part, block) for load, part in loads])

    def _play(self, load: Any, x: Audio, block: int) -> Audio:
        channels, in_ratio, _, out_ratio = getattr(load, f"{self.method}_params").tolist()
        values = torch.from_numpy(x[:, in_ratio - 1 :: in_ratio])
        blocks = values.reshape(-1, channels, values.shape[-1]).split(block // in_ratio, -1)
        with torch.no_grad():
            y = torch.cat([getattr(load, self.method)(b) for b in blocks], -1)
        return y.flatten(0, 1).repeat_interleave(out_ratio, -1).numpy()

    def set(self, name: str, *values: float | str | list[float] | Buffer) -> int:
        """As a host does: the buffers first, then the setter. Every load; the last one's answer."""
        for load in self.loads:
            arguments: list[Any] = []
            for i, value in enumerate(values):
                if isinstance(value, Buffer):
                    samples = torch.from_numpy(value.samples)
                    slot = f"{name}#{i}"
                    load.set_buffer_attribute(slot, samples, round(value.sample_rate))
                    arguments.append(slot)
                elif isinstance(value, list):
                    arguments.append(torch.tensor(value))
                else:
                    arguments.append(value)
            answer = getattr(load, f"set_{name}")(*arguments)
        return answer or 0

    def get(self, name: str) -> list[float | str]:
        return list(flat(getattr(self.loads[0], f"get_{name}")()))


def flat(value: Any) -> Iterable[float | str]:
    if isinstance(value, Tensor):
        yield from value.flatten().tolist()
    elif isinstance(value, list | tuple):
        for element in value:
            yield from flat(element)
    else:
        yield value.replace("\n", " ") if isinstance(value, str) else value  # one line of a console


def spoken(values: Iterable[float | str | list[float] | Buffer]) -> list[float | str | Buffer]:
    """The values as a message has them: a tensor is its numbers."""
    message: list[float | str | Buffer] = []
    for value in values:
        message += value if isinstance(value, list) else [value]
    return message


def noise(channels: int, frames: int, seed: int = 0) -> Audio:
    return np.random.default_rng(seed).uniform(-1, 1, (channels, frames)).astype(np.float32)


def check_sounds_as_in_torch(
    path: Path, method: str, examples: int, buffer: int = BLOCK, *, room_for_one: bool = False
) -> None:
    stream = Stream(path, method, buffer, examples)
    stream.prepare(RATE, 64)
    x = noise(examples * stream.method.in_channels, 5 * buffer)
    expected = Reference(path, method, examples if room_for_one else 1).play(x, buffer)
    delay = stream.latency.buffer
    heard = stream.process_blocking(np.pad(x, ((0, 0), (0, delay))))[:, delay:]
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(heard, expected, rtol=0, atol=1e-6)
    assert stream.poll_error() is None


# ---- sound ----


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", METHODS)
def test_every_method_sounds_as_in_torch_with_one_example_and_three(
    made: dict[str, Path], version: str, name: str
) -> None:
    path = made[version] / f"{name}.ts"
    assert list(Model(path).methods) == METHODS[name]
    for method in METHODS[name]:
        for examples in (1, 3):
            check_sounds_as_in_torch(path, method, examples, room_for_one=name.endswith("for_1"))


@pytest.mark.parametrize("model", [Filter, ForOne, Nested, Knobs, Attributes])
def test_bare_torchscript_sounds_as_in_torch(tmp_path: Path, model: type[nn.Module]) -> None:
    """Without labels, without get_methods, with state for one example or inside of objects."""
    path = save(model(), tmp_path / "bare.ts")
    for examples in (1, 3):
        check_sounds_as_in_torch(path, "forward", examples, 512, room_for_one=model is ForOne)


@pytest.mark.parametrize("version", VERSIONS)
def test_labels_are_those_of_the_file(made: dict[str, Path], version: str) -> None:
    methods = Model(made[version] / "several.ts").methods
    assert methods["forward"].input_labels == ["left", "right"]
    assert methods["forward"].output_labels == ["sum"]
    assert methods["encode"].output_labels == [f"(signal) model output {i}" for i in range(3)]


# ---- attributes ----

WRITTEN: dict[str, list[Any]] = {
    "switch": [1],
    "count": [5],
    "gain": [0.75],
    "word": ["longer"],
    "table": [[1.0, 2.0, 0.5, 0.25]],
    "pair": [0.5, 3],
}
WAVE = Buffer("array1", np.array([[0.25, 0.5, 0.25], [0.0, 0.25, 0.0]], dtype=np.float32), 22_050)
GENERATED: dict[str, list[Any]] = {
    **{name: WRITTEN[name] for name in ("switch", "count", "gain", "word", "table")},
    "wave": [WAVE],
    "numbers": [0.5, 0.25, 4.0],
    "mixed": [0, 4, 0.5, "longer", [1.0, 2.0, 3.0], WAVE],
}


def playing(path: Path) -> Stream:
    """Every block is computed inside of the call that completes it, after all that was said."""
    stream = Stream(path, buffer=0)
    stream.offline = True
    stream.prepare(RATE, 64)
    return stream


def check_equal(stream: Stream, reference: Reference, seed: int) -> None:
    x = noise(1, 640, seed)
    np.testing.assert_allclose(
        stream.process_blocking(x), reference.play(x, 64), rtol=1e-6, atol=1e-6
    )


def errors(events: list[Event]) -> list[str]:
    return [str(event) for event in events if event.selector == "error"]


def answer(events: list[Event]) -> list[float | str]:
    (values,) = [event.values for event in events if event.selector == "attribute"]
    return values[1:]


@pytest.mark.parametrize(
    ("version", "name", "settings"),
    [*((version, "written", WRITTEN) for version in VERSIONS), ("1.6", "generated", GENERATED)],
)
def test_attributes_are_set_heard_and_read_back_as_in_torch(
    made: dict[str, Path], version: str, name: str, settings: dict[str, list[Any]]
) -> None:
    path = made[version] / f"{name}.ts"
    stream, reference = playing(path), Reference(path)
    assert list(Model(path).attributes) == list(settings)
    for seed, (attribute, values) in enumerate(settings.items()):
        assert answer(stream.ask("get", attribute)) == reference.get(attribute)
        check_equal(stream, reference, seed)
        before = reference.play(np.zeros((1, 64), np.float32), 64)
        stream.send("set", attribute, *spoken(values))
        assert reference.set(attribute, *values) == 0
        check_equal(stream, reference, seed)
        read = answer(stream.ask("get", attribute))
        assert read == reference.get(attribute)
        if not any(isinstance(value, Buffer) for value in values):
            assert read == spoken(values)
        if attribute != "gain":  # which silence does not show
            assert np.any(reference.play(np.zeros((1, 64), np.float32), 64) != before)
    assert errors(stream.events()) == []


def test_types_are_those_that_the_file_declares(made: dict[str, Path]) -> None:
    kinds = ElementType
    attributes = Model(made["1.6"] / "generated.ts").attributes
    assert attributes["mixed"].elements == list(kinds)
    assert attributes["numbers"].elements == [kinds.FLOAT] * 3
    # 1.5 and before say it by a tensor of floats.
    assert Model(made["1.3"] / "written.ts").attributes["pair"].elements == [kinds.FLOAT, kinds.INT]


def test_what_their_setters_refuse_is_said_and_changes_nothing(made: dict[str, Path]) -> None:
    stream, reference = playing(made["1.5"] / "written.ts"), Reference(made["1.5"] / "written.ts")
    line = "set count: the model refused it (its set_count returned -1)"
    assert errors(stream.ask("set", "count", -1)) == [line]
    check_equal(stream, reference, 1)

    stream = playing(made["1.6"] / "generated.ts")
    reference = Reference(made["1.6"] / "generated.ts")
    tiny = Buffer("tiny", np.ones((1, 1), np.float32), 44_100)
    # More than once: nn_tilde's own setter, if it were called, would forget the limits.
    for _ in range(2):
        line = "set wave: the model refused it (its set_buffer_attribute returned -1)"
        assert errors(stream.ask("set", "wave", tiny)) == [line]
        check_equal(stream, reference, 2)


# ---- archives ----


def with_version(path: Path, version: str, output: Path) -> Path:
    """The same archive, as if it had been written in another version of torch's format."""
    with ZipFile(path) as source, ZipFile(output, "w") as target:
        for item in source.infolist():
            is_version = item.filename.endswith(("/version", "/.data/version"))
            content = version.encode() if is_version else source.read(item)
            target.writestr(item.filename, content)
    return output


def test_archives_of_an_older_format_are_read_and_mean_what_they_meant(tmp_path: Path) -> None:
    class Halves(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("forward_params", torch.tensor([1, 1, 1, 1]))

        def forward(self, x: Tensor) -> Tensor:
            # Up to format 3, this division of whole numbers was one without a remainder.
            return x * torch.div(torch.tensor(7), torch.tensor(2))

    new = save(Halves(), tmp_path / "new.ts")
    old = with_version(new, "3\n", tmp_path / "old.ts")
    x = np.ones((1, 640), np.float32)
    for path, factor in ((new, 3.5), (old, 3.0)):
        np.testing.assert_array_equal(playing(path).process_blocking(x), factor * x)


def test_archives_of_a_format_to_come_are_refused_with_both_versions(tmp_path: Path) -> None:
    new = save(Filter(), tmp_path / "new.ts", '{"torch_version": "9.1.0"}')
    path = with_version(new, "77\n", tmp_path / "old.ts")
    with pytest.raises(UserError) as raised:
        Model(path)
    assert str(raised.value).startswith(
        "old.ts: its archive format is 77, made with torch 9.1.0, and torch "
        f"{torch_version()} reads 1 to "
    )

"""A `timbrel.Module` as a patch speaks to it: what is set is heard, a refusal says why."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import timbrel
from timbrel.engine import Buffer, ElementType, Event, Model, Stream

RATE = 48_000


class Everything(timbrel.Module):
    """An attribute of every type, and a list of all of them; their sum is what sounds."""

    flag = timbrel.attribute(False)
    count = timbrel.attribute(3, range=(1, 8))
    drive = timbrel.attribute(1.0, range=(0.1, 100.0))
    mode = timbrel.attribute("soft", choices=("soft", "harder"))
    weights = timbrel.attribute(torch.ones(2, 2), range=(-1, 1))
    table = timbrel.attribute(timbrel.Buffer(min_samples=4, max_samples=1000))
    mixed = timbrel.attribute(
        (True, 2, torch.zeros(3), "name", 0.25, timbrel.Buffer(max_samples=8)),
        range=[None, (0, 9), (0, 10), None, None, None],
    )

    def on_count(self) -> None:
        if self.count == 5:
            raise RuntimeError("count skips the five")

    @timbrel.method(channels=1)
    def forward(self, x: Tensor) -> Tensor:
        total = float(self.flag) + self.count + self.drive + len(self.mode)
        total += float(self.weights.sum()) + float(self.mixed[0]) + self.mixed[1]
        total += float(self.mixed[2].sum()) + len(self.mixed[3]) + self.mixed[4]
        for buffer in (self.table, self.mixed[5]):
            if not buffer.is_empty():
                total += float(buffer.samples.sum()) + buffer.sample_rate
        return x + total


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("module") / "everything.ts"
    Everything().export(path)
    return path


@pytest.fixture
def stream(file: Path) -> Stream:
    stream = Stream(file, buffer=0)
    stream.offline = True
    stream.prepare(RATE, 64)
    return stream


def sum_heard(stream: Stream) -> float:
    return float(stream.process_blocking(np.zeros((1, 64), np.float32))[0, -1])


def said(events: list[Event], selector: str) -> list[str]:
    return [str(event) for event in events if event.selector == selector]


def wave(samples: int) -> Buffer:
    return Buffer("array1", np.full((1, samples), 0.5, np.float32), 2.0)


def test_types_are_those_of_the_declaration(file: Path) -> None:
    attributes = Model(file).attributes
    assert [attributes[name].elements for name in attributes][:-1] == [[e] for e in ElementType]
    kinds = ElementType
    mixed = [kinds.BOOL, kinds.INT, kinds.TENSOR, kinds.STRING, kinds.FLOAT, kinds.BUFFER]
    assert attributes["mixed"].elements == mixed


@pytest.mark.parametrize(
    ("name", "values", "change"),
    [
        ("flag", [1], 1),
        ("count", [8], 5),
        ("drive", [2.5], 1.5),
        ("mode", ["harder"], 2),
        ("weights", [0.5, -0.5, 1, 0], -3),
        ("table", [wave(4)], 2 + 2),
        # The tensor in the midst takes its three numbers, as what stands around it takes one each.
        ("mixed", [0, 4, 1, 2, 3, "longer", 0.5, wave(2)], -1 + 2 + 6 + 2 + 0.25 + 1 + 2),
    ],
)
def test_what_is_set_is_heard_and_read_back(
    stream: Stream, name: str, values: list[Any], change: float
) -> None:
    before = sum_heard(stream)
    stream.send("set", name, *values)
    assert sum_heard(stream) - before == pytest.approx(change)
    (answer,) = [event.values for event in stream.ask("get", name) if event.selector == "attribute"]
    plain = [value for value in values if not isinstance(value, Buffer)]
    assert answer[: 1 + len(plain)] == [name, *plain]
    # A buffer is described: its size and its rate.
    assert all("2 Hz" in str(described) for described in answer[1 + len(plain) :])


@pytest.mark.parametrize(
    ("name", "values", "sentence"),
    [
        ("drive", [1000], "drive takes a number from 0.1 to 100, not 1000"),
        ("count", [9], "count takes a whole number from 1 to 8, not 9"),
        ("count", [5], "count skips the five"),
        ("mode", ["loud"], "mode takes one of soft, harder, not loud"),
        ("weights", [1, 2, 3], "weights takes 4 numbers, not 3"),
        ("weights", [1, 2, 3, 4], "weights takes numbers from -1 to 1"),
        ("table", [wave(3)], "table takes at least 4 samples, not 3"),
        (
            "mixed",
            [0, 4, 1, 2, 3, "x", 1, wave(9)],
            "mixed, element 6, takes at most 8 samples, not 9",
        ),
        ("mixed", [0, 10, 1, 2, 3, "x", 1, wave(2)], "mixed, element 2, takes a whole number"),
        ("mixed", [0, 4, 1, 2, "x", 1, wave(2)], "mixed, element 3, takes 3 numbers, not 2"),
        ("drive", [1, 2], "set drive: it takes 1 value (float), not 2"),
    ],
)
def test_what_the_declaration_rules_out_is_answered_in_its_own_words(
    stream: Stream, name: str, values: list[Any], sentence: str
) -> None:
    before = sum_heard(stream)
    for _ in range(2):  # a refusal leaves nothing behind that would let the next one pass
        (error,) = said(stream.ask("set", name, *values), "error")
        assert error.startswith(sentence)
        assert sum_heard(stream) == before

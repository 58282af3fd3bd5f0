"""What TorchScript does not know is told as the line of one's own file and what to write there."""

import importlib.util
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from timbrel.errors import UserError
from timbrel.module.script import script

BEGINNING = """\
import math, random
import numpy as np
import torch
import timbrel
from torch import Tensor, nn

SCALE = 2.0
CURVE = torch.ones(3)

class Mine(timbrel.Module):
    def __init__(self):
        super().__init__()
        self.count = 3
        self.layers = [nn.Conv1d(1, 1, 1)]
        self.stack = nn.ModuleList([nn.Conv1d(1, 1, 1)])
        self.empty_list = []
        self.empty_dict = {}
        self.array = np.zeros(3)
        self.function = lambda x: x
        self.dice = random.Random(1)
        self.later = None

    def shift(self, x, n):
        return x[..., n:]

    def many(self, x, **options):
        return x

    @timbrel.method(channels=1)
    def forward(self, x: Tensor) -> Tensor:
"""


def compile_forward(body: str, folder: Path, beginning: str = BEGINNING) -> Any:
    """Compiles the class above with `body` in its `forward`."""
    file = folder / "mine.py"
    file.write_text(beginning + textwrap.indent(body, "        ") + "\n")
    spec = importlib.util.spec_from_file_location("mine", file)
    assert spec is not None
    assert spec.loader is not None
    sys.modules["mine"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return script(module.Mine())


def test_what_is_fine_compiles(tmp_path: Path) -> None:
    assert compile_forward("return math.tau * x.relu()", tmp_path) is not None


def test_types_may_be_written_as_newer_pythons_read_them(tmp_path: Path) -> None:
    # As strings, which TorchScript alone does not understand.
    body = "self.empty_list.append(x)\nself.later = x\nreturn x"
    with_types = BEGINNING.replace(
        "class Mine(timbrel.Module):\n",
        "class Mine(timbrel.Module):\n    empty_list: list[Tensor]\n    later: Tensor | None\n",
    )
    assert compile_forward(body, tmp_path, with_types) is not None
    future = "from __future__ import annotations\n" + with_types
    assert compile_forward(body, tmp_path, future) is not None


FIRST = BEGINNING.count("\n") + 1
"""The line of `forward`'s first statement."""


@pytest.mark.parametrize(
    ("body", "line", "sentence"),
    [
        ('print(f"{x.shape[-1]:d}")\nreturn x', 0, "an f-string cannot hold a format"),
        ("return x * np.sin(0.3)", 0, "numpy is not there when a patch plays; use the torch"),
        ("return torch.from_numpy(x.numpy())", 0, "numpy is not there when a patch plays"),
        ("return x * torch.tensor(np.array([1.0]))", 0, "numpy is not there when a patch plays"),
        ("return x * self.array[0]", 0, "self.array is numpy's; make it a tensor: self.register"),
        ("for l in self.layers:\n    x = l(x)\nreturn x", 0, "make it a torch.nn.ModuleList"),
        ("for i in range(1):\n    x = self.stack[i](x)\nreturn x", 1, "for layer in self.layers"),
        ("self.empty_list.append(x)\nreturn x", 0, "write empty_list: list[torch.Tensor]"),
        ('return x * self.empty_dict["a"]', 0, "write empty_dict: dict[str, torch.Tensor]"),
        (
            "y = []\nfor i in range(3):\n    y.append(i)\nreturn x * y[0]",
            2,
            "values: list[int] = []",
        ),
        ("return x * SCALE", 0, "this float lives outside the class; keep it in self"),
        ("return x * CURVE", 0, "this Tensor lives outside the class; keep it in self"),
        ("global SCALE\nreturn x", 0, "global variables are not supported"),
        ("y = lambda z: z\nreturn y(x)", 0, "lambda is not supported; write a method"),
        ("return self.function(x)", 0, "self.function is a function kept in an attribute"),
        ("return x * self.dice.random()", 0, "self.dice is a random.Random, which a model file"),
        ("return x * random.random()", 0, "Python's random is not there when a patch plays"),
        ("if x.mean() > 0:\n    y = 1\nreturn x * y", 0, "y has no value where the if goes the ot"),
        ("self.fresh = x\nreturn x", 0, "self.fresh does not exist yet; give it its first value"),
        ("self.later = x\nreturn x", 0, "an attribute that begins as None stays None; begin with"),
        ("self.count = 1.5\nreturn x", 0, "an attribute keeps the type it has in __init__: int, a"),
        ("y = 1\nif x.numel() > 3:\n    y = 2.0\nreturn x * y", 2, "y keeps the type of its first"),
        ("try:\n    return x\nexcept ValueError:\n    return x", 0, "try is not supported; write"),
        ("import math\nreturn x", 0, "import is not supported inside of a method; import at"),
        ("return self.shift(x, 2)", 0, "the argument n counts as a tensor while it has no type"),
        ("return x if x.sum() > 0 else None", 0, "it returns Optional[Tensor] where Tensor is"),
        ("return x.sparkle()", 0, "there is no sparkle here"),
        ("if (n := x.shape[-1]) > 3:\n    return x[..., :n]\nreturn x", 0, "NamedExpr is not supp"),
        ("a, *b = x.shape\nreturn x", 0, "TorchScript, which the file is written in, says: "),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_write(
    body: str, line: int, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as raised:
        compile_forward(body, tmp_path)
    message = str(raised.value)
    assert message.startswith(f"mine.py, line {FIRST + line}, in forward: ")
    assert sentence in message
    assert "\n" not in message


def test_a_mistake_in_a_method_that_another_calls_is_told_where_it_is(tmp_path: Path) -> None:
    line = BEGINNING[: BEGINNING.index("def many")].count("\n") + 1
    with pytest.raises(UserError, match=rf"^mine\.py, line {line}, in many: \*args, \*\*kwargs"):
        compile_forward("return self.many(x)", tmp_path)

"""`timbrel script`: from a Python file to a model file, or to one line that says why not."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from timbrel.cli.script import script
from timbrel.errors import UserError
from timbrel.export.file import load_instrument, read_metadata

Run = Callable[..., subprocess.CompletedProcess[str]]
OneLine = Callable[[subprocess.CompletedProcess[str]], str]

GAIN = """\
import timbrel
from torch import Tensor

class Gain(timbrel.Module):
    gain = timbrel.attribute(0.5, range=(0.0, 2.0), doc="a factor")

    def __init__(self, start: float = 0.5) -> None:
        super().__init__()
        self.gain = start

    @timbrel.method(channels=1)
    def forward(self, x: Tensor) -> Tensor:
        return self.gain * x
"""

NORMALISED = """\
import timbrel
from torch import Tensor

class Normalised(timbrel.Module):
    @timbrel.method(channels=1)
    def forward(self, x: Tensor) -> Tensor:
        return x / (x.abs().amax(dim=-1, keepdim=True) + 0.001)
"""


def test_a_file_with_one_module_becomes_a_model_beside_it(timbrel: Run, tmp_path: Path) -> None:
    source = tmp_path / "wave.py"  # a name that a library has, too
    source.write_text(GAIN)
    result = timbrel("script", source, "--author", "me")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == f"{tmp_path / 'wave.ts'}:"
    assert lines[1].startswith("  forward: 1 in, 1 out, latency 0 samples, ")
    assert lines[2] == "  set gain float: a factor"
    assert lines[3].startswith("next: [nn~ wave forward] in Pure Data")
    assert read_metadata(tmp_path / "wave.ts")["author"] == "me"


def test_one_of_several_is_named_and_a_function_may_make_it(timbrel: Run, tmp_path: Path) -> None:
    source = tmp_path / "two.py"
    source.write_text(
        f"{GAIN}\n\nclass Other(Gain):\n    pass\n\ndef loud():\n    return Gain(2.0)\n"
    )
    result = timbrel("script", f"{source}:loud", "-o", tmp_path / "loud.ts")
    assert result.returncode == 0, result.stderr
    assert load_instrument(tmp_path / "loud.ts").get_gain() == (2.0,)


@pytest.mark.parametrize("page", ["README.md", "docs/module.md"])
def test_the_first_module_of_the_documentation_is_exported(page: str, tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / page).read_text()
    (code, *_) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    imports = "import timbrel\nimport torch\nfrom torch import Tensor\n"
    (tmp_path / "saturator.py").write_text(imports + code)
    script(str(tmp_path / "saturator.py"))
    assert "drive" in read_metadata(tmp_path / "saturator.ts")["attributes"]


@pytest.mark.parametrize(
    ("text", "name", "complaint"),
    [
        (f"{GAIN}\nclass Other(Gain):\n    pass\n", "", "defines Gain, Other; say which: "),
        (GAIN, ":Loss", "there is no Loss; there is: Gain"),
        ("x = 1\n", "", "defines no class that is a timbrel.Module"),
        ("def one():\n    return 1\n", ":one", "one() makes a int, not a timbrel.Module"),
        ("import timbrel\n\nx = missing\n", "", "mine.py, line 3: NameError: name 'missing'"),
        ("def x(:\n", "", "mine.py, line 1: SyntaxError: "),
        (GAIN.replace("0.5, range", "3.5, range"), "", "mine.py, line 5: the default takes a num"),
        (GAIN.replace("start: float = 0.5", "start"), "", "missing 1 required positional argument"),
        (GAIN.replace("x\n", "np.abs(x)\n"), "", "mine.py, line 13, in forward: "),
        (NORMALISED, "", "`forward` has to give the same in any blocks as at once"),
    ],
)
def test_what_cannot_be_exported_is_told_in_one_line(
    text: str, name: str, complaint: str, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(UserError) as raised:
        script(f"{tmp_path / 'mine.py'}{name}")
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.glob("*.ts"))


def test_the_command_ends_with_that_line(timbrel: Run, one_line: OneLine, tmp_path: Path) -> None:
    line = one_line(timbrel("script", tmp_path / "none.py"))
    assert "no such file; give a Python file with a timbrel.Module in it" in line


def test_force_writes_what_was_found_into_the_file(timbrel: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(NORMALISED)
    result = timbrel("script", tmp_path / "mine.py", "--force")
    assert result.returncode == 0, result.stderr
    (finding,) = read_metadata(tmp_path / "mine.ts")["findings"]
    assert f"  found, and written by force: {finding}" in result.stdout.splitlines()

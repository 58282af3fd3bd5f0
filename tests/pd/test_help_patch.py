"""The help patch: all of it can be created, and one click in any window sends sound to a model."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from opened_patch import OpenedPatch
from pure_data import PACKAGE, ROOT, Rendering

sys.path.insert(0, str(ROOT / "help" / "pd"))

from draw import windows

HELP = dict(windows(PACKAGE / "nn~-help.pd"))


def complaints(heard: Rendering) -> list[str]:
    return [line for line in heard.console if "error" in line or "couldn't create" in line]


@pytest.mark.parametrize("name", [name for name in HELP if " dac~" in HELP[name]])
def test_one_click_makes_sound(tmp_path: Path, name: str) -> None:
    """In the first window, and in the others, each opened by itself."""
    if name == "nn~-help":
        patch = OpenedPatch(PACKAGE / "nn~-help.pd")
    else:
        (tmp_path / "window.pd").write_text(HELP[name], "utf-8")
        patch = OpenedPatch(tmp_path / "window.pd")
    speakers = patch.into(patch.find("dac~"))
    heard = patch.play(tmp_path, 1.5, [(patch.find("tgl", "32"), 1)], speakers)
    assert complaints(heard) == []
    assert len(heard.samples) == 2
    assert np.all(np.abs(heard.samples).max(1) > 0.01)


@pytest.mark.parametrize("name", sorted(path.stem for path in (PACKAGE / "abstractions").glob("*")))
def test_an_abstraction_opens_by_itself_with_nothing_missing(tmp_path: Path, name: str) -> None:
    """As for editing a copy of it: nothing stands for its arguments."""
    shutil.copy(PACKAGE / "abstractions" / f"{name}.pd", tmp_path)
    patch = OpenedPatch(tmp_path / f"{name}.pd")
    source = patch.add("obj 0 0 sig~ 1")
    heard = patch.play(tmp_path, 0.1, [], [(source, 0)])
    assert complaints(heard) == []

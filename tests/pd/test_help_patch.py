"""The help patch: all of it can be created, and one click sends sound through the model."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from opened_patch import OpenedPatch
from pure_data import PACKAGE
from tiny_models import Filter, save


def test_one_click_in_the_help_patch_makes_sound(tmp_path: Path) -> None:
    save(Filter(), tmp_path / "tabla.ts")
    patch = OpenedPatch(PACKAGE / "nn~-help.pd")
    speakers = patch.into(patch.find("dac~"))
    heard = patch.play(tmp_path, 1.5, [(patch.find("tgl"), 1)], speakers)
    assert [line for line in heard.console if "error" in line or "couldn't create" in line] == []
    assert len(heard.samples) == 2
    assert np.all(np.abs(heard.samples).max(1) > 0.01)


@pytest.mark.parametrize("name", sorted(path.stem for path in (PACKAGE / "abstractions").glob("*")))
def test_an_abstraction_opens_by_itself_with_nothing_missing(tmp_path: Path, name: str) -> None:
    """As for editing a copy of it: nothing stands for its arguments."""
    shutil.copy(PACKAGE / "abstractions" / f"{name}.pd", tmp_path)
    patch = OpenedPatch(tmp_path / f"{name}.pd")
    source = patch.add("obj 0 0 sig~ 1")
    heard = patch.play(tmp_path, 0.1, [], [(source, 0)])
    assert [line for line in heard.console if "error" in line or "couldn't create" in line] == []

"""The help patch: all of it can be created, and one click sends sound through the model."""

from pathlib import Path

import numpy as np
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

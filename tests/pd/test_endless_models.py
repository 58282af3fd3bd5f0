"""A model that never returns holds up nothing: not the patch around it, not Pd's end.

Nothing here is timed. Whatever waited for such a model would wait for ever, and the test would end
with a timeout.
"""

from pathlib import Path

import pytest
from pure_data import Patch, run
from spoken_models import Level
from tiny_models import Endless, save

PATIENCE = 40  # seconds


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("endless")
    save(Endless(), folder / "endless.ts")
    save(Level(1.0), folder / "one.ts")
    return folder


def script(patch: Patch, *steps: str, every: int = 500) -> None:
    """Turns DSP on, then has these message boxes clicked one after the other, and quits Pd."""
    start = patch.add("loadbang")
    for i, step in enumerate(["; pd dsp 1", *steps, "; pd quit"]):
        wait, box = patch.add(f"del {every * i}"), patch.add(step, "msg")
        patch.connect(start, 0, wait)
        patch.connect(wait, 0, box)


def said(console: list[str]) -> list[str]:
    return [line for line in console if line.startswith("said: ")]


def printer(patch: Patch) -> None:
    patch.connect(patch.add("r say"), 0, patch.add("print said"))


def test_twenty_of_them_do_not_keep_pd_from_quitting(folder: Path, every_pd: Path) -> None:
    patch = Patch()
    for _ in range(20):
        patch.add("nn~ endless")
    script(patch)
    patch.write(folder / "quit.pd")
    assert run(folder / "quit.pd", batch=False, patience=PATIENCE, pd=every_pd) == []


def test_its_object_is_deleted(folder: Path, every_pd: Path) -> None:
    patch = Patch()
    printer(patch)
    patch.lines += ["#N canvas 0 0 450 300 box 0;", "#X obj 20 20 nn~ endless;"]
    patch.lines += ["#X obj 20 60 nn~ endless encode;", "#X restore 10 300 pd box;"]
    patch.count += 1
    script(patch, "; pd-box clear", "; say deleted")
    patch.write(folder / "delete.pd")
    console = run(folder / "delete.pd", batch=False, patience=PATIENCE, pd=every_pd)
    assert said(console) == ["said: deleted"]


def listener(patch: Patch, played: int) -> None:
    """Gives an object ones, and prints what it makes of them when [r listen] is banged."""
    patch.connect(patch.add("sig~ 1"), 0, played)
    heard, print_ = patch.add("snapshot~"), patch.add("print said")
    patch.connect(played, 0, heard)
    patch.connect(patch.add("r listen"), 0, heard)
    patch.connect(heard, 0, print_)


def test_its_patch_is_closed_and_others_play_on(folder: Path, every_pd: Path) -> None:
    other = Patch()
    other.add("nn~ endless")
    other.write(folder / "other.pd")
    patch = Patch()
    printer(patch)
    listener(patch, patch.add("nn~ one"))
    open_and_close = [f"; pd open other.pd {folder}", "; pd-other.pd menuclose 1", "; say closed"]
    script(patch, *open_and_close, "; listen bang", every=1000)
    patch.write(folder / "close.pd")
    console = run(folder / "close.pd", batch=False, patience=PATIENCE, pd=every_pd)
    assert said(console) == ["said: closed", "said: 1"]


def test_it_gives_way_to_another_model(folder: Path, every_pd: Path) -> None:
    patch = Patch()
    played = patch.add("nn~ endless")
    patch.connect(patch.add("r to"), 0, played)
    listener(patch, played)
    script(patch, "; to load one", "; listen bang", every=2500)
    patch.write(folder / "way.pd")
    console = run(folder / "way.pd", batch=False, patience=PATIENCE, pd=every_pd)
    assert said(console) == ["said: 1"]

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


def script(patch: Patch, *steps: str, begin: str = "loadbang") -> None:
    """Turns DSP on, then has these message boxes clicked one after the other."""
    patch.connect(patch.add("loadbang"), 0, patch.add("; pd dsp 1", "msg"))
    start = patch.add(begin)
    for i, step in enumerate(steps, 1):
        wait, box = patch.add(f"del {500 * i}"), patch.add(step, "msg")
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
    script(patch, "; pd quit")
    patch.write(folder / "quit.pd")
    assert run(folder / "quit.pd", batch=False, patience=PATIENCE, pd=every_pd) == []


def test_its_object_is_deleted(folder: Path, every_pd: Path) -> None:
    patch = Patch()
    printer(patch)
    patch.lines += ["#N canvas 0 0 450 300 box 0;", "#X obj 20 20 nn~ endless;"]
    patch.lines += ["#X obj 20 60 nn~ endless encode;", "#X restore 10 300 pd box;"]
    patch.count += 1
    script(patch, "; pd-box clear", "; say deleted; pd quit")
    patch.write(folder / "delete.pd")
    console = run(folder / "delete.pd", batch=False, patience=PATIENCE, pd=every_pd)
    assert said(console) == ["said: deleted"]


def listener(patch: Patch, played: int) -> None:
    """Gives an object ones; from [r listen] on, says when it passes them on, and quits Pd."""
    patch.connect(patch.add("sig~ 1"), 0, played)
    patch.connect(played, 1, patch.add("s said"))
    heard, ones = patch.add("snapshot~"), patch.add("sel 1")
    listen, again = patch.add("r listen"), patch.add("metro 100")
    patch.connect(played, 0, heard)
    for source, target in ((listen, again), (again, heard), (heard, ones)):
        patch.connect(source, 0, target)
    patch.connect(ones, 0, patch.add("; say playing; pd quit", "msg"))


def test_its_patch_is_closed_and_others_play_on(folder: Path, every_pd: Path) -> None:
    other = Patch()
    other.add("nn~ endless")
    other.write(folder / "other.pd")
    patch = Patch()
    printer(patch)
    listener(patch, patch.add("nn~ one"))
    open_and_close = [f"; pd open other.pd {folder}", "; pd-other.pd menuclose 1", "; say closed"]
    patch.when_loaded(1, "; playing bang")
    script(patch, *open_and_close, "; listen bang", begin="r playing")
    patch.write(folder / "close.pd")
    console = run(folder / "close.pd", batch=False, patience=PATIENCE, pd=every_pd)
    assert said(console) == ["said: closed", "said: playing"]


def test_it_gives_way_to_another_model(folder: Path, every_pd: Path) -> None:
    patch = Patch()
    printer(patch)
    played = patch.add("nn~ endless")
    patch.connect(patch.add("r to"), 0, played)
    listener(patch, played)
    script(patch, "; to load one")
    patch.when_loaded(1, "; listen bang")
    patch.write(folder / "way.pd")
    console = run(folder / "way.pd", batch=False, patience=PATIENCE, pd=every_pd)
    assert said(console) == ["said: playing"]

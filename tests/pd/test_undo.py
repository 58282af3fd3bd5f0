"""Boxes that compute are cut, undone, redone and duplicated, as with a mouse and the Edit menu."""

import contextlib
import socket
import subprocess
from pathlib import Path

import pytest
from pure_data import PACKAGE, Patch, Rendering
from spoken_models import Laborious, Level
from tiny_models import save


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undo")
    save(Level(0.5), folder / "half.ts")
    save(Laborious(), folder / "laborious.ts")
    return folder


def run_edited(patch: Path, pd: Path) -> list[str]:
    """Runs Pd, in real time, with somebody at the other end of its GUI's socket, who draws nothing.

    Without a GUI, canvases cannot be edited.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        command = [pd, "-noaudio", "-nrt", "-noprefs", "-stderr", "-path", PACKAGE, "-open", patch]
        command += ["-guiport", str(server.getsockname()[1])]
        running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            gui, _ = server.accept()
            with gui:
                gui.settimeout(60)
                fonts = " ".join(f"{size} {size // 2} {size}" for size in (8, 10, 12, 16, 24, 36))
                gui.sendall(f"pd init {patch.parent} 0 {fonts} {fonts};\n".encode())
                with contextlib.suppress(ConnectionError):
                    while said := gui.recv(65536):
                        if b"pdtk_ping" in said:
                            gui.sendall(b"pd ping;\n")
            _, console = running.communicate(timeout=30)
        finally:
            running.kill()
    assert running.returncode == 0, console
    return console.splitlines()


def edit(folder: Path, boxes: list[str], steps: dict[float, str], pd: Path) -> Rendering:
    """Ones through boxes in a window of their own, which is edited until it is empty, then undone.

    What comes out is told when all that has come back plays its model.
    """
    patch = Patch()
    count = len(boxes)
    patch.lines += ["#N canvas 0 0 450 300 box 0;", "#X obj 10 10 sig~ 1;"]
    patch.lines += [f"#X obj 10 {40 + 30 * i} {box};" for i, box in enumerate(boxes)]
    patch.lines += ["#X obj 10 200 snapshot~;", "#X obj 200 10 r look;", "#X obj 10 230 s said;"]
    patch.lines += [f"#X connect {i} 0 {i + 1} 0;" for i in range(count + 1)]
    patch.lines += [f"#X connect {count + 2} 0 {count + 1} 0;"]
    patch.lines += [f"#X connect {count + 1} 0 {count + 3} 0;"]
    patch.lines += [f"#X connect {i + 1} 1 {count + 3} 0;" for i in range(count)]
    patch.lines += ["#X restore 10 400 pd box;"]
    patch.count += 1
    said = patch.add("r said")
    patch.connect(said, 0, patch.add("print report"))

    patch.when_loaded(count, "; look bang; pd quit")

    start = patch.add("loadbang")
    begin = "; counted -1000; pd dsp 1; pd-box vis 1; pd-box editmode 1"
    end = {max(steps) + 10: "; counted 0; pd-box undo"}
    for time, step in {0.0: begin, **steps, **end}.items():
        wait, message = patch.add(f"del {time}"), patch.add(step, "msg")
        patch.connect(start, 0, wait)
        patch.connect(wait, 0, message)
    patch.write(folder / "edited.pd")
    return Rendering(None, run_edited(folder / "edited.pd", pd))


CUT, UNDO, REDO = "; pd-box selectall; pd-box cut", "; pd-box undo", "; pd-box redo"


def test_what_was_cut_comes_back_and_plays(folder: Path, every_pd: Path) -> None:
    heard = edit(folder, ["nn~ half"], {700: CUT}, every_pd)
    assert heard.reports()[-2:] == ["loaded half forward", "0.5"]


def test_cutting_and_undoing_while_a_block_is_computed(folder: Path, every_pd: Path) -> None:
    steps = {400.0: "; pd-box selectall; pd-box duplicate", 480.0: UNDO, 500.0: CUT}
    for i in range(1, 20):
        steps |= {460 + 60.0 * i + 7 * i % 40: UNDO, 510 + 60.0 * i: REDO}
    heard = edit(folder, ["nn~ laborious forward 1024", "nn~ half"], steps, every_pd)
    assert heard.reports()[-1] == "0.5"
    assert heard.errors() == []

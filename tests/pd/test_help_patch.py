"""The help patch: all of it can be created, and one click sends sound through the model."""

import re
from pathlib import Path

import numpy as np
import soundfile
from pure_data import PACKAGE, run
from tiny_models import Filter, save


def top_level_objects(patch: str) -> list[str]:
    """The objects of a patch itself, without those of subpatches, in the order of their numbers."""
    objects, depth = [], 0
    for line in patch.splitlines():
        if line.startswith("#N canvas"):
            depth += 1
        elif line.startswith("#X restore"):
            depth -= 1
        if depth == 1 and line.startswith("#X ") and not line.startswith("#X connect"):
            objects.append(re.sub(r"^#X (\w+) \d+ \d+ ", r"\1 ", line).rstrip(";"))
    return objects


def test_one_click_in_the_help_patch_makes_sound(tmp_path: Path) -> None:
    save(Filter(), tmp_path / "tabla.ts")
    patch = (PACKAGE / "nn~-help.pd").read_text().replace("dac~", "tabwrite~ heard")
    objects = top_level_objects(patch)
    writer = objects.index("obj tabwrite~ heard")
    patch = re.sub(rf"#X connect \d+ 0 {writer} 1;\n", "", patch)  # the right channel
    (toggle,) = (i for i, text in enumerate(objects) if text.startswith("obj tgl "))
    more = [
        "obj 0 0 loadbang",
        "obj 0 0 t b b b",
        "msg 0 0 1",
        "obj 0 0 del 1500",
        "obj 0 0 t b b",
        "msg 0 0 write -wave -bytes 4 out.wav heard",
        "obj 0 0 soundfiler",
        "msg 0 0 \\; pd quit",
        "obj 0 0 table heard 66000",
    ]
    start, order, click, wait, end, write, filer, leave, _ = range(
        len(objects), len(objects) + len(more)
    )
    wires = [
        (start, 0, order),
        (order, 2, writer),
        (order, 1, click),
        (click, 0, toggle),
        (order, 0, wait),
        (wait, 0, end),
        (end, 1, write),
        (write, 0, filer),
        (end, 0, leave),
    ]
    lines = [f"#X {text};" for text in more]
    lines += [f"#X connect {source} {outlet} {target} 0;" for source, outlet, target in wires]
    path = tmp_path / "click.pd"
    path.write_text(patch + "\n".join(lines) + "\n")
    console = run(path)
    assert [line for line in console if "error" in line or "couldn't create" in line] == []
    heard, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
    assert np.abs(heard).max() > 0.01

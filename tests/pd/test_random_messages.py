"""Ten thousand random messages to four objects that play, under AddressSanitizer; then sound."""

import random
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from pure_data import RATE, ROOT, Patch, Rendering, run
from random_messages import (
    ALONE,
    LAST_LEVELS,
    MESSAGES,
    USUAL,
    back_to_sound,
    random_message,
    save_models,
)

from timbrel.engine import messages

SANITIZED = ROOT / "build" / "asan" / "packages" / "pd_package" / "timbrel"
BOXES = ["nn~ level", "nn~ instrument forward 512", "nn~ -m stereo", "nn~ void 2 2 64"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("random")
    save_models(folder)
    return folder


def write_script(path: Path, seed: int) -> None:
    """For [qlist]: a message every ms or so to one of the boxes; now and then DSP stops a while."""
    dice = random.Random(seed)
    lines = []
    for i in range(MESSAGES):
        to = f"box{dice.randrange(len(BOXES))}"
        lines.append(f"{dice.choice([0, 0, 1, 1, 3])} {to} {random_message(dice)};")
        if i % 100 == 99:
            lines += [f"0 box{box} offline 0;" for box in range(len(BOXES))]
        if i % 500 == 499:
            lines.append(f"1 pd dsp 0; {dice.randrange(20)} pd dsp 1;")
    lines += [f"0 box{box} {message};" for box, message in back_to_sound()]
    lines += ["2000 record bang;", "1100 done bang;"]
    path.write_text("\n".join(lines) + "\n")


def play(folder: Path, package: Path, variables: dict[str, str], seed: int) -> Rendering:
    write_script(folder / "script.txt", seed)
    patch = Patch()
    source, cable = patch.add("sig~ 1"), patch.add("snake~ in 2")
    patch.connect(source, 0, cable, 0)
    patch.connect(source, 0, cable, 1)
    patch.add("table array1 1000")
    # The script begins when the three that have one play their models.
    count, next_, all_ = patch.add("f 0"), patch.add("+ 1"), patch.add("sel 3")
    for link in ((count, 0, next_), (next_, 0, count, 1), (next_, 0, all_)):
        patch.connect(*link)
    for i, box in enumerate(BOXES):
        played, messages = patch.add(box), patch.add(f"r box{i}")
        loaded, once = patch.add("route loaded"), patch.add("t b")
        patch.connect(played, 2 if "void" in box else 1, loaded)
        patch.connect(loaded, 0, once)
        patch.connect(once, 0, count)
        patch.connect(messages, 0, played)
        multichannel = "-m" in box
        patch.connect(cable if multichannel else source, 0, played)
        writer, start = patch.add(f"tabwrite~ heard{i}"), patch.add("r record")
        patch.connect(played, 0, writer)
        patch.connect(start, 0, writer)
        patch.add(f"table heard{i} {RATE}")
    names = " ".join(f"heard{i}" for i in range(len(BOXES)))
    done, order = patch.add("r done"), patch.add("t b b")
    save_, filer = (
        patch.add(f"write -wave -bytes 4 out.wav {names}", "msg"),
        patch.add("soundfiler"),
    )
    quit_ = patch.add("; pd quit", "msg")
    for link in ((done, 0, order), (order, 1, save_), (save_, 0, filer), (order, 0, quit_)):
        patch.connect(*link)
    start, begin = patch.add("loadbang"), patch.add("; pd dsp 1", "msg")
    script, qlist = patch.add("read script.txt, bang", "msg"), patch.add("qlist")
    for link in ((start, 0, begin), (all_, 0, script), (script, 0, qlist)):
        patch.connect(*link)
    patch.write(folder / "random.pd")
    console = run(folder / "random.pd", variables, False, 400, package=package)
    samples, _ = soundfile.read(folder / "out.wav", dtype="float32", always_2d=True)
    return Rendering(samples.T, console)


def sanitizer_library() -> str:
    compiler = shutil.which("g++")
    assert compiler
    found = subprocess.run(
        [compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    )
    return found.stdout.strip()


def test_every_message_of_the_table_may_come() -> None:
    assert {message.name for message in messages()} <= {*USUAL, *ALONE}


def test_after_ten_thousand_random_messages_there_is_sound(folder: Path) -> None:
    assert SANITIZED.is_dir(), "not built: cmake --preset asan && cmake --build --preset asan"
    variables = {
        "LD_PRELOAD": sanitizer_library(),
        # Pd frees nothing when it ends.
        "ASAN_OPTIONS": "detect_leaks=0:halt_on_error=1:abort_on_error=0:exitcode=99",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
        # No index: curl, which would be asked, does not come to terms with a preloaded sanitizer.
        "TIMBREL_MODEL_INDEX": "",
    }
    heard = play(folder, SANITIZED, variables, seed=1)
    assert len(heard.errors()) > MESSAGES / 10  # they were heard, and refused where they had to be
    assert not any("Sanitizer" in line or "runtime error" in line for line in heard.console)
    # What each makes of ones: nothing is silent, not for a sample.
    for channel, level in zip(heard.samples, LAST_LEVELS, strict=True):
        np.testing.assert_allclose(channel, level, atol=1e-6)

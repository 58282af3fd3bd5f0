"""The random messages that nn~ for Pd gets, on the threads of Max, with a sanitizer; then sound."""

import os
import random
import subprocess
from pathlib import Path

import numpy as np
from random_messages import (
    BOXES,
    LAST_LEVELS,
    MESSAGES,
    back_to_sound,
    random_message,
    save_models,
)

PLAYER = Path(__file__).parents[2] / "build" / "asan" / "tests" / "max" / "max_play_script"
TEXTS = [
    "1 nn~ level",
    "1 nn~ instrument forward 512",
    "2,2 mcs.nn~ stereo forward 2",
    "1,1 nn~ void 2 2 64",
]


def script(seed: int) -> list[str]:
    """As in Pd: a message every ms or so; now and then the audio is compiled anew."""
    dice = random.Random(seed)
    lines = [f"box {text}" for text in TEXTS]
    lines += ["compile 64", *(f"loaded {box}" for box in range(BOXES - 1))]
    for i in range(MESSAGES):
        # Max's word for it.
        message = random_message(dice).replace("remove ", "delete ")
        thread = dice.choice(["main", "main", "scheduler"])
        lines += [f"{thread} {dice.randrange(BOXES)} {message}", f"play {dice.choice([0, 1, 3])}"]
        if i % 100 == 99:
            lines += [f"main {box} offline 0" for box in range(BOXES)]
        if i % 500 == 499:
            lines.append(f"compile {dice.choice([1, 16, 64, 480, 1024])}")
    lines += [f"main {box} {message}" for box, message in back_to_sound()]
    return [*lines, "compile 64", "play 2000", "measure 1000"]


def test_after_ten_thousand_random_messages_there_is_sound(tmp_path: Path) -> None:
    assert PLAYER.is_file(), "not built: cmake --preset asan && cmake --build --preset asan"
    save_models(tmp_path)
    (tmp_path / "script.txt").write_text("\n".join(script(seed=1)) + "\n")
    played = subprocess.run(
        [PLAYER, tmp_path / "script.txt"],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ
        | {
            "ASAN_OPTIONS": "intercept_tls_get_addr=0",  # as in CMakeLists.txt
            "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
            "TIMBREL_MODEL_INDEX": "",  # no index
        },
        check=False,
    )
    assert played.returncode == 0, played.stderr[-4000:]
    console = played.stdout.splitlines()
    # They were heard, and refused where they had to be.
    assert sum(line.startswith("error") for line in console) > MESSAGES / 10
    levels = [line.split()[1:] for line in console if line.startswith("level ")]
    assert {(int(box), int(channel)) for box, channel, _, _ in levels} == {
        *((box, 0) for box in (0, 1)),
        *((2, channel) for channel in range(4)),
        *((3, channel) for channel in range(2)),
    }
    # What each makes of ones: nothing is silent, not for a sample, but the channel of a model that
    # has only one.
    for box, channel, *range_ in levels:
        wanted = 0 if (box, channel) == ("3", "1") else LAST_LEVELS[int(box)]
        np.testing.assert_allclose(np.array(range_, float), wanted, atol=1e-6)

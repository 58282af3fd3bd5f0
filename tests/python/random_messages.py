"""Ten thousand random messages, the same for the objects of every host, and models to play them."""

import random
from pathlib import Path

from spoken_models import Knobs, Level
from tiny_models import Breaking, Filter, Instrument, save

MESSAGES = 10_000
BOXES = 4  # that they are sent to
FILES = ["level", "instrument", "stereo", "knobs", "breaking", "cut", "text", "nowhere", "level.ts"]
WORDS = [*FILES, "forward", "half", "encode", "decode", "gain", "word", "table", "wave", "switch"]
WORDS += ["count", "mixed", "brightness", "all", "cpu", "cuda", "float32", "bfloat16", "array1"]
WORDS += ["none", "set", "bias", "scale", "noise", "release", "freeze", "get", "auto", "-m", "é"]
NUMBERS = [0, 1, 2, -1, 0.5, 63, 64, 512, 1000, 4096, 1e9, -1e30, 1e-40, 3e38]
# As a performer would send them, with what they take: w a word, n a number, * any of both.
USUAL = {
    "load": "w",
    "method": "w",
    "buffer": "n",
    "bufsize": "n",
    "slack": "n",
    "enable": "n",
    "bypass": "n",
    "set": "w*",
    "get": "w",
    "latent": "w**",
    "latents": "nn",
    "gpu": "n",
    "device": "w",
    "precision": "w",
    "resample": "n",
    "seed": "n",
    "offline": "*",
    "remove": "w",
    "download": "w",
}
ALONE = ["reload", "reset", "bang", "dump", "stats", "latency", "get_methods", "get_attributes"]
ALONE += ["help", "print_available_models"]


# What plays in each of the boxes at the end, and what it makes of ones.
LAST_MODELS = ["level", "instrument", "stereo", "level"]
LAST_LEVELS = [0.5, 1.25, 0.375, 0.5]


def save_models(folder: Path) -> None:
    """Good ones, one that raises errors, and two files that are none."""
    save(Level(0.5), folder / "level.ts")
    save(Instrument(), folder / "instrument.ts")
    save(Filter(2), folder / "stereo.ts")
    save(Knobs(), folder / "knobs.ts")
    save(Breaking(), folder / "breaking.ts")
    (folder / "cut.ts").write_bytes((folder / "level.ts").read_bytes()[:1500])
    (folder / "text.ts").write_text("#N canvas 0 0 100 100;\n")


def random_message(dice: random.Random) -> str:
    """One that makes sense two times out of three or so, else any words in any order."""
    word = lambda: dice.choice(WORDS)  # noqa: E731
    number = lambda: f"{dice.choice(NUMBERS):g}"  # noqa: E731
    if dice.random() < 0.1:
        return dice.choice(ALONE)
    selector = dice.choice([*USUAL, *ALONE, "lod", "list"])
    # While `offline 1` holds, Pd waits for every model.
    if selector == "offline" and dice.random() < 0.9:
        selector = "set"
    if dice.random() < 0.7:
        kinds = USUAL.get(selector, "")
    else:
        kinds = "".join(dice.choice("wn") for _ in range(dice.randrange(6)))
    values = [
        word() if kind == "w" or (kind == "*" and dice.random() < 0.5) else number()
        for kind in kinds
    ]
    return " ".join([selector, *values])


def back_to_sound() -> list[tuple[int, str]]:
    """Messages to the boxes that lead to the last models' sound, from any state."""
    messages = []
    for i, model in enumerate(LAST_MODELS):
        # What follows a load is meant for the model that it brings.
        settle = ["offline 1", "enable 1", "bypass 0", f"load {model}", "gpu 0", "resample 0"]
        settle += ["precision float32", "slack", "method forward", "buffer 512", "set gain 1"]
        settle += ["latents", "latent scale all 1", "latent bias all 0", "latent noise all 0"]
        settle += ["latent freeze 0", "reset"]
        messages += [(i, message) for message in settle]
    return messages

"""The abstractions of the package around a model, touched as a performer touches them."""

from pathlib import Path

import numpy as np
import pytest
from opened_patch import OpenedPatch
from pure_data import PACKAGE, RATE, Rendering, render
from tiny_models import Instrument, save

FOLDER = PACKAGE / "abstractions"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose two latents of a constant c are c and c, and whose sound is 1.25 c."""
    folder = tmp_path_factory.mktemp("abstractions")
    save(Instrument(), folder / "instrument.ts")
    return folder


class Abstraction:
    """[nn~ instrument] with an abstraction that speaks to it in messages, both within `played`."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.boxes = OpenedPatch(FOLDER / f"{name}.pd").boxes
        self.fingers: list[str] = []
        has_inlet = "obj inlet" in self.boxes
        lines = [
            "#N canvas 0 0 600 400 12;",
            "#X obj 10 10 inlet~;",
            f"#X obj 10 50 abstractions/{name};",
            "#X obj 10 90 nn~ instrument forward 512;",
            "#X obj 10 130 outlet~;",
            "#X obj 200 130 outlet;",
            "#X connect 0 0 2 0;",
            "#X connect 1 0 2 0;",
            "#X connect 2 0 3 0;",
            "#X connect 2 1 4 0;",
            *(["#X connect 2 1 1 0;"] if has_inlet else []),
        ]
        (folder / "played.pd").write_text("\n".join(lines) + "\n")

    def finger(self, *words: str, number: int = 0) -> str:
        """On the box with these words, the so-manieth of them; what to send to moves it."""
        boxes = [i for i, box in enumerate(self.boxes) if set(words) <= set(box.split())]
        canvas, to = f"pd-{self.name}.pd", f"finger{len(self.fingers)}"
        at = len(self.boxes) + len(self.fingers)
        self.fingers.append(f"; {canvas} obj 0 0 r {to}; {canvas} connect {at} 0 {boxes[number]} 0")
        return f"; {to}"

    def play(self, levels: dict[float, float], moves: dict[float, str], pd: Path) -> Rendering:
        """Two seconds of levels, from times in ms on."""
        x = np.zeros((1, 2 * RATE), dtype=np.float32)
        for time, level in levels.items():
            x[0, int(time * RATE / 1000) :] = level
        laid = {1.0 + i: finger for i, finger in enumerate(self.fingers)}
        heard = render(self.folder, ["played"], x, 1, laid | moves, pd)
        assert [line for line in heard.console if "error" in line or "couldn't" in line] == []
        return heard


def at(heard: Rendering, ms: float) -> float:
    return float(heard.samples[0, int(ms * RATE / 1000)])


def test_the_mixer_adds_multiplies_freezes_and_goes_back(folder: Path, every_pd: Path) -> None:
    mixer = Abstraction(folder, "latent-mixer")
    plus = mixer.finger("vsl", "\\$0-bias", number=0)
    times = mixer.finger("vsl", "\\$0-scale", number=1)
    freeze, neutral = mixer.finger("tgl", "freeze"), mixer.finger("bng", "neutral")
    moves = {
        200: f"{plus} 2",
        500: f"{times} 0",
        800: f"{neutral} bang",
        1100: f"{plus} 1",
        1350: f"{freeze} 1",
    }
    heard = mixer.play({0: 1, 1600: 0}, moves, every_pd)
    assert at(heard, 190) == pytest.approx(1.25)
    assert at(heard, 490) == pytest.approx(3 + 0.25)
    assert at(heard, 790) == pytest.approx(3)
    assert at(heard, 1090) == pytest.approx(1.25)
    assert at(heard, 1340) == pytest.approx(2 + 0.25)
    assert at(heard, 1990) == pytest.approx(2 + 0.25)  # of the sound that is over


def test_the_recorder_plays_again_what_was_heard(folder: Path, every_pd: Path) -> None:
    recorder = Abstraction(folder, "latent-recorder")
    record, play = recorder.finger("tgl", "record"), recorder.finger("tgl", "play")
    clear = recorder.finger("bng", "clear")
    moves = {
        200: f"{record} 1",
        600: f"{record} 0",
        1000: f"{play} 1",
        1600: f"{clear} bang",
        1610: f"{play} 0",
    }
    heard = recorder.play({0: 1, 400: 2, 650: 0}, moves, every_pd)
    assert at(heard, 990) == 0
    # As long as it was recorded, and then again: first of the one level, then of the other.
    replayed = heard.samples[0, int(1.05 * RATE) : int(1.6 * RATE)]
    first, second = np.isclose(replayed, 1.25), np.isclose(replayed, 2.5)
    assert first.mean() > 0.2
    assert second.mean() > 0.2
    assert np.argmax(first) < np.argmax(second)
    assert at(heard, 1990) == 0


def test_the_morph_plays_what_lies_between_two_sounds(folder: Path, every_pd: Path) -> None:
    morph = Abstraction(folder, "latent-morph")
    keep_a, keep_b = morph.finger("bng", "keep_A"), morph.finger("bng", "keep_B")
    slider, live = morph.finger("hsl", "A-B"), morph.finger("bng", "live")
    moves = {
        300: f"{keep_a} bang",
        700: f"{keep_b} bang",
        1000: f"{slider} 0.25",
        1300: f"{slider} 1",
        1600: f"{live} bang",
    }
    heard = morph.play({0: 1, 400: 3, 800: 0}, moves, every_pd)
    assert at(heard, 990) == 0
    assert at(heard, 1290) == pytest.approx(1.25 * (1 + 0.25 * 2))
    assert at(heard, 1590) == pytest.approx(1.25 * 3)
    assert at(heard, 1990) == 0


def test_between_encode_and_decode_latents_are_scaled_and_shifted(folder: Path) -> None:
    lines = [
        "#N canvas 0 0 600 400 12;",
        "#X obj 10 10 inlet~;",
        "#X obj 200 10 r scale;",
        "#X obj 300 10 r shift;",
        "#X obj 10 50 abstractions/encode-manipulate-decode~ instrument;",
        "#X obj 10 90 outlet~;",
        "#X obj 200 90 outlet;",
        *(f"#X connect {i} 0 3 {i};" for i in range(3)),
        "#X connect 3 0 4 0;",
        "#X connect 3 1 5 0;",
    ]
    (folder / "between.pd").write_text("\n".join(lines) + "\n")
    x = np.ones((1, 2 * RATE), dtype=np.float32)
    heard = render(folder, ["between"], x, 1, {500: "; scale 2", 1200: "; shift -1"})
    assert at(heard, 490) == pytest.approx(1.25)
    assert at(heard, 1190) == pytest.approx(2.5)
    assert at(heard, 1990) == pytest.approx(1.25)
    assert heard.reports() == ["loaded instrument decode"]
    assert heard.errors() == []


def test_every_abstraction_is_played_here() -> None:
    played = {"latent-mixer", "latent-recorder", "latent-morph", "encode-manipulate-decode~"}
    assert {path.stem for path in FOLDER.glob("*.pd")} == played

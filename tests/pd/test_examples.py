"""The examples in Pd: from their patches, after a few clicks, they sound as torch computes them."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from opened_patch import OpenedPatch, read
from pure_data import PACKAGE, RATE, ROOT, Rendering

from timbrel.cli.script import script

NAMES = ["saturator", "spectral_features", "wavetable", "resonator", "learned_effect"]
BUFFER = 2048
SECONDS = 1.2


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The five models, as `timbrel script` makes them."""
    folder = tmp_path_factory.mktemp("examples")
    for name in NAMES:
        source = ROOT / "training" / "examples" / f"{name}.py"
        made = f"{source}:effect" if name == "learned_effect" else str(source)
        script(made, folder / f"{name}.ts")
    return folder


class Played:
    """An example's patch after its clicks: what went into its model, and to the loudspeakers."""

    def __init__(self, name: str, made: Path, folder: Path, clicks: list[tuple[str, Any]]) -> None:
        """`clicks`: a slider's attribute and value, or a message box and None."""
        self.path = made / f"{name}.ts"
        shutil.copy(self.path, folder)
        patch = OpenedPatch(PACKAGE / "examples" / f"{name}.pd")
        model, speakers = patch.find("obj", "nn~", name), patch.find("dac~")
        outlets = max(outlet for source, outlet, _, _ in patch.wires if source == model)
        report = patch.add("obj 0 0 print report")
        patch.connect(model, outlets, report)
        fingers: list[tuple[int, float | str]] = []
        for what, value in clicks:
            if value is None:
                fingers.append((patch.find("msg", *what.split()), "bang"))
            else:
                fingers.append((patch.find("hsl", f"\\$0-{what}"), value))
        ask = patch.add("msg 0 0 latency")
        patch.connect(ask, 0, model)
        inputs = [tap for tap in patch.into(model) if not patch.boxes[tap[0]].startswith("obj r ")]
        outputs = patch.into(speakers)
        arrays = ["nn-wave"] if name == "wavetable" else []
        fingers += [(patch.find("hsl", "level"), 0.5), (patch.find("tgl"), 1), (ask, "bang")]
        rendering = patch.play(folder, SECONDS, fingers, inputs + outputs, arrays)
        self.check_console(rendering)
        self.given, self.heard = np.split(rendering.samples, [len(inputs)])
        self.delay = latency_of_buffering(rendering)

    @staticmethod
    def check_console(rendering: Rendering) -> None:
        wrong = [x for x in rendering.console if "error" in x or "couldn't" in x or "failed" in x]
        assert wrong == []

    def check_heard(self, expected: np.ndarray, tolerance: float = 1e-5) -> None:
        """At half of its level, and as late as the object says."""
        frames = min(expected.shape[1], self.heard.shape[1]) - self.delay
        assert frames > 0.5 * RATE
        np.testing.assert_allclose(
            self.heard[:, self.delay : self.delay + frames],
            np.clip(0.5 * expected[:, :frames], -1, 1),
            rtol=0,
            atol=tolerance,
        )
        assert not np.any(self.heard[:, : self.delay])
        assert np.abs(self.heard).max() > 0.02

    def in_torch(self, *settings: tuple[Any, ...], **buffers: np.ndarray) -> np.ndarray:
        """What the file makes of what the patch gave it, block by block."""
        model = torch.jit.load(str(self.path))
        model.set_sample_rate(RATE)
        for name, samples in buffers.items():
            model.set_buffer_attribute(f"{name}#0", torch.from_numpy(samples), RATE)
        for name, *values in settings:
            assert getattr(model, f"set_{name}")(*values) == 0
        whole = self.given[:, : self.given.shape[1] // BUFFER * BUFFER]
        with torch.no_grad():
            blocks = [model(x[None])[0] for x in torch.from_numpy(whole).split(BUFFER, -1)]
        y = torch.cat(blocks, -1)
        return y.repeat_interleave(whole.shape[1] // y.shape[1], -1).numpy()


def latency_of_buffering(rendering: Rendering) -> int:
    (line,) = (line for line in rendering.reports() if line.startswith("latency "))
    return round(float(line.split()[3]))


def test_the_saturator(made: Path, tmp_path: Path) -> None:
    clicks = [("drive", 8), ("mix", 0.75), ("set curve fold", None), ("set smooth 0", None)]
    played = Played("saturator", made, tmp_path, clicks)
    expected = played.in_torch(("drive", 8.0), ("mix", 0.75), ("curve", "fold"), ("smooth", False))
    played.check_heard(np.repeat(expected, 2, 0))


def test_the_features_play_a_sine(made: Path, tmp_path: Path) -> None:
    played = Played("spectral_features", made, tmp_path, [("smoothing", 0.5)])
    loudness, centroid, *_ = played.in_torch(("smoothing", 0.5)).astype(np.float64)
    # As [osc~] does: a sample sounds before its frequency moves the phase on.
    phase = np.concatenate([[0.0], np.cumsum(centroid / RATE)[:-1]])
    sine = 10 ** (loudness / 20) * np.sin(2 * np.pi * phase)
    played.check_heard(np.repeat(sine[None], 2, 0), tolerance=1e-3)


def test_the_wavetable_plays_the_array_of_the_patch(made: Path, tmp_path: Path) -> None:
    shape = "sinesum 512 0.5 0 0 1 0 0 0 0.6 \\, resize 512"
    played = Played("wavetable", made, tmp_path, [(shape, None)])
    wave = read(tmp_path / "nn-wave.wav")
    assert wave.shape == (1, 512)
    assert np.abs(np.fft.rfft(wave[0])[[1, 4, 8]] / 256) == pytest.approx([0.5, 1, 0.6], abs=1e-3)
    expected = played.in_torch(("table", "table#0"), table=wave)
    played.check_heard(np.repeat(expected, 2, 0))


def test_the_strings_are_tuned_and_heard_on_both_sides(made: Path, tmp_path: Path) -> None:
    chord = [98.0, 147.0, 196.0, 233.0, 294.0, 392.0]
    clicks = [("set pitches 98 147 196 233 294 392", None), ("decay", 1), ("level", 0.5)]
    played = Played("resonator", made, tmp_path, clicks)
    settings = [("pitches", torch.tensor(chord)), ("decay", 1.0), ("level", 0.5)]
    played.check_heard(played.in_torch(*settings))
    assert not np.allclose(played.heard[0], played.heard[1], atol=1e-2)


def test_the_learned_effect(made: Path, tmp_path: Path) -> None:
    played = Played("learned_effect", made, tmp_path, [("gain", 2), ("mix", 0.5)])
    played.check_heard(np.repeat(played.in_torch(("gain", 2.0), ("mix", 0.5)), 2, 0))


def test_there_is_a_patch_for_every_example() -> None:
    patches = sorted(path.stem for path in (PACKAGE / "examples").glob("*.pd"))
    sources = sorted(path.stem for path in (ROOT / "training" / "examples").glob("*.py"))
    assert patches == sources == sorted(NAMES)

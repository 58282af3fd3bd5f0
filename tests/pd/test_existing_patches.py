"""Patches that were made for the incumbent nn~ (patches/existing*.pd) are played as they are."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from pure_data import RATE, VECTOR, render
from spoken_models import Level
from tiny_models import Filter, save

PATCHES = Path(__file__).parent / "patches"
LATENCY = 4096 - VECTOR + 4096


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("existing")
    for patch in PATCHES.glob("existing*.pd"):
        shutil.copy(patch, folder)
    save(Level(1.0), folder / "model.ts")
    save(Level(0.5), folder / "other.ts")
    save(Filter(2), folder / "stereo.ts")
    return folder


def test_every_message_does_what_it_did(folder: Path, any_pd: Path) -> None:
    steps = {
        300: "; report bang",
        500: "; gain 0.8",
        1000: "; enable 0",
        1500: "; enable 1",
        2000: "; reload bang",
        2500: "; bufsize 8192",
        3000: "; method symbol half",
        3500: "; load symbol other.ts",
        4000: "; report bang",
    }
    ones = np.ones((1, int(4.2 * RATE)), dtype=np.float32)
    heard = render(folder, ["existing"], ones, 1, steps, any_pd)
    assert heard.errors() == []

    def before(ms: float) -> float:
        return float(heard.samples[0, int((ms - 10) * RATE / 1000)])

    assert not np.any(heard.samples[0, :LATENCY])
    assert before(500) == 1
    assert before(1000) == pytest.approx(0.8)
    assert before(1500) == 0
    assert [before(ms) for ms in (2000, 2500, 3000)] == pytest.approx([0.8, 0.8, 0.8])
    assert before(3500) == pytest.approx(0.4)
    # Of the other model, the method that was asked for, and its own gain.
    assert before(4200) == pytest.approx(0.25)
    first = heard.reports().index("loaded 1")
    assert heard.reports()[first : first + 10] == [
        "loaded 1",
        "enabled 1",
        "gpu 0",
        "model model",
        "methods forward half",
        "method forward",
        "attributes gain",
        "bufsize 4096",
        "dim 1 1",
        "ratio 1 1",
    ]
    assert heard.answers("bufsize") == ["4096", "8192"]
    assert heard.answers("model") == ["model", "other"]


def test_one_cable_of_several_channels(folder: Path) -> None:
    x = np.stack([np.ones(RATE), 2 * np.ones(RATE)]).astype(np.float32)
    heard = render(folder, ["existing-m"], x, 2)
    assert heard.errors() == []
    assert heard.samples[:, -1] == pytest.approx([0.375, 0.75])
    assert not np.any(heard.samples[:, :LATENCY])


def test_every_message_does_what_it_did_with_one_cable(folder: Path) -> None:
    steps = {
        500: "; gain 0.8",
        1000: "; enable 0",
        1500: "; enable 1",
        2000: "; reload bang",
        2500: "; bufsize 8192",
        3000: "; method symbol half",
        3500: "; method symbol forward",
        4000: "; load symbol stereo.ts",
        4500: "; report bang",
    }
    x = np.stack([np.ones(int(5 * RATE)), 2 * np.ones(int(5 * RATE))]).astype(np.float32)
    heard = render(folder, ["existing-m-messages"], x, 2, steps)
    assert heard.errors() == []

    def before(ms: float) -> list[float]:
        return heard.samples[:, int((ms - 10) * RATE / 1000)].tolist()

    assert [before(ms)[0] for ms in (500, 1000, 1500)] == pytest.approx([1, 0.8, 0])
    assert [before(ms)[0] for ms in (2000, 2500, 3000, 3500)] == pytest.approx([0.8, 0.8, 0.8, 0.4])
    assert before(4000) == pytest.approx([0.8, 0])
    # The cable has as many channels as the model that was loaded.
    assert before(5000) == pytest.approx([0.375, 0.75])
    assert {"model stereo", "bufsize 8192", "dim 2 2"} <= set(heard.reports())

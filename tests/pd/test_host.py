"""What Pure Data does to an object: other blocks and rates, shared vectors, coming and going."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pure_data import RATE, VECTOR, Patch, Rendering, pure_datas, render, run
from spoken_models import Level
from tiny_models import Filter, save, stepped
from torch import Tensor, nn

BUFFER = 2048


class Crossed(nn.Module):
    """Each output is the other input."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("forward_params", torch.tensor([2, 1, 2, 1]))

    def forward(self, x: Tensor) -> Tensor:
        return x.flip(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("host")
    save(Level(1.0), folder / "one.ts")
    save(Level(0.5), folder / "half.ts")
    save(Filter(), folder / "filter.ts")
    save(Crossed(), folder / "crossed.ts")
    return folder


def noise(frames: int, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(1).uniform(-1, 1, (channels, frames)).astype(np.float32)


def write_abstraction(folder: Path, name: str, *more: str) -> None:
    """[nn~ filter] between an inlet~ and an outlet~, reports to their right; and lines besides."""
    lines = [
        "#N canvas 0 0 600 400 12;",
        "#X obj 10 10 inlet~;",
        "#X obj 10 50 nn~ filter;",
        "#X obj 10 90 outlet~;",
        "#X obj 200 90 outlet;",
        "#X obj 200 10 r to;",
        *more,
        "#X connect 0 0 1 0;",
        "#X connect 1 0 2 0;",
        "#X connect 1 1 3 0;",
        "#X connect 4 0 1 0;",
    ]
    (folder / f"{name}.pd").write_text("\n".join(lines) + "\n")


# ---- blocks and rates ----


@pytest.mark.parametrize("block", [1, 16, 512, 1024, 4096])
def test_in_a_canvas_of_another_block_size(folder: Path, every_pd: Path, block: int) -> None:
    write_abstraction(folder, "blocked", f"#X obj 10 130 block~ {block};")
    x = noise(20 * BUFFER)
    heard = render(folder, ["blocked"], x, 1, {300: "; to latency"}, every_pd)
    stated = int(heard.answers("latency")[0].split()[2])
    assert stated == BUFFER - min(BUFFER, block) + max(BUFFER, block)
    # Pd itself collects samples for a larger block; its own delay is not the object's.
    own = max(block - VECTOR, 0)
    delay = stated + own
    expected = stepped(folder / "filter.ts", torch.from_numpy(x), BUFFER).numpy()
    np.testing.assert_allclose(
        heard.samples[0, delay : x.shape[1]], expected[0, : x.shape[1] - delay], atol=1e-5
    )


@pytest.mark.parametrize("overlap", [2, 4])
def test_in_a_canvas_that_overlaps(folder: Path, every_pd: Path, overlap: int) -> None:
    write_abstraction(folder, "overlapped", f"#X obj 10 130 block~ 512 {overlap} 1;")
    x = np.ones((1, RATE), dtype=np.float32)
    heard = render(folder, ["overlapped"], x, 1, {300: "; to stats"}, every_pd)
    # As many windows add up.
    assert heard.samples[0, -BUFFER:] == pytest.approx(overlap * 0.375)
    assert heard.answers("late") == ["0"]
    assert heard.errors() == []


@pytest.mark.parametrize(("up", "down"), [(2, 1), (4, 1), (1, 2)])
def test_in_a_canvas_of_another_rate(folder: Path, every_pd: Path, up: int, down: int) -> None:
    factor = f"{up}" if down == 1 else f"{1 / down}"
    write_abstraction(folder, "resampled", f"#X obj 10 130 block~ 64 1 {factor};")
    x = np.ones((1, RATE), dtype=np.float32)
    heard = render(folder, ["resampled"], x, 1, {300: "; to latency"}, every_pd)
    assert heard.samples[0, -1] == pytest.approx(0.375)
    samples, ms = map(float, heard.answers("latency")[0].split()[:2])
    assert ms == pytest.approx(1000 * samples / (RATE * up / down), rel=1e-4)


@pytest.mark.parametrize("rate", [22050, 32000, 48000, 88200, 96000, 192000])
def test_at_another_sample_rate(folder: Path, every_pd: Path, rate: int) -> None:
    x = noise(10 * BUFFER)
    heard = render(folder, ["nn~ filter"], x, 1, {50: "latency"}, every_pd, rate)
    samples, ms, buffer, *_ = map(float, heard.answers("latency")[0].split())
    assert ms == pytest.approx(1000 * samples / rate, rel=1e-4)
    delay = int(buffer)
    expected = stepped(folder / "filter.ts", torch.from_numpy(x), BUFFER).numpy()
    np.testing.assert_allclose(
        heard.samples[:, delay : x.shape[1]], expected[:, : x.shape[1] - delay], atol=1e-5
    )
    assert heard.errors() == []


def test_a_canvas_that_is_switched_off_is_not_late(folder: Path, every_pd: Path) -> None:
    switch = ["#X obj 10 130 switch~;", "#X obj 10 110 r on;", "#X connect 6 0 5 0;"]
    write_abstraction(folder, "switched", *switch)
    x = np.ones((1, 2 * RATE), dtype=np.float32)
    steps = {1: "; on 1", 600: "; on 0", 1200: "; on 1", 1900: "; to stats"}
    heard = render(folder, ["switched"], x, 1, steps, every_pd)
    assert heard.answers("late") == ["0"]
    assert heard.samples[0, int(0.59 * RATE)] == pytest.approx(0.375)
    assert heard.samples[0, int(1.1 * RATE)] == 0
    assert heard.samples[0, -1] == pytest.approx(0.375)


def test_dsp_that_is_switched_off_and_on(folder: Path, every_pd: Path) -> None:
    x = np.ones((1, 2 * RATE), dtype=np.float32)
    toggles = {ms: f"; pd dsp {int(ms / 50) % 2}" for ms in range(400, 850, 50)}
    heard = render(folder, ["nn~ filter"], x, 1, {**toggles, 850: "; pd dsp 1"}, every_pd)
    assert heard.samples[0, -RATE // 2] == pytest.approx(0.375)
    assert heard.errors() == []


# ---- vectors ----


@pytest.mark.parametrize("buffer", [0, 64, 2048])
def test_outputs_that_share_memory_with_inputs(folder: Path, every_pd: Path, buffer: int) -> None:
    x = noise(10 * BUFFER, 2)
    heard = render(folder, [f"nn~ crossed forward {buffer}"], x, 2, {50: "latency"}, every_pd)
    delay = int(heard.answers("latency")[0].split()[0])
    assert delay == (0 if buffer == 0 else 2 * buffer - VECTOR)
    np.testing.assert_array_equal(
        heard.samples[:, delay : x.shape[1]], x[::-1, : x.shape[1] - delay]
    )


def test_in_a_pd_of_double_precision(folder: Path) -> None:
    pds = pure_datas()
    assert "double" in pds, "scripts/more-pds lays such a Pd beside the installed one"
    x = noise(10 * BUFFER)
    messages = {100: "latency", 200: "bang"}
    heard = render(folder, ["nn~ filter"], x, 1, messages, pds["double"])
    delay = int(heard.answers("latency")[0].split()[2])
    expected = stepped(folder / "filter.ts", torch.from_numpy(x), BUFFER).numpy()
    np.testing.assert_allclose(
        heard.samples[:, delay : x.shape[1]], expected[:, : x.shape[1] - delay], atol=1e-5
    )
    assert "bufsize 2048" in heard.reports()
    assert heard.errors() == []


# ---- coming and going ----


def listen(folder: Path, patch: Patch, steps: dict[float, str], pd: Path) -> Rendering:
    """Has these message boxes clicked at times in ms, with DSP on; in real time."""
    start = patch.add("loadbang")
    for time, step in {0.0: "; pd dsp 1", **steps}.items():
        wait, box = patch.add(f"del {time}"), patch.add(step, "msg")
        patch.connect(start, 0, wait)
        patch.connect(wait, 0, box)
    patch.write(folder / "going.pd")
    return Rendering(np.zeros((0, 0)), run(folder / "going.pd", batch=False, pd=pd))


def probe(patch: Patch) -> int:
    """Prints a sample of what is wired to it when [r look] is banged."""
    heard = patch.add("snapshot~")
    patch.connect(patch.add("r look"), 0, heard)
    patch.connect(heard, 0, patch.add("print report"))
    return heard


def test_thirty_two_abstractions_of_one_model(folder: Path, every_pd: Path) -> None:
    write_abstraction(folder, "voice")
    patch = Patch()
    source, sum_, said = patch.add("sig~ 1"), probe(patch), patch.add("s said")
    for _ in range(32):
        voice = patch.add("voice")
        patch.connect(source, 0, voice)
        patch.connect(voice, 0, sum_)
        patch.connect(voice, 1, said)
    patch.when_loaded(32, "; look bang; pd quit")
    heard = listen(folder, patch, {}, every_pd)
    assert heard.reports() == [f"{32 * 0.375:g}"]
    assert heard.errors() == []


def test_objects_come_and_go_while_they_compute(folder: Path, every_pd: Path) -> None:
    patch = Patch()
    output = probe(patch)
    patch.lines += ["#N canvas 0 0 450 300 box 0;", "#X restore 10 400 pd box;"]
    box = patch.count
    patch.count += 1
    assert box
    patch.add("table out 64")
    patch.connect(patch.add("receive~ out"), 0, output)
    create = "; pd-box obj 10 10 sig~ 1; pd-box obj 10 40 nn~ {}; pd-box obj 10 70 send~ out; "
    create += "pd-box connect 0 0 1 0; pd-box connect 1 0 2 0"
    steps = {}
    for i in range(40):
        model = ("one", "filter 64", "half forward 512", "one forward 0")[i % 4]
        steps[20.0 + 40 * i] = create.format(model).replace("filter 64", "filter forward 64")
        steps[40.0 + 37 * (i + 1)] = "; pd-box clear"
    says = "; pd-box obj 10 100 s said; pd-box connect 1 1 3 0"
    steps |= {1900: "; pd-box clear", 1950: create.format("half") + says}
    patch.when_loaded(1, "; look bang; pd quit")
    heard = listen(folder, patch, steps, every_pd)
    assert heard.reports() == ["0.5"]
    assert heard.errors() == []


def test_quitting_at_any_moment_of_a_first_load(folder: Path, every_pd: Path) -> None:
    for ms in (1, 20, 50, 100, 200):
        patch = Patch()
        patch.connect(patch.add("r to"), 0, patch.add("nn~"))
        heard = listen(folder, patch, {1: "; to load filter", 1.0 + ms: "; pd quit"}, every_pd)
        assert heard.errors() == []

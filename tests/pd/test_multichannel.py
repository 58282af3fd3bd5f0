"""-m: one cable in, one cable out, whose channels are the model's."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from pure_data import RATE, Patch, Rendering, run
from spoken_models import Level
from tiny_models import Filter, Instrument, save

SECONDS = 1.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("multichannel")
    save(Level(0.5), folder / "one.ts")
    save(Filter(2), folder / "two.ts")
    save(Filter(4), folder / "four.ts")
    save(Instrument(), folder / "instrument.ts")
    return folder


def render_cable(
    folder: Path, box: str, levels: list[float], heard: int, messages: dict[float, str]
) -> Rendering:
    """Constant signals in one cable; records the first `heard` channels of what comes out."""
    patch = Patch()
    sources = [patch.add(f"sig~ {level}") for level in levels]
    into, out_of = patch.add(f"snake~ in {len(levels)}"), patch.add(f"snake~ out {heard}")
    played, report = patch.add(box), patch.add("print report")
    for i, source in enumerate(sources):
        patch.connect(source, 0, into, i)
    patch.connect(into, 0, played)
    patch.connect(played, 0, out_of)
    patch.connect(played, 1, report)
    arrays = [f"channel{i}" for i in range(heard)]
    start, order = patch.add("loadbang"), patch.add("t b b b")
    record, dsp = patch.add("bang", "msg"), patch.add("; pd dsp 1", "msg")
    patch.connect(start, 0, order)
    patch.connect(order, 2, record)
    patch.connect(order, 0, dsp)
    frames = int(SECONDS * RATE)
    for i, array in enumerate(arrays):
        writer = patch.add(f"tabwrite~ {array}")
        patch.connect(out_of, i, writer)
        patch.connect(record, 0, writer)
        patch.add(f"table {array} {frames}")
    for time, message in messages.items():
        wait, box_number = patch.add(f"del {time}"), patch.add(message, "msg")
        patch.connect(order, 1, wait)
        patch.connect(wait, 0, box_number)
        patch.connect(box_number, 0, played)
    end, save_, filer, leave, quit_ = (
        patch.add(f"del {SECONDS * 1000 + 10}"),
        patch.add(f"write -wave -bytes 4 out.wav {' '.join(arrays)}", "msg"),
        patch.add("soundfiler"),
        patch.add("del 1"),
        patch.add("; pd quit", "msg"),
    )
    patch.connect(order, 1, end)
    for source, target in ((end, save_), (save_, filer), (end, leave), (leave, quit_)):
        patch.connect(source, 0, target)
    patch.write(folder / "cable.pd")
    console = run(folder / "cable.pd")
    samples, _ = soundfile.read(folder / "out.wav", dtype="float32", always_2d=True)
    return Rendering(samples.T, console)


def test_the_channels_of_the_cable_are_the_models(folder: Path) -> None:
    heard = render_cable(folder, "nn~ -m four", [1, 2, 3, 4], 4, {100: "bang"})
    assert heard.samples[:, -1] == pytest.approx([0.375, 0.75, 1.125, 1.5])
    assert "dim 4 4" in heard.reports()
    assert heard.errors() == []


def test_a_method_of_fewer_channels_than_another_is_nothing_to_tell(folder: Path) -> None:
    heard = render_cable(folder, "nn~ -m instrument decode", [1, 1], 1, {})
    assert heard.samples[0, -1] == pytest.approx(1.25)
    assert heard.reports() == ["loaded instrument decode"]
    assert heard.posts() == []


def test_a_cable_of_fewer_channels_is_used_again(folder: Path) -> None:
    heard = render_cable(folder, "nn~ -m four", [1, 2, 3], 4, {})
    assert heard.samples[:, -1] == pytest.approx([0.375, 0.75, 1.125, 0.375])


def test_a_cable_of_more_channels_is_cut(folder: Path) -> None:
    heard = render_cable(folder, "nn~ -m two", [1, 2, 3], 2, {})
    assert heard.samples[:, -1] == pytest.approx([0.375, 0.75])


def test_method_changes_the_outgoing_cable(folder: Path) -> None:
    heard = render_cable(folder, "nn~ -m instrument encode", [1], 2, {500: "method forward"})
    middle = int(0.49 * RATE)
    assert heard.samples[:, middle] == pytest.approx([1, 1])
    # snake~ gives silence where the cable has no such channel.
    assert heard.samples[:, -1] == pytest.approx([1.25, 0])


def test_load_of_a_wider_model_widens_the_cable(folder: Path) -> None:
    heard = render_cable(folder, "nn~ -m one", [1, 2, 3, 4], 4, {300: "load four", 900: "bang"})
    assert heard.samples[:, int(0.29 * RATE)] == pytest.approx([0.5, 0, 0, 0])
    assert heard.samples[:, -1] == pytest.approx([0.375, 0.75, 1.125, 1.5])
    assert heard.reports()[:2] == ["loaded one forward", "loaded four forward"]
    assert "dim 4 4" in heard.reports()


def test_load_of_a_narrower_model_narrows_it(folder: Path) -> None:
    heard = render_cable(folder, "nn~ -m four", [1, 2, 3, 4], 4, {300: "load one"})
    assert heard.samples[:, -1] == pytest.approx([0.5, 0, 0, 0])


def test_what_was_said_holds_for_the_wider_model(folder: Path) -> None:
    messages = {100: "buffer 512", 300: "load four", 310: "enable 0", 900: "bang"}
    heard = render_cable(folder, "nn~ -m one", [1, 1, 1, 1], 4, messages)
    assert {"bufsize 512", "enabled 0", "model four"} <= set(heard.reports())
    assert not np.any(heard.samples[:, -1000:])


def test_a_wider_model_that_cannot_be_loaded_leaves_the_other_playing(folder: Path) -> None:
    (folder / "broken.ts").write_bytes((folder / "four.ts").read_bytes()[:2000])
    heard = render_cable(folder, "nn~ -m one", [1], 1, {300: "load broken"})
    (error,) = heard.errors()
    assert "broken" in error
    assert heard.samples[0, -1] == 0.5


def test_void_with_m_takes_a_model_of_any_width(folder: Path) -> None:
    heard = render_cable(folder, "nn~ -m", [1, 2], 2, {200: "load two"})
    assert heard.samples[:, -1] == pytest.approx([0.375, 0.75])


def test_an_ordinary_box_takes_the_first_channel_of_a_cable(folder: Path) -> None:
    heard = render_cable(folder, "nn~ one", [1, 2], 1, {})
    assert heard.samples[0, -1] == 0.5

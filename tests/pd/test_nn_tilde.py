"""[nn~] in a real Pure Data: sound, reports, and every mistake that a user can make."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from pure_data import PACKAGE, VECTOR, Patch, render, run
from tiny_models import Breaking, Crowd, Filter, Instrument, Thirds, save, stepped

BUFFER = 2048
LATENCY = BUFFER - VECTOR + BUFFER


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    save(Filter(), folder / "filter.ts", '{"sample_rate": 44100, "latency": {"forward": 7}}')
    save(Filter(2), folder / "stereo.ts")
    save(Instrument(), folder / "instrument.ts")
    save(Breaking(), folder / "breaking.ts")
    return folder


@pytest.fixture
def folder(tmp_path: Path, models: Path) -> Path:
    """A patch's folder, with the models in it."""
    for file in models.glob("*.ts"):
        shutil.copy(file, tmp_path)
    return tmp_path


def noise(channels: int, frames: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(-1, 1, (channels, frames)).astype(np.float32)


@pytest.mark.parametrize(("name", "channels"), [("filter", 1), ("stereo", 2)])
def test_the_output_equals_torch_delayed_by_the_stated_latency(
    folder: Path, name: str, channels: int
) -> None:
    x = noise(channels, 20 * BUFFER)
    heard = render(folder, [f"nn~ {name} forward"], x, channels, {200: "latency"})
    latency, _, buffer, model, _ = map(float, heard.answers("latency")[0].split())
    assert (buffer, model) == (LATENCY, 7 if name == "filter" else 0)
    assert latency == buffer + model
    expected = stepped(folder / f"{name}.ts", torch.from_numpy(x), BUFFER).numpy()
    delay = int(buffer)
    np.testing.assert_allclose(
        heard.samples[:, delay : x.shape[1]], expected[:, : x.shape[1] - delay], atol=1e-5
    )
    assert not np.any(heard.samples[:, :delay])
    assert heard.errors() == []


def test_buffer_0_computes_inside_the_call(folder: Path) -> None:
    x = noise(1, 100 * VECTOR)
    heard = render(folder, ["nn~ filter forward 0"], x, 1, {50: "latency", 60: "bang"})
    assert heard.answers("latency")[0].split()[2:] == ["0", "7", "0"]
    assert "bufsize 0" in heard.reports()
    expected = stepped(folder / "filter.ts", torch.from_numpy(x), VECTOR).numpy()
    np.testing.assert_allclose(heard.samples[:, : x.shape[1]], expected, atol=1e-5)


def test_a_buffer_that_is_no_power_of_two(folder: Path) -> None:
    x = noise(1, 30_000)
    heard = render(folder, ["nn~ filter forward 1000"], x, 1, {50: "latency"})
    delay = int(heard.answers("latency")[0].split()[2])
    assert delay == 1000 - 8 + 1000
    expected = stepped(folder / "filter.ts", torch.from_numpy(x), 1000).numpy()
    np.testing.assert_allclose(
        heard.samples[:, delay:30_000], expected[:, : 30_000 - delay], atol=1e-5
    )


def test_latents_come_out_held(folder: Path) -> None:
    x = noise(1, 10 * BUFFER)
    heard = render(folder, ["nn~ instrument encode"], x, 2)
    z = stepped(folder / "instrument.ts", torch.from_numpy(x), BUFFER, "encode")
    expected = z.repeat_interleave(512, -1).numpy()
    np.testing.assert_allclose(
        heard.samples[:, LATENCY : x.shape[1]], expected[:, : x.shape[1] - LATENCY], atol=1e-5
    )


def test_two_renderings_are_bit_identical(folder: Path) -> None:
    x = noise(1, 10 * BUFFER)
    first = render(folder, ["nn~ filter forward 64"], x)
    second = render(folder, ["nn~ filter forward 64"], x)
    np.testing.assert_array_equal(first.samples, second.samples)


def test_bang_reports_in_the_order_that_existing_patches_rely_on(folder: Path) -> None:
    heard = render(folder, ["nn~ instrument encode 4096"], noise(1, 8192), 2, {20: "bang"})
    assert heard.reports()[:11] == [
        "loaded instrument encode",
        "loaded 1",
        "enabled 1",
        "gpu 0",
        "model instrument",
        "methods encode decode forward",
        "method encode",
        "attributes brightness",
        "bufsize 4096",
        "dim 1 2",
        "ratio 1 512",
    ]


def test_reset_begins_anew(folder: Path) -> None:
    x = np.ones((1, 20 * BUFFER), dtype=np.float32)
    heard = render(folder, ["nn~ filter"], x, 1, {500: "reset"}).samples[0]
    # The filter's answer to a step, from the file's empty state, comes a second time.
    step = heard[LATENCY : LATENCY + 3]
    np.testing.assert_allclose(step, [0.5, 0.25, 0.375])
    again = np.flatnonzero(np.isclose(heard[LATENCY + 3 :], 0.25, atol=1e-6))
    assert len(again) >= 1


def test_the_name_may_end_in_ts(folder: Path) -> None:
    heard = render(folder, ["nn~ filter.ts forward 64"], noise(1, 8192), 1, {50: "bang"})
    assert "model filter" in heard.reports()


@pytest.mark.parametrize("name", ["my filter", "für élise 音"])
def test_a_name_may_be_anything_that_a_file_can_be_called(folder: Path, name: str) -> None:
    shutil.copy(folder / "filter.ts", folder / f"{name}.ts")
    text = name.replace(" ", "\\ ")
    heard = render(folder, [f"nn~ {text}"], noise(1, 8192), 1, {20: "bang"})
    assert heard.errors() == []
    assert f"model {text}" in heard.reports()


def test_the_packages_models_come_before_the_patchs_folder(folder: Path) -> None:
    own = PACKAGE / "models" / "timbrel_test_only.ts"
    shutil.copy(folder / "stereo.ts", folder / own.name)
    try:
        shutil.copy(folder / "instrument.ts", own)
        heard = render(folder, ["nn~ timbrel_test_only"], noise(1, 8192), 1, {50: "get_methods"})
    finally:
        own.unlink()
    assert heard.answers("methods") == ["encode decode forward"]


def test_an_unknown_method_lists_those_there_are_and_forward_plays(folder: Path) -> None:
    heard = render(folder, ["nn~ instrument prior"], noise(1, 8192), 1, {50: "bang"})
    assert heard.errors() == [
        "nn~: instrument has no method 'prior', using 'forward' (it has: encode, decode, forward)"
    ]
    assert "method forward" in heard.reports()


def test_a_buffer_too_small_is_rounded_up_and_said(folder: Path) -> None:
    heard = render(folder, ["nn~ instrument forward 100"], noise(1, 8192), 1, {50: "bang"})
    assert heard.posts() == [
        "nn~: instrument: buffer 100 rounded up to 512, a multiple of the ratio of instrument (512)"
    ]
    assert "bufsize 512" in heard.reports()


def test_a_buffer_is_a_multiple_of_every_ratio(folder: Path) -> None:
    save(Thirds(), folder / "thirds.ts")
    x = noise(1, 8400)
    heard = render(folder, ["nn~ thirds encode 64"], x, 1, {50: "latency"})
    assert heard.posts() == [
        "nn~: thirds: buffer 64 rounded up to 72, a multiple of the ratio of thirds (12)"
    ]
    delay = int(heard.answers("latency")[0].split()[2])
    expected = stepped(folder / "thirds.ts", torch.from_numpy(x), 72, "encode")
    np.testing.assert_allclose(
        heard.samples[:, delay:8400],
        expected.repeat_interleave(3, -1)[:, : 8400 - delay],
        atol=1e-5,
    )


def test_arguments_that_make_no_sense_are_named(folder: Path) -> None:
    heard = render(folder, ["nn~ filter forward -5 1 1 7"], noise(1, 8192), 1, {50: "bang"})
    assert heard.errors() == [
        "nn~: a buffer of -5 is not possible; using the default",
        "nn~: argument '7' is not understood; [nn~ model method buffer inlets outlets]",
    ]
    assert "bufsize 2048" in heard.reports()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("missing", "nn~: missing.ts: no such file (looked in "),
        ("text", "nn~: text.ts: not a TorchScript archive (it looks like text)"),
        ("cut", "nn~: cut.ts: truncated (the file ends before its index)"),
        ("damaged", "nn~: damaged.ts: damaged (checksum of "),
        ("folder", "nn~: folder.ts: a folder, not a model file"),
        ("crowd", "nn~: crowd.ts: a TorchScript file, but no method of it can be played ("),
    ],
)
def test_a_model_that_cannot_be_loaded_is_one_line_and_pd_lives_on(
    folder: Path, name: str, line: str
) -> None:
    whole = (folder / "filter.ts").read_bytes()
    (folder / "text.ts").write_text("#N canvas 0 0 100 100;\n")
    (folder / "cut.ts").write_bytes(whole[: len(whole) // 2])
    damaged = bytearray(whole)
    damaged[whole.index(b"forward")] ^= 0xFF
    (folder / "damaged.ts").write_bytes(damaged)
    (folder / "folder.ts").mkdir()
    save(Crowd(), folder / "crowd.ts")
    x = noise(1, 6 * BUFFER)
    heard = render(folder, ["nn~ filter", f"nn~ {name}"], x)
    (said,) = heard.errors()
    assert said.startswith(line)
    expected = stepped(folder / "filter.ts", torch.from_numpy(x), BUFFER).numpy()
    np.testing.assert_allclose(
        heard.samples[:, LATENCY : x.shape[1]], expected[:, : x.shape[1] - LATENCY], atol=1e-5
    )


def test_a_model_that_raises_while_it_plays_is_reported_once(folder: Path) -> None:
    heard = render(folder, ["nn~ breaking"], noise(1, 40 * BUFFER), 1, {1500: "stats"})
    assert heard.errors() == ["nn~: breaking: method forward failed: the fifth block is too much"]
    assert "late 0" in heard.reports()
    assert not np.any(heard.samples[:, 10 * BUFFER :])


def test_another_sample_rate_than_the_models_is_said(tmp_path: Path) -> None:
    save(Filter(), tmp_path / "slow.ts", '{"sample_rate": 22050}')
    heard = render(tmp_path, ["nn~ slow"], noise(1, 8192))
    assert heard.posts() == [
        "nn~: slow was made for 22050 Hz and plays at 44100 Hz: it sounds transposed; 'resample 1' "
        "converts"
    ]


def test_a_buffer_of_a_fraction_is_refused_instead_of_taken_for_0(folder: Path) -> None:
    heard = render(folder, ["nn~ filter forward 0.5"], noise(1, 8192), 1, {50: "bang"})
    assert heard.errors() == ["nn~: a buffer of 0.5 is not possible; using the default"]
    assert "bufsize 2048" in heard.reports()


def test_a_libtorch_of_another_external_is_refused_before_ours_is_opened(folder: Path) -> None:
    foreign = folder / "other" / "libc10.so"
    foreign.parent.mkdir()
    shutil.copy(PACKAGE / "lib" / "libc10.so", foreign)
    patch = Patch()
    patch.add("nn~ filter")
    start = patch.add("loadbang")
    goodbye = patch.add("; pd quit", "msg")
    patch.connect(start, 0, goodbye)
    patch.write(folder / "foreign.pd")
    console = run(folder / "foreign.pd", {"LD_PRELOAD": str(foreign)})
    (said,) = [line for line in console if "nn~: " in line]
    assert said == (
        f"error: nn~: filter: another libtorch is loaded already ({foreign}); use one external "
        "with a libtorch at a time, and start Pd again"
    )

"""`timbrel render`: what a patch would play, aligned with its input, in files that are whole."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tiny_models import Breaking, Filter, Instrument, save, stepped
from torch import Tensor, nn

from timbrel.engine import Model, Stream
from timbrel.errors import UserError
from timbrel.rendering import Existing, Settings, SoundFormat, play, render
from timbrel.rendering.sinks import SoundSink

RATE = 44_100
SHIPPED = Path(__file__).parents[2] / "models" / "tabla.ts"
LOOP = SHIPPED.parents[1] / "training/timbrel/assets/tabla/loop_tabla.flac"
LATENCY = 300
STEP = 2.0**-23
"""Of 24 bits."""


class Delay(nn.Module):
    """Gives back its input, later by `LATENCY`: aligned, output and input are the same."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("forward_params", torch.tensor([1, 1, 1, 1]))
        self.register_buffer("past", torch.zeros(1, 1, LATENCY))

    def forward(self, x: Tensor) -> Tensor:
        joined = torch.cat([self.past.expand(x.shape[0], -1, -1), x], -1)
        self.past = joined[..., -self.past.shape[-1] :]
        return joined[..., : x.shape[-1]]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    stated = json.dumps({"sample_rate": RATE, "latency": {"forward": LATENCY}})
    late = json.dumps({"sample_rate": RATE, "latency": {"encode": 512, "decode": 512}})
    return {
        "delay": save(Delay(), folder / "delay.ts", stated),
        "filter": save(Filter(), folder / "filter.ts"),
        "stereo": save(Filter(2), folder / "stereo.ts"),
        "instrument": save(
            Instrument(), folder / "instrument.ts", json.dumps({"sample_rate": RATE})
        ),
        "late": save(Instrument(), folder / "late.ts", late),
        "unstated": save(Instrument(), folder / "unstated.ts"),
        "breaking": save(Breaking(), folder / "breaking.ts"),
    }


def read(path: Path) -> np.ndarray:
    """(channels, frames)"""
    return soundfile.read(path, dtype="float32", always_2d=True)[0].T


def tone(
    rate: int, seconds: float, frequency: float = 440.0, frames: int | None = None
) -> np.ndarray:
    """A sine that swells and fades, so that a resampler has no edge to ring at."""
    time = np.arange(frames or round(seconds * rate)) / rate
    return 0.5 * np.sin(2 * np.pi * frequency * time) * np.sin(np.pi * time / seconds) ** 2


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".*")]


@pytest.mark.parametrize("buffer", [None, 4096])
def test_output_is_the_model_stepped_in_torch_without_its_latency(tmp_path, buffer):
    model = Model(SHIPPED)
    settings = Settings(buffer=buffer, format=SoundFormat.FLOAT)
    render(model, [LOOP], tmp_path / "out.wav", settings)
    x = read(LOOP)
    block, latency = buffer or 2048, model.methods["forward"].latency
    padded = np.pad(x, ((0, 0), (0, block + -x.shape[1] % block)))
    expected = stepped(SHIPPED, torch.from_numpy(padded), block).numpy()
    rendered = read(tmp_path / "out.wav")
    assert rendered.shape == x.shape
    np.testing.assert_allclose(rendered, expected[:, latency : latency + x.shape[1]], atol=1e-5)


@pytest.mark.parametrize("format", list(SoundFormat))
def test_two_renderings_are_the_same_bytes(tmp_path, format):
    model = Model(SHIPPED)
    for name in ("a", "b"):
        render(model, [LOOP], tmp_path / name, Settings(format=format))
    first, second = (next((tmp_path / name).iterdir()) for name in ("a", "b"))
    assert first.suffix == format.suffix
    assert b"PEAK" not in first.read_bytes()[:512]  # where the time of day would stand
    assert first.read_bytes() == second.read_bytes()


def test_a_stereo_file_is_two_mono_files(tmp_path):
    x = read(LOOP)
    both = np.concatenate([x, 0.5 * x[:, ::-1]])
    (tmp_path / "in").mkdir()
    for name, sound in (("both", both), ("left", both[:1]), ("right", both[1:])):
        soundfile.write(tmp_path / f"in/{name}.wav", sound.T, RATE, "FLOAT")
    render(Model(SHIPPED), [tmp_path / "in"], tmp_path / "out", Settings())
    left, right = read(tmp_path / "out/left.wav"), read(tmp_path / "out/right.wav")
    together = read(tmp_path / "out/both.wav")
    np.testing.assert_allclose(together, np.concatenate([left, right]), atol=1e-5)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_101, 48_000, 96_000, 192_000])
def test_any_rate_is_converted_and_lies_under_its_input(tmp_path, models, rate):
    sound = tone(rate, 0.7001)
    soundfile.write(tmp_path / "in.wav", sound, rate, "FLOAT")
    model = Model(models["delay"])
    render(model, [tmp_path / "in.wav"], tmp_path / "model.wav", Settings())
    assert soundfile.info(tmp_path / "model.wav").samplerate == RATE
    heard = read(tmp_path / "model.wav")[0]
    assert len(heard) == round(len(sound) * RATE / rate)
    np.testing.assert_allclose(heard, tone(RATE, 0.7001, frames=len(heard)), atol=1e-4)

    render(model, [tmp_path / "in.wav"], tmp_path / "back.wav", Settings(rate=rate))
    assert soundfile.info(tmp_path / "back.wav").samplerate == rate
    np.testing.assert_allclose(read(tmp_path / "back.wav")[0], sound, atol=1e-4)


def test_not_aligned_is_longer_by_the_latency(tmp_path, models):
    sound = tone(RATE, 0.5)
    soundfile.write(tmp_path / "in.wav", sound, RATE, "FLOAT")
    settings = Settings(align=False)
    render(Model(models["delay"]), [tmp_path / "in.wav"], tmp_path / "out.wav", settings)
    expected = np.concatenate([np.zeros(LATENCY), sound])
    np.testing.assert_allclose(read(tmp_path / "out.wav")[0], expected, atol=STEP)


def test_a_model_that_states_no_rate_plays_at_the_input_s(tmp_path, models, record):
    record(tmp_path / "in.wav", rate=32_000)
    render(Model(models["filter"]), [tmp_path / "in.wav"], tmp_path / "out.wav", Settings())
    assert soundfile.info(tmp_path / "out.wav").samplerate == 32_000


@pytest.mark.parametrize(
    "name", ["a.aiff", "a.au", "a.caf", "a.flac", "a.mp3", "a.ogg", "a.w64", "a.wav"]
)
def test_every_format_that_soundfile_reads(tmp_path, models, name):
    soundfile.write(tmp_path / name, np.stack([tone(RATE, 1.0), tone(RATE, 1.0, 660)], 1), RATE)
    render(Model(models["delay"]), [tmp_path / name], tmp_path / "out", Settings())
    np.testing.assert_allclose(read(tmp_path / "out/a.wav"), read(tmp_path / name), atol=STEP)


@pytest.mark.parametrize("seed", range(6))
def test_chunks_of_any_length_give_the_same(models, monkeypatch, seed):
    monkeypatch.setattr(play, "_CHUNK", 1)
    random = np.random.default_rng(seed)
    x = random.uniform(-1, 1, (1, int(random.integers(1, 3000)))).astype(np.float32)
    cuts = np.sort(random.integers(0, x.shape[1] + 1, int(random.integers(0, 9))))
    stream = Stream(models["delay"], buffer=int(random.integers(1, 700)))
    for align in (True, False):
        stream.reset()
        player = play.Player(stream, RATE, align=align)
        parts = list(player.play(iter(np.split(x, cuts, axis=1))))
        late = x if align else np.pad(x, ((0, 0), (LATENCY, 0)))
        np.testing.assert_array_equal(np.concatenate(parts, 1), late)
        stream = Stream(models["delay"], buffer=stream.buffer)


def test_encode_writes_latents_and_decode_reads_them(tmp_path, models):
    x = np.random.default_rng(0).uniform(-0.2, 0.2, (2, 10_000)).astype(np.float32)
    model = Model(models["instrument"])
    for name, sound in (("mono", x[:1]), ("stereo", x)):
        soundfile.write(tmp_path / f"{name}.wav", sound.T, RATE, "FLOAT")
        render(model, [tmp_path / f"{name}.wav"], tmp_path / "z", Settings("encode"))
        render(model, [tmp_path / f"z/{name}.npy"], tmp_path / "y", Settings("decode"))
    z = np.load(tmp_path / "z/stereo.npy")
    padded = torch.from_numpy(np.pad(x, ((0, 0), (0, 240))))
    expected = [stepped(models["instrument"], row[None], 512, "encode") for row in padded]
    assert z.shape == (2, 2, 20)
    assert z.dtype == np.float32
    np.testing.assert_allclose(z, torch.stack(expected), atol=1e-6)
    np.testing.assert_array_equal(np.load(tmp_path / "z/mono.npy"), z[0])
    sound = [stepped(models["instrument"], row, 1, "decode")[0] for row in expected]
    assert soundfile.info(tmp_path / "y/stereo.wav").samplerate == RATE
    np.testing.assert_allclose(read(tmp_path / "y/stereo.wav"), torch.stack(sound), atol=STEP)
    np.testing.assert_allclose(read(tmp_path / "y/mono.wav"), sound[0][None], atol=STEP)


def test_latents_are_aligned_too(tmp_path, models):
    x = np.linspace(0, 1, 2048, dtype=np.float32)
    soundfile.write(tmp_path / "in.wav", x, RATE, "FLOAT")
    frames = {}
    for name in ("instrument", "late"):
        out = tmp_path / f"{name}.npy"
        render(Model(models[name]), [tmp_path / "in.wav"], out, Settings("encode"))
        frames[name] = np.load(out)
    late = tmp_path / "raw.npy"
    render(Model(models["late"]), [tmp_path / "in.wav"], late, Settings("encode", align=False))
    # A frame earlier by what it states; what follows the end of the sound is silence.
    expected = np.pad(frames["instrument"], ((0, 0), (0, 1)))
    np.testing.assert_array_equal(frames["late"], expected[:, 1:])
    np.testing.assert_array_equal(np.load(late), expected)
    decoded = tmp_path / "y.wav"
    render(Model(models["late"]), [late], decoded, Settings("decode"))
    assert read(decoded).shape == (1, 5 * 512)


def test_channels_go_to_the_model_in_groups_and_mono_to_all(tmp_path, models, record):
    model = Model(models["stereo"])
    for channels in (1, 2, 3, 4):
        record(tmp_path / f"in/{channels}.wav", channels=channels, seed=channels, subtype="FLOAT")
    outcome = render(model, [tmp_path / "in"], tmp_path / "out", Settings())
    assert [(s.name, s.reason) for s in outcome.skipped] == [
        ("3.wav", "has 3 channels; the method takes 2")
    ]
    assert outcome.rendered[0].notes == ["mono, given to all 2 channels"]
    for channels, x in ((n, read(tmp_path / f"in/{n}.wav")) for n in (1, 2, 4)):
        pairs = np.split(np.tile(x, (2, 1)) if channels == 1 else x, max(1, channels // 2))
        pairs = [np.pad(pair, ((0, 0), (0, 20))) for pair in pairs]
        expected = [stepped(models["stereo"], torch.from_numpy(pair), 2048) for pair in pairs]
        expected = torch.cat(expected)[:, : x.shape[1]].numpy()
        np.testing.assert_allclose(read(tmp_path / f"out/{channels}.wav"), expected, atol=1e-6)


def test_folders_keep_their_shape_and_names_that_meet_stay_apart(tmp_path, models, record):
    for name in ("a/kick.wav", "a/kick.flac", "b/kick.wav", "top.wav"):
        record(tmp_path / "in" / name, seed=len(name))
    (tmp_path / "in/notes.txt").write_text("no audio")
    # The output's folder lies below the input's, and is no input the second time.
    out = tmp_path / "in/out"
    for _ in range(2):
        render(
            Model(models["filter"]), [tmp_path / "in"], out, Settings(), existing=Existing.REPLACE
        )
        written = sorted(p.relative_to(out).as_posix() for p in out.rglob("*.*"))
        assert written == ["a/kick.flac.wav", "a/kick.wav.wav", "b/kick.wav", "top.wav"]


def test_a_recording_of_unknown_length(tmp_path, models, record):
    """As a FLAC encoder leaves it that wrote into a pipe."""
    flac = bytearray(record(tmp_path / "in.flac", seconds=2).read_bytes())
    expected = read(tmp_path / "in.flac")
    flac[21] &= 0xF0  # 36 bits of the stream's description count its samples
    flac[22:26] = bytes(4)
    (tmp_path / "in.flac").write_bytes(flac)
    model, out = Model(models["delay"]), tmp_path / "out.wav"
    outcome = render(model, [tmp_path / "in.flac"], out, Settings())
    assert outcome.rendered[0].notes == []
    np.testing.assert_allclose(read(out), expected, atol=STEP)


def test_hours_of_sound_go_into_a_file_whose_sizes_do_not_overflow(tmp_path):
    sound = tone(RATE, 1.0)[None]
    for hours in (1, 10):
        path = tmp_path / f"{hours}.wav"
        frames = hours * 3600 * RATE
        with SoundSink(path, path, RATE, 1, SoundFormat.WAV, frames) as sink:
            sink.write(sound.astype(np.float32))
        assert path.read_bytes()[:4] == (b"RIFF" if hours == 1 else b"RF64")
        np.testing.assert_allclose(read(path), sound, atol=STEP)


def test_clipping_is_counted_and_floats_do_not_clip(tmp_path, models):
    soundfile.write(tmp_path / "in.wav", 1.5 * tone(RATE, 1.0) / 0.5, RATE, "FLOAT")
    model = Model(models["delay"])
    outcome = render(model, [tmp_path / "in.wav"], tmp_path / "a.wav", Settings())
    x = read(tmp_path / "in.wav")
    assert outcome.rendered[0].notes == [
        f"{(np.abs(x) > 1).sum()} samples clipped; --format float would keep them"
    ]
    np.testing.assert_allclose(read(tmp_path / "a.wav"), np.clip(x, -1, 1), atol=STEP)
    settings = Settings(format=SoundFormat.FLOAT)
    outcome = render(model, [tmp_path / "in.wav"], tmp_path / "b.wav", settings)
    assert outcome.rendered[0].notes == []
    np.testing.assert_array_equal(read(tmp_path / "b.wav"), x)


def test_samples_that_are_not_numbers_become_silence_and_are_said(tmp_path, models):
    x = tone(RATE, 0.5).astype(np.float32)
    x[1000], x[2000] = np.nan, np.inf
    soundfile.write(tmp_path / "in.wav", x, RATE, "FLOAT")
    outcome = render(Model(models["delay"]), [tmp_path / "in.wav"], tmp_path / "o.wav", Settings())
    assert outcome.rendered[0].notes == ["2 samples that are not numbers became 0"]
    x[[1000, 2000]] = 0
    np.testing.assert_allclose(read(tmp_path / "o.wav")[0], x, atol=STEP)


def test_what_cannot_be_read_is_skipped_and_the_rest_is_rendered(
    timbrel, one_line, tmp_path, models, record
):
    record(tmp_path / "in/good.wav", seconds=2)
    (tmp_path / "in/words.wav").write_text("no sound")
    (tmp_path / "in/empty.wav").touch()
    (tmp_path / "in/song.m4a").write_bytes(b"\0\0\0\x18ftypM4A ")
    soundfile.write(tmp_path / "in/none.wav", np.zeros(0), RATE)
    whole = record(tmp_path / "whole.flac", seconds=2).read_bytes()
    (tmp_path / "in/cut.flac").write_bytes(whole[: len(whole) // 2])
    result = timbrel("render", models["delay"], tmp_path / "in", "--out", tmp_path / "out")
    said = dict(
        line.removeprefix("skipped ").split(": ", 1)
        for line in result.stdout.splitlines()
        if ": " in line
    )
    assert said["words.wav"].startswith("not readable as audio: ")
    assert said["empty.wav"].startswith("not readable as audio: ")
    assert said["song.m4a"].startswith("format not read here; convert it, e.g.: ffmpeg")
    assert said["none.wav"] == "holds nothing (0 frames)"
    assert said["cut.flac"].startswith(("damaged: ", "cut short: "))
    assert one_line(result).endswith("of 6 inputs could not be rendered, as listed above")
    assert read(tmp_path / "out/good.wav").shape == (1, 2 * RATE)
    assert hidden(tmp_path) == []
    alone = timbrel(
        "render", models["delay"], tmp_path / "in/words.wav", "--out", tmp_path / "x.wav"
    )
    assert one_line(alone).startswith("timbrel: words.wav: not readable as audio: ")
    assert not (tmp_path / "x.wav").exists()


def test_a_model_that_fails_is_one_line_and_leaves_nothing(
    timbrel, one_line, tmp_path, models, record
):
    record(tmp_path / "in.wav", seconds=2)
    out = tmp_path / "out.wav"
    result = timbrel("render", models["breaking"], tmp_path / "in.wav", "--out", out)
    expected = "timbrel: in.wav: method forward failed: the fifth block is too much"
    assert one_line(result) == expected
    assert sorted(os.listdir(tmp_path)) == ["in.wav"]


def test_what_was_rendered_is_said(timbrel, tmp_path, models, record):
    record(tmp_path / "in/a.wav", seconds=2, rate=48_000, channels=2)
    command = ["render", models["delay"], tmp_path / "in", "--out", tmp_path / "out"]
    result = timbrel(*command)
    assert result.returncode == 0, result.stderr
    first, last = result.stdout.splitlines()
    expected = "2.0 s, 2 channels at 44100 Hz (input at 48000 Hz)"
    assert first == f"{tmp_path / 'out/a.wav'}: {expected}"
    assert last.startswith("1 file, 2.0 s in ")
    record(tmp_path / "in/b.wav", seconds=2)
    before = (tmp_path / "out/a.wav").stat().st_mtime_ns
    result = timbrel(*command, "--skip-existing")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("kept 1 file that were there already\n")
    assert (tmp_path / "out/a.wav").stat().st_mtime_ns == before
    assert (tmp_path / "out/b.wav").exists()


def test_progress_ends_at_its_total_whatever_could_not_be_read(tmp_path, models, record):
    for name, seconds in (("a", 1), ("b", 2), ("d", 3)):
        record(tmp_path / f"in/{name}.wav", seconds=seconds)
    (tmp_path / "in/c.wav").write_text("no sound")
    told: list[tuple[str, float, float]] = []
    model = Model(models["delay"])
    render(
        model,
        [tmp_path / "in"],
        tmp_path / "out",
        Settings(),
        progress=lambda *what: told.append(what),
    )
    assert list(dict.fromkeys(name for name, _, _ in told)) == ["a.wav", "b.wav", "c.wav", "d.wav"]
    assert {total for _, _, total in told} == {6.0}
    done = [seconds for _, seconds, _ in told]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0.0, 6.0)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("missing.ts a.wav --out o", "missing.ts: no such file"),
        ("text.ts a.wav --out o", "text.ts: not a TorchScript archive (it looks like text)"),
        ("m.ts missing.wav --out o", "missing.wav: no such file or folder"),
        ("m.ts empty --out o", "no audio in empty"),
        ("m.ts empty --out o --method decode", "no latents (.npy) in empty"),
        ("m.ts a.wav --out o --method prior", "no method 'prior' in m (it has: encode, decode, "),
        ("m.ts a.wav --out taken.wav", "taken.wav exists; --overwrite replaces what is there, "),
        ("m.ts a.wav --out a.wav --overwrite", "a.wav is an input itself; choose another output"),
        ("m.ts a.wav b.wav --out o.wav", "o.wav is one file for several inputs; give a folder"),
        ("m.ts a.wav --out no/o.wav", "no: no such folder; make it first"),
        ("m.ts a.wav --out text.ts", "text.ts is a file; choose a folder, or a name in .wav, "),
        ("m.ts a.wav --out o.flac --format wav", "o.flac: --format wav is written to a name in "),
        ("m.ts a.wav --out o.npy", "o.npy: the method gives sound; choose a name in .wav or .fl"),
        ("m.ts a.wav --out o.wav --method encode", "o.wav: the method gives latents; choose a na"),
        ("m.ts a.wav --out o --method encode --format wav", "the method gives latents, which are"),
        ("m.ts a.wav --out o --method encode --rate 44100", "encode gives latents, which have no"),
        ("m.ts a.wav --out o.wav --method decode", "a.wav: not readable as latents (a .npy file"),
        ("m.ts z.npy --out o.wav --method decode", "z.npy: has shape (3, 4); the method takes ("),
        ("m.ts s.npy --out o.wav --method decode", "s.npy: holds no array of real numbers"),
        ("u.ts z.npy --out o --method decode", "u does not say its sample rate; give it as --rate"),
        ("m.ts a.wav --out o.wav --rate 5", "--rate is 5 Hz; choose from 1000 to 768000"),
        ("m.ts a.wav --out o.wav --buffer 0", "--buffer is 0; choose from 1 to 16777216"),
        ("m.ts a.wav --out o --overwrite --skip-existing", "--overwrite and --skip-existing contr"),
        ("m.ts nine.wav --out o.flac", "nine.wav: FLAC holds 8 channels at most, not 9; use --fo"),
        ("m.ts a.wav sub --out o", "a.wav and sub/a.wav would both become o/a.wav"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(
    timbrel, one_line, tmp_path, models, record, arguments, line
):
    (tmp_path / "m.ts").write_bytes(models["instrument"].read_bytes())
    (tmp_path / "u.ts").write_bytes(models["unstated"].read_bytes())
    (tmp_path / "text.ts").write_text("#N canvas 0 0 100 100;\n")
    (tmp_path / "taken.wav").write_text("something dear")
    (tmp_path / "empty").mkdir()
    np.save(tmp_path / "z.npy", np.zeros((3, 4)))
    np.save(tmp_path / "s.npy", np.array([["text"]]))
    for seed, name in enumerate(("a.wav", "b.wav", "sub/a.wav")):
        record(tmp_path / name, seed=seed)
    record(tmp_path / "nine.wav", channels=9)
    before = sorted(tmp_path.rglob("*"))
    result = timbrel("render", *arguments.split(), cwd=tmp_path)
    assert one_line(result).startswith(f"timbrel: {line}")
    assert [path for path in sorted(tmp_path.rglob("*")) if path.name != "o"] == before
    assert (tmp_path / "taken.wav").read_text() == "something dear"


def interrupted(folder: Path, number: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs the command line, and sends it a signal when its second file is half written."""
    code = (
        "import os, signal, timbrel.rendering.files as r\n"
        "class Sink(r.SoundSink):\n"
        "    made = 0\n"
        "    def write(self, chunk):\n"
        "        super().write(chunk)\n"
        "        Sink.made += 1\n"
        f"        if Sink.made == 2: os.kill(os.getpid(), signal.{number})\n"
        "r.SoundSink = Sink\n"
        "from timbrel.cli import main; main()"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_what_is_killed_leaves_whole_files_or_none(timbrel, tmp_path, models, record, number):
    for name in "abc":
        record(tmp_path / f"in/{name}.wav", seconds=1, seed=ord(name))
    command = ["render", models["delay"], "in", "--out", "out"]
    result = interrupted(tmp_path, number, *command)
    assert sorted(p.name for p in (tmp_path / "out").glob("[!.]*")) == ["a.wav"]
    if number == "SIGINT":
        assert result.returncode == 130
        assert result.stderr.splitlines()[-1] == (
            "timbrel: interrupted; 1 of 3 files are written, and --skip-existing goes on with the "
            "others"
        )
        assert hidden(tmp_path) == []
    else:
        assert result.returncode == -getattr(signal, number)
    again = timbrel(*command, "--skip-existing", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert hidden(tmp_path) == []
    for name in "abc":
        expected = read(tmp_path / f"in/{name}.wav")
        np.testing.assert_allclose(read(tmp_path / f"out/{name}.wav"), expected, atol=STEP)


def test_a_disk_that_fills_up_is_one_line_and_nothing_is_left(one_line, tmp_path, models, record):
    record(tmp_path / "in.wav", seconds=4)
    result = subprocess.run(
        [
            *(sys.executable, "-c", "from timbrel.cli import main; main()"),
            *("render", models["delay"], "in.wav", "--out", "out.wav"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert one_line(result) == (
        "timbrel: out.wav: cannot be written any further; is there space left on the disk?"
    )
    assert sorted(os.listdir(tmp_path)) == ["in.wav"]


def test_memory_does_not_grow_with_the_length_of_a_file(tmp_path, models):
    """Twenty minutes, which are 212 MB of samples, beside twenty seconds."""
    rate = RATE // 2  # converted on the way, too
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, 10 * rate).astype(np.float32)
    # A process of its own in between: what one execs begins with the peak of who started it.
    measure = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    timbrel = [sys.executable, "-c", "from timbrel.cli import main; main()"]
    peaks = []
    for seconds in (20, 20 * 60):
        path = tmp_path / f"{seconds}.wav"
        with soundfile.SoundFile(path, "w", rate, 1, "PCM_16") as file:
            for _ in range(seconds // 20):
                file.write(noise)
                file.write(0 * noise)
        out = tmp_path / f"{seconds}.out.wav"
        result = subprocess.run(
            [
                *(sys.executable, "-c", measure, *timbrel),
                *("render", models["delay"], path, "--out", out),
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        assert soundfile.info(out).frames == seconds * RATE
        peaks.append(int(result.stdout.splitlines()[-1]))
        path.unlink()
        out.unlink()
    short, long = peaks
    assert long < 1.1 * short


def test_two_writers_of_one_output_do_not_mix(tmp_path, models, record):
    record(tmp_path / "in.wav")
    from timbrel.data.atomic import new_file

    with new_file(tmp_path / "out.wav"):
        with pytest.raises(UserError, match=r"another timbrel is writing .*out\.wav right now"):
            render(Model(models["delay"]), [tmp_path / "in.wav"], tmp_path / "out.wav", Settings())
        (tmp_path / ".out.wav.partial").write_text("the first writer's")
    assert (tmp_path / "out.wav").read_text() == "the first writer's"

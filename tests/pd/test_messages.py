"""Every message to [nn~], in every Pure Data that is there: what is heard, what the outlet says."""

from pathlib import Path

import numpy as np
import pytest
from pure_data import RATE, VECTOR, Rendering, render
from spoken_models import Dice, Knobs, Laborious, Level
from tiny_models import Filter, Instrument, save

BUFFER = 2048
LATENCY = BUFFER - VECTOR + BUFFER
FADE = int(0.05 * RATE) + BUFFER  # one model goes over into another, at the next block


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("messages")
    save(Level(1.0), folder / "one.ts")
    save(Level(0.5), folder / "two.ts")
    save(Level(0.5), folder / "slow.ts", '{"sample_rate": 22050}')
    save(Knobs(), folder / "knobs.ts")
    save(Dice(), folder / "dice.ts")
    save(Laborious(), folder / "laborious.ts")
    save(Filter(), folder / "filter.ts")
    save(Instrument(), folder / "instrument.ts")
    return folder


def ones(seconds: float = 1.0) -> np.ndarray:
    return np.ones((1, int(seconds * RATE)), dtype=np.float32)


def noise(seconds: float = 1.0) -> np.ndarray:
    samples = np.random.default_rng(1).uniform(-1, 1, (1, int(seconds * RATE)))
    return samples.astype(np.float32)


def play(
    folder: Path, pd: Path, box: str, messages: dict[float, str], signal: np.ndarray | None = None
) -> Rendering:
    return render(folder, [box], ones() if signal is None else signal, 1, messages, pd)


def at(heard: Rendering, ms: float) -> float:
    """The first channel, so many ms after the start."""
    return float(heard.samples[0, int(ms * RATE / 1000)])


def no_holes(heard: Rendering) -> bool:
    return bool(np.all(heard.samples[0, LATENCY:] > 0.05))


# ---- what is played ----


def test_load_goes_over_into_the_other_model(folder: Path, every_pd: Path) -> None:
    heard = play(folder, every_pd, "nn~ one", {300: "load two"})
    assert at(heard, 290) == 1
    assert at(heard, 900) == 0.5
    assert no_holes(heard)
    assert heard.reports() == ["loaded one forward", "loaded two forward"]


def test_what_follows_a_load_is_meant_for_the_model_that_it_brings(
    folder: Path, every_pd: Path
) -> None:
    heard = play(
        folder, every_pd, "nn~ one", {300: "load two, method half, buffer 512, set gain 3, bang"}
    )
    assert at(heard, 290) == 1
    assert at(heard, 900) == pytest.approx(0.5 * 3 * 0.5)
    assert heard.reports()[-1].startswith("loaded two half") or "method half" in heard.reports()


def test_reload_keeps_what_was_set(folder: Path, every_pd: Path) -> None:
    heard = play(folder, every_pd, "nn~ one", {200: "set gain 0.25", 400: "reload"})
    assert at(heard, 390) == at(heard, 900) == 0.25
    assert no_holes(heard)
    assert heard.reports() == ["loaded one forward"] * 2


def test_method_plays_another(folder: Path, every_pd: Path) -> None:
    heard = play(folder, every_pd, "nn~ one", {300: "method half"})
    assert (at(heard, 290), at(heard, 900)) == (1, 0.5)
    assert no_holes(heard)
    assert heard.reports()[-1] == "loaded one half"


@pytest.mark.parametrize("word", ["buffer", "bufsize"])
def test_buffer_and_bufsize_change_the_block(folder: Path, every_pd: Path, word: str) -> None:
    heard = play(folder, every_pd, "nn~ one", {300: f"{word} 512", 600: "bang", 610: "latency"})
    assert "bufsize 512" in heard.reports()
    assert heard.reports()[-1].startswith(f"latency {512 - VECTOR + 512} ")
    assert at(heard, 900) == 1
    assert no_holes(heard)


def test_buffer_0_computes_inside_the_call(folder: Path, every_pd: Path) -> None:
    heard = play(
        folder,
        every_pd,
        "nn~ one",
        {300: "buffer 0", 600: "latency", 610: "buffer 256", 900: "latency"},
    )
    first, second = (line for line in heard.reports() if line.startswith("latency"))
    assert first.split()[1] == "0"
    assert second.split()[1] == str(256 - VECTOR + 256)


def test_slack_is_time_for_inference(folder: Path, every_pd: Path) -> None:
    messages = {300: "slack 0", 600: "latency", 610: "slack", 900: "latency"}
    heard = play(folder, every_pd, "nn~ one", messages)
    short, usual = (line for line in heard.reports() if line.startswith("latency"))
    assert int(short.split()[1]) == BUFFER - VECTOR
    assert int(usual.split()[1]) == LATENCY


# ---- how it is played ----


def test_enable_0_is_silence_and_enable_1_is_not(folder: Path, every_pd: Path) -> None:
    heard = play(folder, every_pd, "nn~ one", {300: "enable 0", 310: "bang", 600: "enable 1"})
    assert (at(heard, 290), at(heard, 500), at(heard, 900)) == (1, 0, 1)
    assert "enabled 0" in heard.reports()


def test_bypass_is_the_input_as_late_as_the_model(folder: Path, every_pd: Path) -> None:
    x = noise()
    heard = play(folder, every_pd, "nn~ two", {300: "bypass 1", 310: "bang"}, x)
    came = heard.samples[0, RATE // 2 : RATE]
    np.testing.assert_allclose(came, x[0, RATE // 2 - LATENCY : RATE - LATENCY], atol=1e-6)
    assert "bypass 1" in heard.reports()


def test_reset_forgets_what_was_heard(folder: Path, every_pd: Path) -> None:
    heard = play(folder, every_pd, "nn~ filter", {300: "reset"})
    settled = heard.samples[0, int(0.29 * RATE)]
    assert settled == pytest.approx(0.375)
    after = heard.samples[0, int(0.3 * RATE) :]
    assert not np.any(after[VECTOR + 128 : VECTOR + 1000])
    assert after[-1] == pytest.approx(0.375)


def test_seed_repeats_the_noise(folder: Path, every_pd: Path) -> None:
    messages = {0: "seed 7", 500: "seed 7", 510: "reset"}
    first = play(folder, every_pd, "nn~ dice", messages)
    second = play(folder, every_pd, "nn~ dice", messages)
    np.testing.assert_array_equal(first.samples, second.samples)
    other = play(folder, every_pd, "nn~ dice", {0: "seed 8"})
    assert np.abs(other.samples - first.samples).max() > 0.1


@pytest.mark.parametrize("word", ["gpu 1", "device cuda", "device sofa"])
def test_a_device_that_is_not_there_is_refused_with_those_that_are(
    folder: Path, every_pd: Path, word: str
) -> None:
    heard = play(folder, every_pd, "nn~ one", {300: word, 600: "bang"})
    (error,) = heard.errors()
    assert "cpu" in error
    assert "device cpu" in heard.reports()
    assert "gpu 0" in heard.reports()
    assert at(heard, 900) == 1


def test_device_and_gpu_0_are_the_processor(folder: Path, every_pd: Path) -> None:
    heard = play(folder, every_pd, "nn~ one", {200: "gpu 0", 400: "device cpu", 600: "bang"})
    assert heard.errors() == []
    assert "device cpu" in heard.reports()
    assert at(heard, 900) == 1


def test_precision_computes_with_fewer_bits(folder: Path, every_pd: Path) -> None:
    x = noise()
    heard = play(folder, every_pd, "nn~ two", {300: "precision bfloat16", 600: "bang"}, x)
    assert "precision bfloat16" in heard.reports()
    came = heard.samples[0, int(0.7 * RATE) : RATE]
    due = 0.5 * x[0, int(0.7 * RATE) - LATENCY : RATE - LATENCY]
    assert 1e-4 < np.abs(came - due).max() < 1e-2


def test_resample_1_plays_at_the_models_rate(folder: Path, every_pd: Path) -> None:
    heard = play(
        folder,
        every_pd,
        "nn~ slow",
        {100: "latency", 300: "resample 1", 600: "latency", 610: "bang"},
    )
    before, after = (line.split() for line in heard.reports() if line.startswith("latency"))
    assert before[5] == "0"
    assert int(after[5]) > 0
    assert "resample 1" in heard.reports()
    assert at(heard, 950) == pytest.approx(0.5, abs=1e-3)
    (said,) = [line for line in heard.reports() if line.startswith("notice")]
    assert "22050" in said
    assert "44100" in said


def test_offline_0_1_and_auto(folder: Path, every_pd: Path) -> None:
    heard = play(
        folder, every_pd, "nn~ one", {100: "offline 1", 200: "offline auto", 300: "offline maybe"}
    )
    assert heard.errors() == ["nn~: one: usage: offline 0/1/auto"]
    assert at(heard, 900) == 1


def test_offline_1_waits_in_real_time(folder: Path, every_pd: Path) -> None:
    """For a model that takes longer than its blocks last, from before it is loaded."""
    messages = {0: "offline 1", 240: "stats"}
    box = "nn~ laborious forward 64"
    heard = render(folder, [box], ones(0.25), 1, messages, every_pd, batch=False)
    np.testing.assert_array_equal(heard.samples[0, 2 * 64 - VECTOR : -VECTOR], 1)
    assert heard.answers("late") == ["0"]
    assert int(heard.answers("blocks")[0]) > 150


# ---- attributes ----


def test_set_and_get_every_type_of_attribute(folder: Path, every_pd: Path) -> None:
    values = {
        "switch": "1",
        "count": "3",
        "gain": "0.5",
        "word": "hello",
        "table": "0.25 0.25",
        "mixed": "0.5 hi 2",
    }
    messages = {
        20.0 * i: f"set {name} {value}" for i, (name, value) in enumerate(values.items(), 1)
    }
    messages |= {300 + 20.0 * i: f"get {name}" for i, name in enumerate(values)}
    heard = play(folder, every_pd, "nn~ knobs", messages)
    assert heard.errors() == []
    answers = [line for line in heard.reports() if line.startswith("attribute ")]
    assert answers == [f"attribute {name} {value}" for name, value in values.items()]
    # The input, 1, 3, 0.5, the word's length, the table's sum.
    assert at(heard, 900) == pytest.approx(1 + 1 + 3 + 0.5 + 5 + 0.5)


def test_an_array_goes_to_the_model_with_its_content(folder: Path, every_pd: Path) -> None:
    extra = ["#X obj 400 10 table sixteenths 16;"]
    messages = {10: "; sixteenths const 0.0625", 50: "set wave sixteenths", 300: "get wave"}
    messages |= {400: "; sixteenths const 0.125", 700: "set wave sixteenths"}
    heard = render(folder, ["nn~ knobs"], ones(), 1, messages, every_pd, extra=extra)
    assert "attribute wave wave#0" in heard.reports()
    # The input, the length of "none", the sum of the array, Pd's rate.
    assert at(heard, 690) == pytest.approx(1 + 4 + 1 + RATE)
    # What it holds now goes there when it is asked for again.
    assert at(heard, 990) == pytest.approx(1 + 4 + 2 + RATE)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("set volume 1", "volume"),
        ("set gain 1 2", "1"),
        ("set gain loud", "gain"),
        ("set count", "count"),
        ("get volume", "volume"),
    ],
)
def test_a_set_or_get_that_makes_no_sense_is_one_line(
    folder: Path, every_pd: Path, message: str, reason: str
) -> None:
    heard = play(folder, every_pd, "nn~ knobs", {100: message})
    (error,) = heard.errors()
    assert reason in error
    assert at(heard, 900) == 1 + 4


# ---- latents ----


def test_latents_plays_all_of_them_by_hand(folder: Path, every_pd: Path) -> None:
    messages = {300: "latents 0.25 0.5", 500: "latent get", 600: "latents"}
    heard = play(folder, every_pd, "nn~ instrument", messages)
    assert at(heard, 290) == pytest.approx(1.25)  # 1 + 1 / 4
    assert at(heard, 580) == pytest.approx(0.25 + 0.25 * 0.5)
    assert at(heard, 900) == pytest.approx(1.25)
    assert "latents 0.25 0.5" in heard.reports()
    assert "latent set 0.25 0.5" in heard.reports()


@pytest.mark.parametrize(
    ("message", "level"),
    [
        ("latent set 0 0.5", 0.75),
        ("latent bias 0 0.5", 1.75),
        ("latent bias all 1 50", 2.5),
        ("latent scale 1 2", 1.5),
    ],
)
def test_latent_moves_one_or_all(folder: Path, every_pd: Path, message: str, level: float) -> None:
    heard = play(folder, every_pd, "nn~ instrument", {300: message})
    assert at(heard, 290) == pytest.approx(1.25)
    assert at(heard, 900) == pytest.approx(level)


def test_latent_release_noise_and_freeze(folder: Path, every_pd: Path) -> None:
    x = ones()
    x[0, RATE // 2 :] = 0
    messages = {100: "latent set all 3", 200: "latent release all", 400: "latent freeze 1"}
    heard = play(folder, every_pd, "nn~ instrument", messages, x)
    assert at(heard, 950) == pytest.approx(1.25)  # of the sound that is over
    heard = play(folder, every_pd, "nn~ instrument", {300: "latent noise all 1"})
    assert np.std(heard.samples[0, RATE // 2 :]) > 0.3


def test_latents_are_refused_where_there_are_none(folder: Path, every_pd: Path) -> None:
    heard = play(folder, every_pd, "nn~ one", {100: "latent bias 0 1", 200: "latents 1"})
    assert len(heard.errors()) == 2
    assert all("latents of one cannot be played" in error for error in heard.errors())


# ---- reports ----


def test_reports_leave_by_the_right_outlet(folder: Path, every_pd: Path) -> None:
    messages = {
        300: "get_methods",
        310: "get_attributes",
        320: "latency",
        330: "stats",
        340: "bang",
        350: "dump",
    }
    heard = play(folder, every_pd, "nn~ one", messages)
    selectors = [line.split()[0] for line in heard.reports()]
    state = ["loaded", "enabled", "gpu", "model", "methods", "method", "attributes", "bufsize"]
    state += ["dim", "ratio", "bypass", "device", "precision", "resample"]
    statistics = ["blocks", "late", "skipped", "failed", "nonfinite", "swaps", "inference", "load"]
    statistics.append("latency")
    first = ["loaded", "methods", "attributes", "latency"]
    assert selectors == [*first, *statistics, *state, *state, *statistics]
    assert heard.errors() == []


def test_every_message_of_the_table_and_every_flag_is_printed_by_help(
    folder: Path, every_pd: Path
) -> None:
    from timbrel.engine import messages

    heard = play(folder, every_pd, "nn~ one", {100: "help"})
    said = {line.removeprefix("nn~: ").split(":")[0] for line in heard.posts()}
    own = {"print_available_models", "download NAME [AS]", "remove NAME", "help"}
    own |= {f"[nn~ {flag} ...]" for flag in ("-m", "-gpu", "-g", "-d")}
    table = {f"{each.name} {each.arguments}".strip() for each in messages()}
    assert said == own | table - {"offline 0/1"} | {"offline 0/1/auto"}


def test_an_unknown_message_is_named(folder: Path, every_pd: Path) -> None:
    heard = play(folder, every_pd, "nn~ one", {100: "lod two", 200: "7"})
    assert heard.errors()[0] == "nn~: one: no message 'lod'; 'help' lists what there is"
    assert "error no message 'lod'; 'help' lists what there is" in [
        line.replace("\\", "") for line in heard.reports()
    ]

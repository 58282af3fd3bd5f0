"""What a stream does when it is spoken to: the messages of an object in a patch, on real models."""

import json
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from spoken_models import Dice, Knobs, Level
from tiny_models import Breaking, Instrument, Short, save

from timbrel.engine import Buffer, ElementType, Model, Stream, messages
from timbrel.errors import UserError

RATE = 44100
BLOCK = 512
FADE = 0.05  # seconds that a model takes to go over into another


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("models")
    models = {
        "one": Level(1.0),
        "two": Level(0.5),
        "coarse": Level(0.25, ratio=2048),
        "dice": Dice(),
        "knobs": Knobs(),
        "short": Short(),
        "breaking": Breaking(),
        "instrument": Instrument(),
    }
    paths = {name: str(save(model, folder / f"{name}.ts")) for name, model in models.items()}
    paths["slow"] = str(save(Level(1.0), folder / "slow.ts", json.dumps({"sample_rate": 22050})))
    paths["damaged"] = str(folder / "damaged.ts")
    content = Path(paths["one"]).read_bytes()
    Path(paths["damaged"]).write_bytes(content[: len(content) // 2])
    return paths


def playing(path: str, method: str = "forward", buffer: int = BLOCK) -> Stream:
    """A stream that waits for whatever it is told, so that what is heard is the same every time."""
    stream = Stream(path, method, buffer)
    stream.offline = True
    stream.prepare(RATE, 64)
    return stream


def ones(seconds: float) -> np.ndarray:
    return np.ones((1, round(seconds * RATE)), dtype=np.float32)


def lines(stream: Stream, selector: str) -> list[str]:
    return [str(event) for event in stream.events() if event.selector == selector]


# ---- the table ----


def test_every_message_of_the_table_is_understood_or_says_how_it_is_used(
    files: dict[str, str],
) -> None:
    stream = playing(files["instrument"])
    assert [message.name for message in messages()][:4] == ["load", "reload", "method", "buffer"]
    for message in messages():
        assert message.does
        if message.name in ("latents", "latent", "slack", "seed"):
            continue  # may stand alone
        if message.arguments:
            with pytest.raises(UserError, match=f"usage: {message.name} "):
                stream.send(message.name)
        else:
            stream.send(message.name)
            with pytest.raises(UserError, match=f"usage: {message.name}$"):
                stream.send(message.name, 1, 2, 3)
    with pytest.raises(UserError, match="no message 'lod'"):
        stream.send("lod", "x.ts")


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (("buffer", -1), "buffer takes a whole number from 0 to 16777216"),
        (("buffer", 0.5), "buffer takes a whole number"),
        (("enable", float("nan")), "enable: not a number"),
        (("load", 3), "usage: load FILE"),
        (("latent", "wobble", 0, 1), "usage: latent "),
        (("latent", "set", 2, 1), "latent takes a whole number from 0 to 1"),
        (("latents", 1), "latents takes 2 values and, optionally, milliseconds; there are 1"),
    ],
)
def test_a_message_that_is_misused_is_refused_with_a_line(
    files: dict[str, str], message: tuple[str, *tuple[float | str, ...]], line: str
) -> None:
    with pytest.raises(UserError, match=line):
        playing(files["instrument"]).send(*message)


def test_bang_answers_in_the_order_that_patches_rely_on(files: dict[str, str]) -> None:
    events = playing(files["instrument"], "encode").ask("bang")
    said = [(event.selector, event.values) for event in events if event.selector != "notice"]
    start = [selector for selector, _ in said].index("loaded")
    assert said[start : start + 10] == [
        ("loaded", [1]),
        ("enabled", [1]),
        ("gpu", [0]),
        ("model", ["instrument"]),
        ("methods", ["encode", "decode", "forward"]),
        ("method", ["encode"]),
        ("attributes", ["brightness"]),
        ("bufsize", [BLOCK]),
        ("dim", [1, 2]),
        ("ratio", [1, 512]),
    ]


# ---- attributes ----


def test_attributes_of_every_type_are_set_heard_and_read_back(files: dict[str, str]) -> None:
    model = Model(files["knobs"])
    assert model.attributes["mixed"].elements == [
        ElementType.FLOAT,
        ElementType.STRING,
        ElementType.INT,
    ]
    stream = playing(files["knobs"], buffer=64)
    silence = np.zeros((1, 640), dtype=np.float32)
    wave = Buffer("array1", np.array([[0.25, 0.5, 0.25]], dtype=np.float32), 48000)
    expected = 4.0  # the length of "none"
    for name, values, read, step in [
        ("switch", [1], [1], 1.0),
        ("count", [3], [3], 3.0),
        ("gain", [0.25], [0.25], 0.25),
        ("word", ["longer"], ["longer"], 2.0),
        ("table", [1, 2, 3], [1, 2, 3], 6.0),
        ("wave", [wave], ["wave#0"], 48001.0),
        ("mixed", [0.5, "word", 7], [0.5, "word", 7], 0.0),
    ]:
        stream.send("set", name, *values)
        heard = stream.process_blocking(silence)
        expected += step
        assert heard[0, -1] == pytest.approx(expected, rel=1e-6), name
        (answer,) = [e for e in stream.ask("get", name) if e.selector == "attribute"]
        assert answer.values == [name, *read]
    assert lines(stream, "error") == []


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (("volume", 1), "volume"),
        (("gain", 1, 2), "gain"),
        (("gain", "loud"), "gain"),
        (("gain",), "gain"),
        (("mixed", "one", "two", 3), "mixed"),
        (("mixed", 1, "two"), "mixed"),
    ],
)
def test_an_attribute_that_cannot_be_set_changes_nothing_and_says_why_once(
    files: dict[str, str], message: tuple[str, *tuple[float | str, ...]], line: str
) -> None:
    stream = playing(files["knobs"], buffer=64)
    before = stream.process_blocking(ones(0.1))
    stream.send("set", *message)
    after = stream.process_blocking(ones(0.1))
    assert after[0, -1] == before[0, -1]
    (error,) = lines(stream, "error")
    assert line in error
    assert "\n" not in error


def test_a_value_that_the_model_refuses_is_not_replayed(files: dict[str, str]) -> None:
    stream = playing(files["one"])
    stream.send("set", "gain", 0.5)
    stream.send("set", "gain", -1)
    assert stream.process_blocking(ones(0.2))[0, -1] == 0.5
    assert len(lines(stream, "error")) == 1
    stream.send("reload")
    assert stream.process_blocking(ones(0.5))[0, -1] == 0.5
    stream.reset()
    assert stream.process_blocking(ones(0.5))[0, -1] == 0.5


def test_attributes_are_set_while_nothing_plays(files: dict[str, str]) -> None:
    stream = Stream(files["one"], buffer=BLOCK)
    answers = stream.ask("set", "gain", 0.25) + stream.ask("get", "gain")
    assert [e.values for e in answers if e.selector == "attribute"] == [["gain", 0.25]]


# ---- swapping ----


def test_a_load_followed_at_once_by_method_buffer_and_set_ends_as_was_asked(
    files: dict[str, str],
) -> None:
    stream = playing(files["one"])
    stream.process_blocking(ones(0.2))
    stream.send("load", files["two"])
    stream.send("method", "half")
    stream.send("bufsize", 1000)
    stream.send("set", "gain", 3)
    heard = stream.process_blocking(ones(0.5))
    assert heard[0, -1] == pytest.approx(0.75)
    assert stream.playing is not None
    assert (stream.playing[0], stream.method.name, stream.buffer) == ("two", "half", 1000)
    stream.send("load", files["damaged"])
    stream.send("set", "gain", 100)
    stream.send("load", files["one"])
    heard = stream.process_blocking(ones(0.5))
    # The method of the model before, where the new one has it; what was set for another is gone.
    assert stream.method.name == "half"
    assert heard[0, -1] == pytest.approx(0.5)


def test_200_swaps_leave_no_gap_no_click_and_no_memory_behind(files: dict[str, str]) -> None:
    stream = playing(files["one"])
    stream.send("set", "gain", 0.5)
    stream.process_blocking(ones(0.2))
    highest = []
    for swap in range(200):
        stream.send("load", files["two" if swap % 2 == 0 else "one"])
        stream.send("set", "gain", 0.5)
        heard = stream.process_blocking(ones(0.1))
        # From 0.5 to 0.25 and back on a curve of 50 ms: equal power adds up to 3 dB on the way.
        assert heard.min() > 0.2
        assert np.abs(np.diff(heard)).max() < np.pi / (FADE * RATE)
        assert heard[0, -1] == pytest.approx(0.25 if swap % 2 == 0 else 0.5)
        highest.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert stream.stats.swaps >= 200
    assert stream.stats.late == 0
    assert highest[-1] < 1.05 * highest[50]
    assert lines(stream, "error") == []


def test_a_rendering_with_swaps_is_the_same_every_time(files: dict[str, str]) -> None:
    def rendering() -> np.ndarray:
        stream = playing(files["one"])
        stream.send("seed", 5)
        parts = []
        for step, message in enumerate(
            [
                ("load", files["coarse"]),
                ("method", "half"),
                ("set", "gain", 2),
                ("buffer", 700),
                ("reload",),
                ("load", files["dice"]),
                ("seed", 6),
                ("load", files["dice"]),
                ("seed", 7),
            ]
        ):
            x = np.random.default_rng(step).uniform(-1, 1, (1, 3333)).astype(np.float32)
            parts.append(stream.process_blocking(x))
            stream.send(*message)
        return np.concatenate(parts, 1)

    np.testing.assert_array_equal(rendering(), rendering())


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("damaged", "damaged.ts"),
        ("short", "instead of"),
        ("missing", "missing.ts"),
    ],
)
def test_a_model_that_cannot_be_played_leaves_the_old_one_and_says_why_once(
    files: dict[str, str], name: str, line: str
) -> None:
    stream = playing(files["one"])
    stream.process_blocking(ones(0.2))
    stream.send("load", files.get(name, "missing.ts"))
    heard = stream.process_blocking(ones(0.2))
    assert np.all(heard == 1)
    (error,) = lines(stream, "error")
    assert line in error
    assert "\n" not in error
    assert stream.playing is not None
    assert stream.playing[0] == "one"


def test_a_stream_without_a_model_is_silent_until_it_has_one(files: dict[str, str]) -> None:
    stream = Stream(None)
    stream.offline = True
    stream.prepare(RATE, 64)
    assert stream.playing is None
    assert not np.any(stream.process_blocking(ones(0.1)))
    stream.send("load", files["two"])
    stream.send("buffer", BLOCK)
    heard = stream.process_blocking(ones(0.3))
    assert heard[0, -1] == 0.5
    assert np.abs(np.diff(heard)).max() < 0.01


def test_the_latency_stated_after_a_swap_is_that_of_an_impulse(files: dict[str, str]) -> None:
    stream = playing(files["one"])
    stream.process_blocking(np.zeros((1, 6400), dtype=np.float32))
    stream.send("buffer", 1500)
    stream.process_blocking(np.zeros((1, 64 * 500), dtype=np.float32))
    impulse = np.zeros((1, 64 * 500), dtype=np.float32)
    impulse[0, 0] = 1
    assert np.argmax(stream.process_blocking(impulse)) == stream.latency.total


def test_bypass_gives_the_input_at_the_latency_of_the_model(files: dict[str, str]) -> None:
    stream = playing(files["two"])
    x = np.random.default_rng(0).uniform(-1, 1, (1, RATE)).astype(np.float32)
    stream.send("bypass", 1)
    heard = stream.process_blocking(x)
    delay = stream.latency.total
    np.testing.assert_array_equal(heard[:, RATE // 2 :], x[:, RATE // 2 - delay : RATE - delay])


# ---- randomness ----


def test_concurrent_seeded_streams_draw_what_each_draws_alone(files: dict[str, str]) -> None:
    def solo(seed: int) -> np.ndarray:
        stream = playing(files["dice"])
        stream.send("seed", seed)
        stream.settle()
        stream.reset()
        return stream.process_blocking(np.zeros((1, RATE), dtype=np.float32))

    alone = [solo(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(solo, range(4)))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(alone[0], alone[1])
    assert not np.array_equal(solo(0), playing(files["dice"]).process_blocking(ones(1)))


# ---- sample rates ----


def test_a_rate_that_is_not_the_models_is_said_once(files: dict[str, str]) -> None:
    stream = playing(files["slow"])
    stream.process_blocking(ones(0.1))
    (notice,) = lines(stream, "notice")
    assert "22050 Hz" in notice
    assert "44100 Hz" in notice
    stream.prepare(RATE, 64)
    assert lines(stream, "notice") == []


def test_the_readme_tells_of_every_message() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    table = readme[readme.index("| message | does |") : readme.index("**Latency** is stated")]
    assert [message.name for message in messages() if f"`{message.name}" not in table] == []

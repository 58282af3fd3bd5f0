"""What may stand in the box of [nn~] besides a model, a method and a buffer."""

from pathlib import Path

import numpy as np
import pytest
from pure_data import PACKAGE, RATE, VECTOR, pure_datas, render
from spoken_models import Level
from tiny_models import Filter, Instrument, save

BUFFER = 2048
LATENCY = BUFFER - VECTOR + BUFFER
OLD = pure_datas().get("old")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flags")
    save(Level(1.0), folder / "one.ts")
    save(Level(0.5), folder / "two.ts")
    save(Filter(2), folder / "stereo.ts")
    save(Instrument(), folder / "instrument.ts")
    return folder


def ones(channels: int = 1) -> np.ndarray:
    return np.ones((channels, RATE), dtype=np.float32)


def test_d_begins_disabled(folder: Path, every_pd: Path) -> None:
    heard = render(folder, ["nn~ -d one"], ones(), 1, {100: "bang", 500: "enable 1"}, every_pd)
    assert "enabled 0" in heard.reports()
    assert not np.any(heard.samples[0, : RATE // 2])
    assert heard.samples[0, -1] == 1


@pytest.mark.parametrize("flag", ["-gpu", "-g"])
def test_gpu_is_refused_with_what_there_is_and_the_model_plays(
    folder: Path, every_pd: Path, flag: str
) -> None:
    heard = render(folder, [f"nn~ {flag} one"], ones(), 1, {500: "bang"}, every_pd)
    (error,) = heard.errors()
    assert "cpu" in error
    assert "gpu 0" in heard.reports()
    assert heard.samples[0, -1] == 1


def test_flags_may_stand_together_and_unknown_ones_are_named(folder: Path, every_pd: Path) -> None:
    heard = render(folder, ["nn~ -d -x one half 512"], ones(), 1, {100: "bang"}, every_pd)
    assert heard.errors() == ["nn~: flag '-x' is not understood; there are -m, -gpu, -g, -d"]
    assert {"enabled 0", "method half", "bufsize 512"} <= set(heard.reports())


def test_void_waits_for_a_model(folder: Path, every_pd: Path) -> None:
    heard = render(
        folder,
        ["nn~ void 2 2 512"],
        ones(2),
        2,
        {100: "bang", 300: "load two", 800: "bang"},
        every_pd,
    )
    assert heard.reports()[0] == "loaded 0"
    assert "model void" in heard.reports()
    assert not np.any(heard.samples[:, : int(0.29 * RATE)])
    assert heard.samples[0, -1] == 0.5
    assert heard.samples[1, -1] == 0  # the model has one output
    assert "bufsize 512" in heard.reports()


def test_without_arguments_there_is_one_inlet_and_one_outlet(folder: Path, every_pd: Path) -> None:
    heard = render(folder, ["nn~"], ones(), 1, {100: "load one"}, every_pd)
    assert heard.reports() == ["loaded one forward"]
    assert heard.samples[0, -1] == 1


def test_0_for_a_model_is_none_as_in_an_abstraction_that_is_opened_by_itself(
    folder: Path, every_pd: Path
) -> None:
    heard = render(folder, ["nn~ $1 forward"], ones(), 1, {100: "load one"}, every_pd)
    assert heard.errors() == []
    assert heard.reports() == ["loaded one forward"]
    assert heard.samples[0, -1] == 1


def test_a_model_of_more_channels_than_the_box_plays_what_fits_and_says_so(
    folder: Path, every_pd: Path
) -> None:
    heard = render(folder, ["nn~ one"], ones(), 1, {300: "load stereo"}, every_pd)
    assert heard.samples[0, -1] == pytest.approx(0.375)
    assert any("2" in line and "stereo" in line for line in heard.posts() + heard.errors())


def test_m_on_an_old_pd_is_said_and_makes_inlets(folder: Path) -> None:
    assert OLD, "no Pd older than 0.54 is here: scripts/more-pds lays one beside the installed one"
    heard = render(folder, ["nn~ -m stereo"], ones(2), 2, {}, OLD)
    assert heard.errors() == [
        "nn~: -m needs Pd 0.54 or later; an inlet and an outlet per channel instead"
    ]
    assert heard.samples[:, -1] == pytest.approx([0.375, 0.375])


def test_the_package_is_the_one_that_was_built() -> None:
    assert (PACKAGE / "nn~.pd_linux").is_file()

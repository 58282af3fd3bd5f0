"""`timbrel doctor`: what a training will need, before days are spent on it."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from training_runs import QUICK, quick

from timbrel.data import AudioDataset
from timbrel.data.preprocess import preprocess
from timbrel.training.rehearsal import disk_problem, rehearse, sound_problems


def test_a_rehearsal_measures_both_stages(dataset: Path, tmp_path: Path) -> None:
    config = quick(1000, "training.adversarial.steps=500", "training.validate_every=100")
    found = rehearse(config, AudioDataset.open(dataset), tmp_path, steps=2)
    assert set(found.seconds_per_step) == {1, 2}
    expected = (
        1000 * found.seconds_per_step[1]
        + 500 * found.seconds_per_step[2]
        + 15 * found.seconds_per_validation
    )
    assert found.seconds_in_all == pytest.approx(expected)
    assert found.latency == 112
    assert found.checkpoints_gb <= config.hardware.checkpoints_gb + found.checkpoint_gb
    assert found.memory_gb > 0.1
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_stage_2_has_none_to_rehearse(dataset: Path, tmp_path: Path) -> None:
    found = rehearse(quick(10), AudioDataset.open(dataset), tmp_path, steps=1)
    assert set(found.seconds_per_step) == {1}


@pytest.fixture
def poor(tmp_path: Path) -> Path:
    """Sound with everything wrong: little, quiet, and mostly silence."""
    rng = np.random.default_rng(0)
    (tmp_path / "sound").mkdir()
    for i in range(4):
        x = np.zeros(44_100 * 10, dtype=np.float32)
        x[:44_100] = 0.01 * rng.uniform(-1, 1, 44_100)
        soundfile.write(tmp_path / "sound" / f"{i}.wav", x, 44_100)
    preprocess(tmp_path / "sound", tmp_path / "dataset", sample_rate=44_100)
    return tmp_path / "dataset"


def test_what_is_wrong_with_the_sound_is_said(poor: Path, dataset: Path) -> None:
    said = " ".join(sound_problems(quick(10), AudioDataset.open(poor)))
    for word in ("minutes to learn from", "below -60 dBFS", "normalise"):
        assert word in said
    tabla = " ".join(sound_problems(quick(10), AudioDataset.open(dataset)))
    assert "below -60 dBFS" not in tabla
    assert "normalise" not in tabla


def test_a_disk_that_is_too_small_is_said(tmp_path: Path) -> None:
    assert disk_problem(1e-6, tmp_path / "new" / "run") is None
    assert "GB are free; choose another disk" in (disk_problem(1e9, tmp_path) or "")


def test_doctor_suggests_the_command_that_trains(
    dataset: Path, tmp_path: Path, timbrel: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    settings = [part for o in [*QUICK, "training.adversarial.steps=8"] for part in ("--set", o)]
    result = timbrel("doctor", dataset, "--preset", "tiny", *settings, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert [line.split(":")[0] for line in lines[:6]] == [
        "model",
        "device",
        "stage 1",
        "stage 2",
        "in all",
        "disk",
    ]
    assert lines[-1] == f"next: timbrel train {dataset} RUN --preset tiny {' '.join(settings)}"


def test_doctor_says_what_would_stop_the_training(
    dataset: Path,
    tmp_path: Path,
    timbrel: Callable[..., subprocess.CompletedProcess[str]],
    one_line: Callable[[subprocess.CompletedProcess[str]], str],
) -> None:
    wrong = ["--set", "model.sample_rate=48000"]
    result = timbrel("doctor", dataset, "--preset", "tiny", *wrong, cwd=tmp_path)
    assert "is at 44100 Hz, the model at 48000 Hz" in one_line(result)

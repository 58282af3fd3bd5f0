"""Training: what a step sees, what a run keeps, and how it goes on."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from training_runs import QUICK, fit, quick

from timbrel.config import dump_config, load_preset, read_config
from timbrel.data import AudioDataset
from timbrel.data.preprocess import preprocess
from timbrel.errors import UserError
from timbrel.training.crops import spread_excerpts
from timbrel.training.metrics import read_metrics
from timbrel.training.run import Run

LOSS = "train/autoencoder/total"
OWN_TO_OTHER = "validation/own_to_other"


def test_training_lowers_the_loss_and_leaves_a_complete_run(dataset: Path, tmp_path: Path) -> None:
    run = fit(dataset, tmp_path / "run", quick(30))
    assert read_config(run.config_file) == quick(30)
    assert run.origin().fingerprint == AudioDataset.open(dataset).fingerprint
    model, step = run.load_model()
    assert step == 30
    assert not model.training
    losses = [r[LOSS] for r in read_metrics(run.metrics_file) if LOSS in r]
    assert losses[-1] < 0.95 * losses[0]
    validated = [r["step"] for r in read_metrics(run.metrics_file) if OWN_TO_OTHER in r]
    assert validated == [4, 8, 12, 16, 20, 24, 28, 30]
    assert list((run.folder / "logs" / "tensorboard").iterdir())


def test_a_finished_run_is_left_alone(dataset: Path, tmp_path: Path) -> None:
    run = fit(dataset, tmp_path / "run", quick(2))
    before = run.last_checkpoint.stat().st_mtime_ns
    fit(dataset, tmp_path / "run", quick(2))
    assert run.last_checkpoint.stat().st_mtime_ns == before


def test_ctrl_c_keeps_what_was_learned(dataset: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from timbrel.cli import main; main()", "train"]
    overrides = [*QUICK, "training.steps=100000", "training.checkpoint_every=100000"]
    settings = [part for o in overrides for part in ("--set", o)]
    run = Run(tmp_path / "run")
    process = subprocess.Popen(
        [*command, dataset, run.folder, "--preset", "tiny", *settings],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:  # the first validation proves that steps are being taken
        if line.startswith("step 4:"):
            break
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "Traceback" not in rest
    assert rest.rstrip().endswith("run the same command again to go on")
    assert run.load_model()[1] >= 4


def test_a_run_killed_at_any_moment_goes_on(dataset: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from timbrel.cli import main; main()", "train"]
    settings = [part for o in [*QUICK, "training.steps=100000"] for part in ("--set", o)]
    run = Run(tmp_path / "run")
    process = subprocess.Popen(
        [*command, dataset, run.folder, "--preset", "tiny", *settings],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("step 4:"):
            break
    process.kill()
    process.communicate()
    reached = run.load_model()[1]
    assert reached >= 2
    assert fit(dataset, run.folder, quick(reached + 2)).load_model()[1] == reached + 2


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (["training.seed=1"], "holds a run with other settings"),
        (["model.sample_rate=48000"], "is at 44100 Hz, the model at 48000 Hz"),
    ],
)
def test_what_does_not_fit_a_run_is_refused(
    dataset: Path, tmp_path: Path, change: list[str], complaint: str
) -> None:
    fit(dataset, tmp_path / "run", quick(2))
    with pytest.raises(UserError, match=complaint):
        fit(dataset, tmp_path / "run", quick(2, *change))


def test_a_folder_that_is_no_run_is_left_alone(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text("mine")
    with pytest.raises(UserError, match="holds something that is no run"):
        fit(dataset, tmp_path, quick(2))
    assert [p.read_text() for p in tmp_path.iterdir()] == ["mine"]


def test_fewer_steps_than_are_done_change_nothing(dataset: Path, tmp_path: Path) -> None:
    run = fit(dataset, tmp_path / "run", quick(4))
    with pytest.raises(UserError, match="trained for 4 steps already"):
        fit(dataset, run.folder, quick(2))
    assert run.config() == quick(4)


def test_training_that_explodes_stops_and_keeps_the_last_good_checkpoint(
    dataset: Path, tmp_path: Path
) -> None:
    run = fit(dataset, tmp_path / "run", quick(2))
    good = run.last_checkpoint.read_bytes()
    checkpoint = torch.load(run.last_checkpoint, weights_only=True)
    # Weights that overflow on the next step, as a learning rate that is far too high makes them.
    name = "model.encoder.0.weight"
    checkpoint["state_dict"][name].fill_(1e38)
    torch.save(checkpoint, run.last_checkpoint)
    broken = run.last_checkpoint.read_bytes()
    with pytest.raises(UserError, match="training became unstable at step 2"):
        fit(dataset, run.folder, quick(8))
    assert run.last_checkpoint.read_bytes() == broken != good


def test_excerpts_to_validate_on_do_not_overlap(dataset: Path) -> None:
    opened = AudioDataset.open(dataset)
    frames = opened.split_frames("validation")
    segment = frames // 3
    assert spread_excerpts(opened, "validation", segment, 8).shape == (3, 1, segment)
    assert spread_excerpts(opened, "validation", 2 * frames, 8).shape == (2, 1, 2 * frames)


def test_excerpts_to_judge_by_are_not_silent(record: Callable[..., Path], tmp_path: Path) -> None:
    # A pause is never heard, and a soft passage is.
    for i, level in enumerate([0.3, 1e-3, 0.03] * 8):
        record(tmp_path / "sound" / f"{i}.wav", seconds=0.5, level=level, seed=i)
    preprocess(tmp_path / "sound", tmp_path / "dataset")
    opened = AudioDataset.open(tmp_path / "dataset")
    segment = 44_100 // 2
    recordings = opened.split_frames("train") // segment
    x = spread_excerpts(opened, "train", segment, recordings)
    assert recordings / 2 < len(x) < recordings
    power = x.square().mean(dim=(1, 2)).sqrt()
    assert 0.01 < power.min() < 0.1 < power.max()


def test_a_damaged_checkpoint_is_one_line(dataset: Path, tmp_path: Path) -> None:
    run = fit(dataset, tmp_path / "run", quick(2))
    whole = run.last_checkpoint.read_bytes()
    for content in (b"", b"hello", whole[: len(whole) // 2]):
        run.last_checkpoint.write_bytes(content)
        with pytest.raises(UserError, match=r"last\.ckpt: not readable; it is damaged"):
            run.load_model()


def test_a_configuration_survives_its_file(tmp_path: Path) -> None:
    config = load_preset("v1", ["model.padding=causal"])
    (tmp_path / "config.yaml").write_text(dump_config(config))
    assert read_config(tmp_path / "config.yaml") == config


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "no such file"),
        ("model: [", "not readable as YAML"),
        ("hello", "not a configuration"),
        ("preset: v1\nmodel: {capacity: many}", "model.capacity"),
    ],
)
def test_a_broken_configuration_file_is_named(
    tmp_path: Path, content: str | None, complaint: str
) -> None:
    path = tmp_path / "config.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError) as raised:
        read_config(path)
    assert str(path) in str(raised.value)
    assert complaint in str(raised.value)


def test_the_command_line_refuses_in_one_line(
    timbrel: Callable[..., subprocess.CompletedProcess[str]],
    one_line: Callable[[subprocess.CompletedProcess[str]], str],
    tmp_path: Path,
    dataset: Path,
) -> None:
    run = tmp_path / "run"
    assert "no preset" in one_line(timbrel("train", dataset, run, "--preset", "grand"))
    assert "dataset" in one_line(timbrel("train", tmp_path, run, "--preset", "tiny"))
    assert not run.exists()
    assert "no such run or checkpoint" in one_line(
        timbrel("export", tmp_path / "none", tmp_path / "m.ts")
    )

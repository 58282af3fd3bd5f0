"""A run that is interrupted is the run that would have been: to the bit, on a CPU."""

import errno
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from training_runs import fit, quick

from timbrel.errors import UserError
from timbrel.training.checkpoints import Checkpoints, write_checkpoint
from timbrel.training.fit import train
from timbrel.training.metrics import MetricsLog, read_metrics
from timbrel.training.run import Run, Weights, read_checkpoint

AVERAGED = ["training.ema=0.9", "training.final_learning_rate=null"]
BOTH = ["training.adversarial.steps=6", *AVERAGED]


def assert_equal_runs(one: Run, other: Run) -> None:
    """The same figures, the same weights, averages and optimisers, bit for bit."""
    assert one.metrics_file.read_text() == other.metrics_file.read_text()
    contents = [read_checkpoint(run.last_checkpoint) for run in (one, other)]
    assert_same(*contents)


def assert_same(one: object, other: object) -> None:
    assert type(one) is type(other)
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for pair in zip(one, other, strict=True):
            assert_same(*pair)
    else:
        assert one == other


def test_a_resumed_run_equals_one_that_never_stopped(dataset: Path, tmp_path: Path) -> None:
    # Stopped in stage 1, at its end, and in stage 2.
    straight = fit(dataset, tmp_path / "straight", quick(6, *BOTH))
    for steps in (3, 6):
        fit(dataset, tmp_path / "resumed", quick(steps, *AVERAGED))
    fit(dataset, tmp_path / "resumed", quick(6, *AVERAGED, "training.adversarial.steps=3"))
    resumed = fit(dataset, tmp_path / "resumed", quick(6, *BOTH))
    assert resumed.load_model()[1] == 12
    # Each end was validated, which the straight run had no reason to do; learning is unmoved.
    contents = [read_checkpoint(run.last_checkpoint) for run in (straight, resumed)]
    for content in contents:
        content.pop("validations")
    assert_same(*contents)


def test_until_stage_2_begins_another_discriminator_may_be_chosen(
    dataset: Path, tmp_path: Path
) -> None:
    wider = [*BOTH, "training.adversarial.discriminator.scale_capacity=4"]
    straight = fit(dataset, tmp_path / "straight", quick(4, *wider))
    run = fit(dataset, tmp_path / "run", quick(4, *BOTH))
    # Back to the end of its stage 1, whose checkpoint has a narrower discriminator.
    run.last_checkpoint.write_bytes((run.checkpoints / "stage1.ckpt").read_bytes())
    fit(dataset, run.folder, quick(4, *wider))
    assert_same(*(read_checkpoint(one.last_checkpoint) for one in (straight, run)))
    with pytest.raises(UserError, match="other settings"):
        fit(dataset, run.folder, quick(4, *BOTH))


def test_twenty_kills_at_random_moments_change_nothing(dataset: Path, tmp_path: Path) -> None:
    script = Path(__file__).parent / "killed_runs.py"
    command = [sys.executable, script, dataset, tmp_path / "straight", tmp_path / "killed", "20"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    killed = int(result.stdout.split()[0])
    assert killed >= 10, result.stdout  # the others were through before they could be
    assert result.stdout.endswith("24 steps\n")
    assert_equal_runs(Run(tmp_path / "straight"), Run(tmp_path / "killed"))


def test_a_full_disk_costs_no_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "last.ckpt"
    write_checkpoint({"step": 1}, target)
    before = target.read_bytes()

    def no_space(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("timbrel.training.checkpoints.os.fsync", no_space)
    with pytest.raises(OSError, match="No space left"):
        write_checkpoint({"step": 2}, target)
    assert target.read_bytes() == before


def save_steps(checkpoints: Checkpoints, steps: range) -> None:
    for step in steps:
        content = {"global_step": step, "weights": torch.zeros(25_000)}  # 100 kB each
        checkpoints.save(content, end_of_stage_1=step == 8)


def test_old_checkpoints_are_pruned_to_the_disk_budget(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, gigabytes=0.6e-3)
    save_steps(checkpoints, range(1, 65))
    kept = [read_checkpoint(path)["global_step"] for path in checkpoints.history()]
    assert len(kept) == 4  # and the end of stage 1 makes five
    assert kept[-1] == 64
    assert read_checkpoint(tmp_path / "last.ckpt")["global_step"] == 64
    assert read_checkpoint(tmp_path / "stage1.ckpt")["global_step"] == 8
    # The whole history stays within reach: gaps grow with age, and none is a leap.
    assert max(b / a for a, b in pairwise(kept)) < 8


def test_the_newest_checkpoint_stays_however_small_the_budget(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, gigabytes=1e-9)
    save_steps(checkpoints, range(1, 4))
    assert read_checkpoint(tmp_path / "last.ckpt")["global_step"] == 3


def test_a_history_costs_no_space_twice(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, gigabytes=1)
    save_steps(checkpoints, range(8, 9))
    names = {path.name: os.stat(path).st_ino for path in tmp_path.iterdir()}
    assert sorted(names) == ["last.ckpt", "stage1.ckpt", "step_000000008.ckpt"]
    assert len(set(names.values())) == 1


def test_figures_of_steps_that_were_lost_are_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    log = MetricsLog(file, 0)
    for step in (10, 20, 30):
        log.write({"step": step, "loss": 1 / step})
    log.close()
    with file.open("a") as half:
        half.write('{"step": 40, "lo')  # a kill in the middle of a line
    MetricsLog(file, 20).close()
    assert [record["step"] for record in read_metrics(file)] == [10, 20]


def test_a_plateau_ends_stage_1_in_a_resumed_run_where_it_would_have(
    dataset: Path, tmp_path: Path
) -> None:
    # Nothing counts as better: the first validation is the best, the second one too many.
    settings = [*BOTH, "training.plateau.patience=1", "training.plateau.least=0.99"]
    run = fit(dataset, tmp_path / "run", quick(100, *settings))
    content = read_checkpoint(run.last_checkpoint)
    assert (content["switched_at"], content["global_step"]) == (8, 14)
    again = Run(tmp_path / "again")
    again.checkpoints.mkdir(parents=True)
    (again.checkpoints / "last.ckpt").write_bytes((run.checkpoints / "stage1.ckpt").read_bytes())
    again.create(run.config(), run.origin())
    fit(dataset, again.folder, quick(100, *settings))
    assert_same(read_checkpoint(again.last_checkpoint), content)


def test_fine_tuning_begins_with_another_runs_weights(dataset: Path, tmp_path: Path) -> None:
    from timbrel.data import AudioDataset

    source = fit(dataset, tmp_path / "source", quick(3))
    still = quick(1, "training.learning_rate=1e-12", "training.final_learning_rate=null")
    opened = AudioDataset.open(dataset)
    tuned = train(
        still, opened, dataset, tmp_path / "tuned", first=Weights(source.load().model, "source")
    )
    weights, start = (run.load_model()[0].decoder.state_dict() for run in (tuned, source))
    for name, value in start.items():
        torch.testing.assert_close(weights[name], value, rtol=1e-5, atol=1e-9)
    assert tuned.origin().fine_tuned_from == "source"
    assert tuned.load_model()[1] == 1

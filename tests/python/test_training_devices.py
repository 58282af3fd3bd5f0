"""Many devices learn what one would, and a machine is asked for what it has."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from training_runs import QUICK, quick

from timbrel.errors import UserError
from timbrel.training.config import HardwareConfig
from timbrel.training.crops import Steps
from timbrel.training.hardware import launch, worker_count
from timbrel.training.metrics import read_metrics
from timbrel.training.run import Run

HERE = Path(__file__).parent
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]


def on_devices(processes: int, *arguments: object) -> None:
    command = [*TORCHRUN, processes] if processes > 1 else [sys.executable]
    command += arguments
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_two_devices_give_the_gradients_of_one_with_twice_the_batch(
    dataset: Path, tmp_path: Path
) -> None:
    for processes in (1, 2):
        on_devices(processes, HERE / "shared_batch.py", dataset, tmp_path / f"{processes}.pt")
    one, two = (torch.load(tmp_path / f"{n}.pt") for n in (1, 2))
    assert one.keys() == two.keys()
    assert {name.split(".")[0] for name in one} == {"autoencoder", "discriminator", "decoder"}
    for name, gradient in one.items():
        torch.testing.assert_close(gradient, two[name], rtol=1e-6, atol=1e-9, msg=name)


def test_a_run_on_two_devices_goes_through_both_stages(dataset: Path, tmp_path: Path) -> None:
    overrides = [*QUICK, "training.steps=4", "training.adversarial.steps=4", "hardware.device=cpu"]
    settings = [part for o in overrides for part in ("--set", o)]
    run = Run(tmp_path / "run")
    command = ["-m", "timbrel.cli", "train", dataset, run.folder, "--preset", "tiny", *settings]
    on_devices(2, *command)
    model, step = run.load_model()
    assert step == 8
    assert model.decoder.with_noise
    assert [r["step"] for r in read_metrics(run.metrics_file) if "validation/doubt" in r] == [8]


@pytest.mark.parametrize("devices", [1, 2, 4])
def test_devices_share_every_step_and_leave_nothing_out(devices: int) -> None:
    shares = [list(Steps(3, 6, 8, device, devices)) for device in range(devices)]
    for step, parts in enumerate(zip(*shares, strict=True), start=3):
        assert [index for part in parts for index in part] == list(range(8 * step, 8 * step + 8))


def test_a_device_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="there is no device cuda on this machine; there is: cpu"):
        launch(HardwareConfig(device="cuda"), 8)


def test_a_batch_that_cannot_be_shared_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(UserError, match=r"--set training\.batch=9"):
        launch(quick(1).hardware, 8)


def test_on_a_cpu_sound_is_read_between_steps_and_elsewhere_beside_them() -> None:
    assert worker_count(HardwareConfig(), torch.device("cpu")) == 0
    assert worker_count(HardwareConfig(), torch.device("cuda")) >= 1
    assert worker_count(HardwareConfig(workers=3), torch.device("cpu")) == 3

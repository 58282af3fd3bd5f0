"""The machine that a run is computed on."""

import os

import torch
from lightning.fabric import Fabric
from lightning.fabric.strategies.ddp import DDPStrategy

from timbrel.errors import UserError
from timbrel.training.config import HardwareConfig


def launch(hardware: HardwareConfig, batch: int) -> Fabric:
    """One device; or, started by torchrun, this process's place among many.

    Raises:
        UserError: when the device is not there, or a batch cannot be shared out evenly.
    """
    device = hardware.device
    available = ["cpu"]
    if torch.cuda.is_available():
        available.append("cuda")
    if torch.backends.mps.is_available():
        available.append("mps")
    if device not in ("auto", *available):
        raise UserError(
            f"there is no device {device} on this machine; there is: {', '.join(available)}"
        )
    if hardware.precision == "tf32":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32 = True
    elif available[-1] == "cuda":
        # Torch's own default lets convolutions round to ten bits.
        torch.backends.cudnn.allow_tf32 = False
    # Set by torchrun, and by nothing else that means it.
    world = int(os.environ.get("WORLD_SIZE", "1")) if "TORCHELASTIC_RUN_ID" in os.environ else 1
    if batch % world:
        raise UserError(
            f"{world} devices cannot share batches of {batch} evenly; "
            f"--set training.batch={-(-batch // world) * world}"
        )
    if world == 1:
        return Fabric(accelerator=device, devices=1)
    local = int(os.environ["LOCAL_WORLD_SIZE"])
    fabric = Fabric(
        accelerator=device,
        devices=local,
        num_nodes=world // local,
        # Either the decoder or the discriminator learns in a step, never both.
        strategy=DDPStrategy(find_unused_parameters=True),
    )
    fabric.launch()
    return fabric


def worker_count(hardware: HardwareConfig, device: torch.device) -> int:
    """Processes that read sound: on a CPU they would only take turns with the training."""
    if hardware.workers is not None:
        return hardware.workers
    return 0 if device.type == "cpu" else min(8, os.cpu_count() or 1)

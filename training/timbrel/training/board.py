"""What TensorBoard shows: losses, sound, spectrograms and latents."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from timbrel.dsp.spectral import magnitudes
from timbrel.latent.fidelity import fidelity, singular_values
from timbrel.training.losses import kl_per_latent
from timbrel.training.metrics import Record
from timbrel.training.validation import Heard

#: Excerpts that can be listened to.
EXCERPTS = 4


class Board:
    """Writes into `folder`; what stands there from after step `first` is hidden."""

    def __init__(self, folder: Path, first: int, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.writer = SummaryWriter(str(folder), purge_step=first + 1)

    def record(self, record: Record) -> None:
        """Every figure as a curve."""
        for name, value in record.items():
            if name not in ("step", "stage"):
                self.writer.add_scalar(name, value, record["step"])

    def heard(self, step: int, heard: Heard) -> None:
        """Sound beside what became of it, to the ear and to the eye, and where the latents are."""
        add = self.writer
        for i in range(min(EXCERPTS, len(heard.sound))):
            both = torch.cat([heard.sound[i].mean(dim=0), heard.output[i].mean(dim=0)])
            add.add_audio(f"sound_then_output/{i}", both.clamp(-1, 1), step, self.sample_rate)
            add.add_image(f"sound_above_output/{i}", picture(heard.sound[i], heard.output[i]), step)
        divergence = kl_per_latent(heard.posterior, "exact").mean(dim=0)
        add.add_histogram("latents/divergence", divergence, step)
        add.add_histogram("latents/mean", heard.posterior.mean, step)
        add.add_histogram("latents/std", heard.posterior.std, step)
        reached = fidelity(singular_values(heard.posterior.mean))
        add.add_image("latents/fidelity", curve(reached), step)

    def close(self) -> None:
        self.writer.close()


def curve(reached: Tensor, height: int = 128) -> NDArray[np.uint8]:
    """Fidelity of 1, 2, ... latents as bars, ``(1, height, width)``, each a few pixels wide."""
    bars = reached.repeat_interleave(max(1, 512 // len(reached)))
    levels = torch.arange(height, 0, -1)[:, None] / height
    return ((levels <= bars[None] + 1e-9)[None] * 255).to(torch.uint8).numpy()


def picture(sound: Tensor, output: Tensor) -> NDArray[np.uint8]:
    """Two spectrograms, one above the other, ``(1, height, width)``: 80 dB from black to white."""
    levels = [20 * torch.log10(magnitudes(x, 1024).mean(dim=0) + 1e-7) for x in (sound, output)]
    loudest = levels[0].max()
    shown = [((level - loudest) / 80 + 1).clamp(0, 1).flip(0) for level in levels]
    return (torch.cat(shown).unsqueeze(0) * 255).to(torch.uint8).numpy()

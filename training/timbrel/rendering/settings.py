"""What a user can choose about a rendering."""

from dataclasses import dataclass
from enum import StrEnum

from timbrel.errors import UserError

LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000
LARGEST_BUFFER = 1 << 24
LARGEST_SEED = 1 << 53
"""The engine's."""


class SoundFormat(StrEnum):
    """How sound is written: 24 bits, or 32-bit floats, which cannot clip."""

    WAV = "wav"
    FLAC = "flac"
    FLOAT = "float"

    @property
    def suffix(self) -> str:
        return ".flac" if self is SoundFormat.FLAC else ".wav"


@dataclass(frozen=True)
class Settings:
    """How files go through a model.

    Attributes:
        method: of the model. Latents, at an input or output with a ratio, are `.npy` files.
        buffer: samples per block, as in a patch; None: as a patch has it by default.
        rate: of the sound that is written, in Hz; None: the model's own.
        align: take the model's latency out, so that an output lies under its input; otherwise it
            stays in, and the output is longer by it.
        format: of the sound that is written; None: by the output's name, or else WAV.
        seed: of the random numbers that a model draws, the same for each input; None: other ones
            each time.
    """

    method: str = "forward"
    buffer: int | None = None
    rate: int | None = None
    align: bool = True
    format: SoundFormat | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.rate is not None and not LOWEST_RATE <= self.rate <= HIGHEST_RATE:
            raise UserError(
                f"--rate is {self.rate} Hz; choose from {LOWEST_RATE} to {HIGHEST_RATE}"
            )
        if self.buffer is not None and not 1 <= self.buffer <= LARGEST_BUFFER:
            raise UserError(f"--buffer is {self.buffer}; choose from 1 to {LARGEST_BUFFER}")
        if self.seed is not None and not 0 <= self.seed <= LARGEST_SEED:
            raise UserError(f"--seed is {self.seed}; choose from 0 to {LARGEST_SEED}")

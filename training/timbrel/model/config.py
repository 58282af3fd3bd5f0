"""What defines a model's architecture, typed and checked before anything is built."""

from math import prod
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[int, Field(ge=1, strict=True)]


class Section(BaseModel):
    """Base of all configuration sections: unknown names are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PQMFConfig(Section):
    """The filter bank around the networks (paper, section 3.3 and appendix B)."""

    bands: Annotated[int, Field(ge=2, multiple_of=2)] = 16
    taps: Annotated[int, Field(ge=1, le=4096, strict=True)] = 512

    @model_validator(mode="after")
    def _whole_polyphase(self) -> "PQMFConfig":
        if self.taps < 4 * self.bands or self.taps % (2 * self.bands):
            raise ValueError(
                f"taps must be a multiple of {2 * self.bands} (twice the bands), "
                f"at least {4 * self.bands}"
            )
        return self


class NoiseConfig(Section):
    """The noise synthesizer (paper, figure 6c), which joins in the adversarial stage."""

    strides: Annotated[list[Positive], Field(min_length=1)] = [4, 4, 4]
    amplitudes: Annotated[int, Field(ge=2)] = 5


class ModelConfig(Section):
    """Architecture of the paper's model; the defaults are preset `v1`."""

    sample_rate: Positive = 44100
    padding: Literal["centred", "causal"] = "centred"
    pqmf: PQMFConfig = PQMFConfig()
    capacity: Positive = 64
    latents: Positive = 128
    ratios: Annotated[list[Positive], Field(min_length=1)] = [4, 4, 4, 2]
    dilations: Annotated[list[Positive], Field(min_length=1)] = [1, 3, 9]
    noise: NoiseConfig = NoiseConfig()

    @property
    def band_ratio(self) -> int:
        """Band frames per latent frame."""
        return prod(self.ratios)

    @property
    def ratio(self) -> int:
        """Audio samples per latent frame."""
        return self.pqmf.bands * self.band_ratio

    @model_validator(mode="after")
    def _consistent(self) -> "ModelConfig":
        if self.band_ratio % 2:
            raise ValueError(
                "the product of model.ratios must be even: the filter bank streams pairs of frames"
            )
        if self.band_ratio % prod(self.noise.strides):
            raise ValueError(
                f"the product of model.noise.strides ({prod(self.noise.strides)}) must divide that "
                f"of model.ratios ({self.band_ratio}): no noise frame may outlast a latent frame"
            )
        return self

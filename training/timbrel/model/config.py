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


Dilations = Annotated[list[Positive], Field(min_length=1)]


class ModelConfig(Section):
    """Architecture of the model; the defaults are preset `v1`.

    `variant` chooses the networks between the filter banks: the paper's (`v1`: batch norm, a
    decoder that walks the ratios in the encoder's order) or those published since (`v2`: dilated
    residual units and weight norm throughout, a mirrored decoder).
    """

    variant: Literal["v1", "v2"] = "v1"
    sample_rate: Positive = 44100
    channels: Positive = 1  #: of the sound: 1 mono, 2 stereo, ...
    padding: Literal["centred", "causal"] = "centred"
    pqmf: PQMFConfig = PQMFConfig()
    capacity: Positive = 64
    latents: Positive = 128
    ratios: Annotated[list[Positive], Field(min_length=1)] = [4, 4, 4, 2]
    #: Of the residual layers: one list for all stages, or one for each ratio, in its order.
    dilations: Dilations | list[Dilations] = [1, 3, 9]
    noise: NoiseConfig | None = NoiseConfig()  #: None: the decoder has no noise synthesizer

    @property
    def band_ratio(self) -> int:
        """Band frames per latent frame."""
        return prod(self.ratios)

    @property
    def ratio(self) -> int:
        """Audio samples per latent frame."""
        return self.pqmf.bands * self.band_ratio

    @property
    def band_channels(self) -> int:
        """Channels of the networks' input and output: every band of every channel of the sound."""
        return self.channels * self.pqmf.bands

    @property
    def stage_dilations(self) -> list[list[int]]:
        """Dilations of the residual layers of each stage, in the order of `ratios`."""
        stages = [d for d in self.dilations if isinstance(d, list)]
        shared = [d for d in self.dilations if isinstance(d, int)]
        return stages or [shared] * len(self.ratios)

    @model_validator(mode="after")
    def _consistent(self) -> "ModelConfig":
        if self.band_ratio % 2:
            raise ValueError(
                "the product of model.ratios must be even: the filter bank streams pairs of frames"
            )
        if len(self.stage_dilations) != len(self.ratios):
            raise ValueError(
                f"model.dilations has {len(self.dilations)} lists, model.ratios {len(self.ratios)} "
                "stages; give one list for all, or one for each"
            )
        if self.noise is not None and self.variant == "v2":
            raise ValueError("variant v2 has no noise synthesizer: set model.noise=null")
        if self.noise is not None and self.band_ratio % prod(self.noise.strides):
            raise ValueError(
                f"the product of model.noise.strides ({prod(self.noise.strides)}) must divide that "
                f"of model.ratios ({self.band_ratio}): no noise frame may outlast a latent frame"
            )
        return self

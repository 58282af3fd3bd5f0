"""What defines a training: losses, discriminators, stages, augmentation, and the machine."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from timbrel.model.config import Positive, Section

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Decay = Annotated[float, Field(ge=0, lt=1)]
Probability = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0, strict=True)]


class LossConfig(Section):
    """The variational stage's loss (paper, equations 5 and 6).

    Where the paper's text and the authors' code differ, both can be had. The defaults are the
    code's, which made the published models:

    - `logarithm`: equation 5 prints the logarithm of an L1 norm, which falls to minus infinity as
      the model becomes perfect (`of_norm`); the code takes the mean of |log - log|
      (`mean_difference`).
    - `divergence`: the code leaves out the factor 1/2 of the KL divergence (`doubled`), so that
      its beta of 0.1 means what 0.2 means in equation 6 (`exact`).
    - The third difference, how fidelity is measured (equation 11), is `LatentSpaceConfig.rank_by`.
    """

    beta: Weight = 0.1  #: weight of the KL divergence
    beta_warmup: Count = 0  #: steps over which beta rises
    beta_start: Rate | None = None  #: where it rises from, in equal ratios; None: from 0, linearly
    loudness: Weight = 1.0  #: weight of the loudness distance
    logarithm: Literal["mean_difference", "of_norm"] = "mean_difference"
    divergence: Literal["doubled", "exact"] = "doubled"
    #: Whether bands count where they depend on the zeros beyond a segment's ends.
    edges: bool = True


class LatentSpaceConfig(Section):
    """How many latents a fidelity asks for (paper, equation 11, and the third deviation).

    Equation 11 sums singular values; the authors' code sums their squares, the variances, which
    asks for far fewer latents: on one model 16 instead of 90 at a fidelity of 0.95.
    """

    rank_by: Literal["singular_values", "variance"] = "singular_values"


class DiscriminatorConfig(Section):
    """Who judges in stage 2; several kinds may judge together.

    `scales` signals, each half the rate of the one before, are judged by one-dimensional networks:
    `grouped` ones as in MelGAN, which the paper uses, or `plain` ones as in the authors' later
    code. `periods` fold the signal into rows of so many samples; `windows` are the sizes of
    complex spectra.
    """

    scales: Count = 3
    scale_layers: Literal["grouped", "plain"] = "grouped"
    scale_capacity: Positive = 16  #: channels of the first layer
    periods: list[Annotated[int, Field(ge=2, strict=True)]] = Field(default=[])
    period_capacity: Positive = 96
    windows: list[Annotated[int, Field(ge=64, multiple_of=4, strict=True)]] = Field(default=[])
    window_capacity: Positive = 32

    @model_validator(mode="after")
    def _someone_judges(self) -> "DiscriminatorConfig":
        if not (self.scales or self.periods or self.windows):
            raise ValueError("stage 2 needs a discriminator: give scales, periods or windows")
        if self.scale_layers == "grouped" and self.scale_capacity % 4:
            raise ValueError("the scale_capacity of grouped layers must be a multiple of 4")
        return self


class AdversarialConfig(Section):
    """Stage 2, adversarial fine-tuning of the decoder (paper, section 3.1.2)."""

    steps: Count = 0  #: of both optimisers together; 0: training ends with stage 1
    #: Every so many steps the discriminator learns instead of the decoder; 2: they take turns.
    discriminator_every: Annotated[int, Field(ge=2, strict=True)] = 2
    feature_matching: Weight = 10.0
    #: Divides each layer's difference by the mean size of the real signal's features.
    relative_features: bool = False
    #: First layers that are not compared.
    skipped_features: Annotated[int, Field(ge=0, le=3, strict=True)] = 0
    discriminator: DiscriminatorConfig = DiscriminatorConfig()


class PlateauConfig(Section):
    """When stage 1 counts as converged, judged at each validation.

    That is, when for `patience` validations in a row the distance has not fallen below its best by
    a factor of `1 - least`.
    """

    patience: Positive = 20
    least: Decay = 0.005


class AugmentationConfig(Section):
    """What is done to a crop; each with a probability or an amount, 0 meaning never.

    Dequantisation and the random place of a crop are always on.
    """

    phase: Probability = 0.8  #: of a random all-pass
    gain_db: Weight = 0.0  #: gain uniform within plus and minus this
    mute: Probability = 0.0  #: of silence instead of sound, which must be learned too
    compression: Probability = 0.0  #: of a compressor with a random ratio
    pitch_cents: Weight = 0.0  #: speed, and thereby pitch, uniform within plus and minus this


class TrainingConfig(Section):
    """Both stages: what is seen, for how long, and how fast it is learned."""

    steps: Positive = 1_500_000  #: of stage 1, at most
    plateau: PlateauConfig | None = None  #: ends stage 1 early; None: it takes all its steps
    adversarial: AdversarialConfig = AdversarialConfig()
    batch: Positive = 8  #: examples per step, over all devices together
    segment: Positive = 65_536  #: samples per example
    learning_rate: Rate = 1e-4
    final_learning_rate: Rate | None = None  #: reached linearly over stage 1; None: constant
    discriminator_learning_rate: Rate = 1e-4
    adam_betas: tuple[Decay, Decay] = (0.5, 0.9)
    clip_gradient: Rate | None = None  #: largest norm of the gradient; None: as it is
    ema: Decay = 0.0  #: decay per step of the averaged weights that are exported; 0: none
    loss: LossConfig = LossConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    validate_every: Positive = 5_000
    checkpoint_every: Positive = 5_000
    seed: Count = 0

    @property
    def most_steps(self) -> int:
        """Steps of both stages, if stage 1 takes all of its own."""
        return self.steps + self.adversarial.steps


class HardwareConfig(Section):
    """How a run is computed; may change from one start of it to the next."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    #: float32; tf32 (NVIDIA: float32 with short factors); bf16 in the networks, float32 in losses.
    precision: Literal["float32", "tf32", "bf16"] = "float32"
    compile: bool = False  #: torch.compile: worth its minutes of compiling for long runs on a GPU
    workers: Count | None = None  #: processes that read sound; None: none on a CPU, else up to 8
    #: Parts that a batch is computed in, one after the other, where memory is short. Found out
    #: on a single device; more parts take longer and give the same gradients (up to batch norm).
    parts: Positive = 1
    checkpoints_gb: Rate = 4.0  #: space for a run's checkpoints; the newest are always kept

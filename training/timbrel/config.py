"""A run's whole configuration: presets, overrides, and the copy kept in the run's folder."""

import math
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError, model_validator

from timbrel.dsp.spectral import SCALES
from timbrel.errors import UserError
from timbrel.model.config import ModelConfig, Section
from timbrel.training.config import HardwareConfig, LatentSpaceConfig, TrainingConfig


class Config(Section):
    """Everything that defines a run."""

    preset: str
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    latent_space: LatentSpaceConfig = LatentSpaceConfig()
    hardware: HardwareConfig = HardwareConfig()

    @model_validator(mode="after")
    def _training_fits(self) -> "Config":
        final = self.training.final_learning_rate
        if final is not None and final > self.training.learning_rate:
            raise ValueError("training.final_learning_rate must not exceed training.learning_rate")
        if self.training.segment % self.model.ratio:
            raise ValueError(
                f"training.segment must be a multiple of {self.model.ratio}, the samples per latent"
            )
        # Reflected at its ends, a signal must be longer than half the window; the bands are a
        # signal of `segment / bands` samples.
        shortest = max(SCALES) // 2 * self.model.pqmf.bands
        if self.training.segment <= shortest:
            raise ValueError(
                f"training.segment must exceed {shortest} samples: the longest spectral window "
                "does not fit the bands of a shorter one"
            )
        return self


def preset_names() -> list[str]:
    """Names of the presets that the package ships."""
    folder = resources.files("timbrel") / "presets"
    return sorted(
        p.name.removesuffix(".yaml") for p in folder.iterdir() if p.name.endswith(".yaml")
    )


def load_preset(
    name: str, overrides: Iterable[str] = (), *, sample_rate: int | None = None, channels: int = 1
) -> Config:
    """A shipped preset with ``section.key=value`` overrides; values are YAML.

    Args:
        name: of the preset.
        overrides: what the user asks for; stands above everything else.
        sample_rate: of the sound, in Hz. Ratios follow it, so that latents come about as often as
            at the preset's own rate; where it is lower, the last of the largest ratios is halved.
        channels: of the sound.

    Raises:
        UserError: for an unknown preset, key or value, naming it.
    """
    if name not in preset_names():
        raise UserError(f"there is no preset '{name}'; there are: {', '.join(preset_names())}")
    text = (resources.files("timbrel") / "presets" / f"{name}.yaml").read_text()
    values = yaml.safe_load(text) or {}
    if sample_rate is not None:
        _scale_to_rate(values["model"], sample_rate)
    if channels != 1:
        values["model"]["channels"] = channels
    _override(values, overrides)
    return _validated({**values, "preset": name}, f"preset '{name}'")


def with_overrides(config: Config, overrides: Iterable[str]) -> Config:
    """`config` with ``section.key=value`` overrides.

    Raises:
        UserError: for an unknown key or value, naming it.
    """
    values = config.model_dump(mode="json")
    _override(values, overrides)
    return _validated(values, f"preset '{config.preset}'")


def _override(values: dict[str, Any], overrides: Iterable[str]) -> None:
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            raise UserError(f"'{override}' is not of the form section.key=value")
        try:
            _set(values, key.split("."), yaml.safe_load(value))
        except yaml.YAMLError:
            raise UserError(f"'{override}': the value is not readable as YAML") from None


def _scale_to_rate(model: dict[str, Any], sample_rate: int) -> None:
    """2048 samples per latent at 44.1 kHz are 1024 at 24 kHz, and 512 at 16 kHz."""
    own, model["sample_rate"] = model["sample_rate"], sample_rate
    # Ratios are whole, and the filter bank wants an even product: it is never halved below that.
    while own >= 1.25 * sample_rate and math.prod(model["ratios"]) % 4 == 0:
        _halve_last_of_the_largest(model["ratios"])
        if model.get("noise"):
            strides = model["noise"]["strides"]
            if math.prod(model["ratios"]) % math.prod(strides):
                _halve_last_of_the_largest(strides)
        own //= 2


def _halve_last_of_the_largest(numbers: list[int]) -> None:
    position = len(numbers) - 1 - numbers[::-1].index(max(numbers))
    numbers[position] //= 2


def read_config(path: Path) -> Config:
    """The configuration that a run's folder holds.

    Raises:
        UserError: when the file is missing or not a valid configuration.
    """
    try:
        values = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; is {path.parent} the folder of a run?") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as YAML ({str(error).splitlines()[0]})") from None
    if not isinstance(values, dict):
        raise UserError(f"{path}: not a configuration")
    return _validated(values, str(path))


def dump_config(config: Config) -> str:
    """The configuration as YAML, every default written out."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def _set(values: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        # What is off (null) may be given settings, and is thereby on.
        section = values[key] = values.get(key) if values.get(key) is not None else {}
        if not isinstance(section, dict):
            raise UserError(f"'{key}' is a single value: it has no '{keys[-1]}'")
        values = section
    values[keys[-1]] = value


def _validated(values: dict[str, Any], source: str) -> Config:
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "configuration"
        what = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            what = "there is no such setting"
        raise UserError(f"{source}: {where}: {what}") from None

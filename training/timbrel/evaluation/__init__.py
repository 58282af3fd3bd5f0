"""Judging a model by what it does to sound."""

from timbrel.evaluation.hearing import Hearing, judge
from timbrel.evaluation.spectrum import mean_spectrum, shaped_noise

__all__ = ["Hearing", "judge", "mean_spectrum", "shaped_noise"]

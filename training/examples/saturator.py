"""A saturator with four curves that do not alias as their plain formulas do.

    timbrel script saturator.py        then, in a patch: [nn~ saturator], [set drive 8(

Every curve is applied through its antiderivative (Parker, Zavalishin and Le Bivic, "Reducing the
aliasing of nonlinear waveshaping using continuous-time convolution", DAFx 2016): the output is the
curve's mean between two samples, so that what lies above half the sample rate is weakened before
it is folded down.
"""

import math

import torch
from torch import Tensor

import timbrel
from timbrel.nn import Past


class Saturator(timbrel.Module):
    """One signal in and out; with several examples (mc.nn~) every one has its own past."""

    curve = timbrel.attribute(
        "tanh", choices=("tanh", "clip", "fold", "rectify"), doc="shape of the distortion"
    )
    drive = timbrel.attribute(4.0, range=(0.1, 100.0), doc="gain before the curve")
    bias = timbrel.attribute(0.0, range=(-1.0, 1.0), doc="offset before the curve: even harmonics")
    mix = timbrel.attribute(1.0, range=(0.0, 1.0), doc="0: dry, 1: saturated")
    smooth = timbrel.attribute(True, doc="0: the plain formula, which aliases")

    def __init__(self) -> None:
        super().__init__()
        self.past = Past(1, 1)

    def shape(self, x: Tensor) -> Tensor:
        """The curve itself."""
        if self.curve == "tanh":
            return torch.tanh(x)
        if self.curve == "clip":
            return x.clamp(-1.0, 1.0)
        if self.curve == "fold":
            return torch.sin(x)
        return torch.relu(x)

    def integral(self, x: Tensor) -> Tensor:
        """Its antiderivative."""
        if self.curve == "tanh":
            return x.abs() + torch.log1p(torch.exp(-2.0 * x.abs())) - math.log(2.0)
        if self.curve == "clip":
            return torch.where(x.abs() <= 1.0, 0.5 * x * x, x.abs() - 0.5)
        if self.curve == "fold":
            return -torch.cos(x)
        return 0.5 * torch.relu(x).square()

    @timbrel.method(channels=1)
    def forward(self, x: Tensor) -> Tensor:
        # In double precision: the quotient of small differences needs the digits.
        driven = self.drive * self.past(x).double() + self.bias
        before, now = driven[..., :-1], driven[..., 1:]
        middle = self.shape(0.5 * (before + now))
        step = now - before
        is_small = step.abs() < 1e-4
        mean = (self.integral(now) - self.integral(before)) / torch.where(
            is_small, torch.ones_like(step), step
        )
        wet = torch.where(is_small, middle, mean) if self.smooth else self.shape(now)
        wet = wet - self.shape(torch.full_like(now, self.bias))  # silence stays silent
        return (self.mix * wet + (1.0 - self.mix) * x).float()


if __name__ == "__main__":
    Saturator().export("saturator.ts", license="MIT")

"""The module of test_module_contract.py as it is written with the `nn_tilde` package.

python nn_tilde_twin.py FILE.ts
"""

import sys

import nn_tilde
import torch
from torch import Tensor


class Everything(nn_tilde.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_attribute("flag", False)
        self.register_attribute("count", 3)
        self.register_attribute("gain", 0.5)
        self.register_attribute("mode", "soft")
        self.register_attribute("weights", torch.ones(4))
        self.register_attribute("table", nn_tilde.Buffer(None, 4, 1000))
        self.register_attribute(
            "mixed", (True, 2, 0.25, "name", torch.zeros(3), nn_tilde.Buffer(None, -1, -1))
        )
        sides = ["(signal) left", "(signal) right"], ["(signal) mid", "(signal) side"]
        self.register_method("forward", 2, 1, 2, 1, *sides)
        self.register_method(
            "encode",
            1,
            1,
            2,
            512,
            ["(signal) input"],
            ["(signal) output 1", "(signal) output 2"],
        )
        self.register_method(
            "decode",
            2,
            2048,
            1,
            1,
            ["(signal) input 1", "(signal) input 2"],
            ["(signal) output"],
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.gain[0] * torch.stack([x[:, 0] + x[:, 1], x[:, 0] - x[:, 1]], dim=1)

    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        frames = x.reshape(x.shape[0], -1, 512)
        return torch.stack([frames.abs().mean(-1), frames.amax(-1)], dim=1)

    @torch.jit.export
    def decode(self, z: Tensor) -> Tensor:
        return z[:, :1].repeat_interleave(2048, -1)


if __name__ == "__main__":
    Everything().export_to_ts(sys.argv[1])

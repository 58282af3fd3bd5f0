"""Six strings that hear the input, and each other: a network of tuned feedback delays.

    timbrel script resonator.py

    [nn~ resonator], [set pitches 110 165 220 277 330 440(, [set decay 4(, [set coupling 0.3(

Feedback within a block is computed in pieces that are shorter than the shortest string: within
such a piece nothing depends on itself, so that whole tensors can be computed at once.
"""

import torch
from torch import Tensor

import timbrel
from timbrel.nn import history

LOWEST, HIGHEST = 40.0, 2000.0  # Hz
HIGHEST_RATE = 192_000


class Resonator(timbrel.Module):
    """Mono in, stereo out: odd strings to the left, even ones to the right."""

    pitches = timbrel.attribute(
        torch.tensor([110.0, 165.0, 220.0, 277.0, 330.0, 440.0]),
        range=(LOWEST, HIGHEST),
        doc="of the strings, in Hz",
    )
    decay = timbrel.attribute(3.0, range=(0.05, 60.0), doc="seconds to fall by 60 dB")
    damping = timbrel.attribute(0.3, range=(0.0, 1.0), doc="how much faster high partials fall")
    coupling = timbrel.attribute(0.1, range=(0.0, 1.0), doc="how much a string excites the others")
    level = timbrel.attribute(0.2, range=(0.0, 1.0), doc="of the strings; the input is not heard")

    strings: Tensor
    unmixed: Tensor
    mixing: Tensor

    def __init__(self) -> None:
        super().__init__()
        count = len(self.pitches)
        self.highest_rate = HIGHEST_RATE
        self.longest = int(HIGHEST_RATE / LOWEST) + 4
        # The last `longest` samples of each string, the newest at the end.
        self.register_buffer("strings", torch.zeros(1, count, self.longest))
        # A reflection: it moves energy between the strings and makes none.
        self.register_buffer("unmixed", torch.eye(count))
        self.register_buffer("mixing", torch.eye(count) - 2.0 / count)

    @timbrel.method(in_channels=1, out_channels=2, output_labels=["left", "right"])
    def forward(self, x: Tensor) -> Tensor:
        rate = min(self.sample_rate, self.highest_rate)
        periods = rate / self.pitches
        # The filter that dulls delays, too, by half a sample of its share.
        lengths = (periods - 0.5 * self.damping).unsqueeze(-1)  # (strings, 1)
        losses = torch.pow(10.0, -3.0 * periods / (self.decay * rate)).unsqueeze(-1)
        matrix = (1.0 - self.coupling) * self.unmixed + self.coupling * self.mixing
        piece = max(int(lengths.min()) - 2, 1)

        strings = history(self.strings, x)
        heard: list[Tensor] = []
        for start in range(0, x.shape[-1], piece):
            excitation = x[..., start : start + piece]
            returned = losses * self.read(strings, lengths, excitation.shape[-1])
            sounding = excitation + torch.matmul(matrix, returned)
            strings = torch.cat([strings, sounding], dim=-1)[..., -self.longest :]
            heard.append(sounding)
        self.strings = strings
        sound = torch.cat(heard, dim=-1)
        sides = torch.stack([sound[:, 0::2].sum(1), sound[:, 1::2].sum(1)], dim=1)
        return self.level * sides

    def read(self, strings: Tensor, lengths: Tensor, samples: int) -> Tensor:
        """The next `samples` of each string, as long ago as it is long, dulled by `damping`."""
        place = self.longest - lengths + torch.arange(samples).to(lengths)
        index = place.floor()
        fraction = place - index
        index = index.long().expand(strings.shape[0], -1, -1)
        now, following = strings.gather(-1, index), strings.gather(-1, index + 1)
        before = strings.gather(-1, index - 1)
        newer = (1.0 - fraction) * now + fraction * following
        older = (1.0 - fraction) * before + fraction * now
        return (1.0 - 0.5 * self.damping) * newer + 0.5 * self.damping * older


if __name__ == "__main__":
    Resonator().export("resonator.ts", license="MIT")

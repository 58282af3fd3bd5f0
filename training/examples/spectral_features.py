"""What a sound is like, as control signals: loudness, brightness, noisiness and change.

    timbrel script spectral_features.py

    [adc~] -> [nn~ spectral_features] -> [snapshot~], or straight into filters and other models

Frames of 2048 samples, one every 512; each outlet holds its value until the next.
"""

import torch
from torch import Tensor

import timbrel
from timbrel.nn import Past, history


class SpectralFeatures(timbrel.Module):
    """Five features of each frame, of a Hann window's magnitudes."""

    smoothing = timbrel.attribute(
        0.0, range=(0.0, 0.999), doc="how much of a value stays from one frame to the next"
    )

    window: Tensor
    smoothed: Tensor

    def __init__(self, frame: int = 2048, hop: int = 512) -> None:
        super().__init__()
        self.frame = frame
        self.hop = hop
        self.past = Past(1, frame - hop)
        self.spectrum_before = Past(frame // 2 + 1, 1)
        self.register_buffer("window", torch.hann_window(frame))
        self.register_buffer("smoothed", torch.zeros(1, 5, 1))
        self.declare_method(
            "forward",
            in_channels=1,
            out_channels=5,
            out_ratio=hop,
            input_labels=["sound"],
            output_labels=[
                "loudness in dB, of full scale",
                "centroid in Hz: brightness",
                "spread in Hz: bandwidth around it",
                "flatness, 0 (tones) to 1 (noise)",
                "flux, 0 (steady) to 1 (all new): onsets",
            ],
        )

    def forward(self, x: Tensor) -> Tensor:
        frames = self.past(x).squeeze(1).unfold(-1, self.frame, self.hop)
        loudness = 10.0 * torch.log10(frames.square().mean(-1) + 1e-12)
        magnitudes = torch.fft.rfft(frames * self.window).abs().transpose(1, 2)
        total = magnitudes.sum(1, keepdim=True) + 1e-6
        share = magnitudes / total
        hertz = torch.linspace(0.0, 0.5 * self.sample_rate, self.frame // 2 + 1).unsqueeze(-1).to(x)
        centroid = (share * hertz).sum(1, keepdim=True)
        spread = (share * (hertz - centroid).square()).sum(1, keepdim=True).sqrt()
        power = magnitudes.square() + 1e-9
        flatness = power.log().mean(1, keepdim=True).exp() / power.mean(1, keepdim=True)
        rising = torch.relu(magnitudes - self.spectrum_before(magnitudes)[..., :-1])
        flux = rising.sum(1, keepdim=True) / total
        return self.smooth(
            torch.cat([loudness.unsqueeze(1), centroid, spread, flatness, flux], dim=1)
        )

    def smooth(self, values: Tensor) -> Tensor:
        """One pole over the frames; it begins with the first of them."""
        state = history(self.smoothed, values)
        frames: list[Tensor] = []
        for i in range(values.shape[-1]):
            state = self.smoothing * state + (1.0 - self.smoothing) * values[..., i : i + 1]
            frames.append(state)
        self.smoothed = state
        return torch.cat(frames, dim=-1)


if __name__ == "__main__":
    SpectralFeatures().export("spectral_features.ts", license="MIT")

"""The filter bank: how well bands fit back together, and where its delay is."""

import numpy as np
import pytest
import torch

from timbrel.dsp.pqmf import PQMF
from timbrel.dsp.prototype import design_prototype
from timbrel.nn import Padding


def signal_to_error_db(pqmf: PQMF, seed: int) -> float:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(1, 1, 1 << 16, generator=generator, dtype=torch.float64)
    error = pqmf(x)[..., pqmf.latency :] - x[..., : x.shape[-1] - pqmf.latency]
    inside = slice(2 * pqmf.taps, -2 * pqmf.taps)
    return float(
        10 * torch.log10(x[..., inside].square().sum() / error[..., inside].square().sum())
    )


@pytest.mark.parametrize("padding", Padding)
@pytest.mark.parametrize(("taps", "least_db"), [(512, 120.0), (256, 105.0), (128, 85.0)])
def test_white_noise_survives_analysis_and_synthesis(
    taps: int, least_db: float, padding: Padding
) -> None:
    # Required: 66 dB with 512 taps and 60 dB with 128. What is asserted is near what is reached.
    pqmf = PQMF(16, taps, padding).double()
    assert min(signal_to_error_db(pqmf, seed) for seed in range(5)) > least_db


@pytest.mark.parametrize("bands", [2, 4, 8, 16])
def test_any_even_number_of_bands_reconstructs(bands: int) -> None:
    pqmf = PQMF(bands, 16 * bands).double()
    assert signal_to_error_db(pqmf, seed=0) > 85.0


def test_bands_are_ordered_and_selective() -> None:
    pqmf = PQMF(16, 512).double()
    for band in range(16):
        frequency = (band + 0.5) / 32  # the middle of the band, in cycles per sample
        x = torch.cos(2 * torch.pi * frequency * torch.arange(1 << 14, dtype=torch.float64))
        energy = pqmf.analysis(x.reshape(1, 1, -1))[0, :, 64:-64].square().mean(dim=-1)
        leak = energy.sum() - energy[band]
        assert energy.argmax() == band
        assert 10 * torch.log10(leak / energy[band]) < -100


def test_odd_bands_are_not_mirrored() -> None:
    # A rising sweep must rise within every band: negating every other frame turns odd bands round.
    pqmf = PQMF(16, 512).double()
    for band in range(16):
        low, high = (
            torch.cos(2 * torch.pi * (band + f) / 32 * torch.arange(1 << 14, dtype=torch.float64))
            for f in (0.25, 0.75)
        )
        peaks = []
        for x in (low, high):
            y = pqmf.analysis(x.reshape(1, 1, -1))[0, band, 64:-64]
            peaks.append(int(torch.fft.rfft(y).abs().argmax()))
        assert peaks[0] < peaks[1], f"band {band} is mirrored"


def test_a_causal_bank_delays_an_impulse_by_its_latency() -> None:
    pqmf = PQMF(16, 128, Padding.CAUSAL)
    x = torch.zeros(1, 1, 2048)
    x[..., 500] = 1.0
    assert int(pqmf(x).abs().argmax()) - 500 == pqmf.latency == 112


def test_a_causal_bank_never_looks_ahead() -> None:
    pqmf = PQMF(16, 128, Padding.CAUSAL)
    x = torch.randn(1, 1, 2048)
    changed = x.clone()
    changed[..., 1024:] = torch.randn(1024)
    assert torch.equal(pqmf.analysis(x)[..., :64], pqmf.analysis(changed)[..., :64])


def test_the_prototype_is_symmetric_and_its_stopband_low() -> None:
    h = design_prototype(16, 512)
    response = np.abs(np.fft.rfft(h, 1 << 16))
    stopband = response[len(response) // 16 :]
    np.testing.assert_allclose(h, h[::-1], atol=1e-18)
    assert 20 * np.log10(stopband.max() / response[0]) < -110


@pytest.mark.parametrize(("bands", "taps"), [(15, 480), (16, 500), (16, 32), (0, 64)])
def test_what_cannot_reconstruct_is_refused(bands: int, taps: int) -> None:
    with pytest.raises(ValueError, match="PQMF needs"):
        design_prototype(bands, taps)

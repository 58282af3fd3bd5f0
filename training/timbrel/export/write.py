"""Exporting what was trained: an instrument with what is known of its latents."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from timbrel.data import AudioDataset
from timbrel.errors import UserError
from timbrel.export.archive import check_output
from timbrel.export.fidelity import verify
from timbrel.export.instrument import Instrument
from timbrel.export.module import export_module
from timbrel.model.autoencoder import Autoencoder
from timbrel.training.run import DatasetOrigin, Run


@dataclass(frozen=True)
class LatentStatistics:
    """Where one latent lives on the sound it was trained on."""

    mean: float
    min: float
    max: float


@dataclass(frozen=True)
class Authorship:
    """Who made a model and on what terms it may be used; both optional."""

    author: str | None = None
    license: str | None = None


def export_run(run: Run, output: Path, authorship: Authorship | None = None) -> dict[str, Any]:
    """Exports the last checkpoint of a run to a model file.

    Args:
        run: the folder that `timbrel train` wrote.
        output: the file to write; replaced only by a file that passed verification.
        authorship: recorded in the file.

    Returns:
        The metadata written into the file.

    Raises:
        UserError: when the run is not readable or the file fails verification.
    """
    check_output(output)
    model, step = run.load_model()
    config = run.config()
    origin = run.origin()
    metadata = {
        "name": output.stem,
        "preset": config.preset,
        "step": step,
        "dataset_fingerprint": origin.fingerprint,
        **{k: v for k, v in asdict(authorship or Authorship()).items() if v is not None},
    }
    return write_model(model, output, metadata, _statistics_if_possible(model, origin))


def _statistics_if_possible(
    model: Autoencoder, origin: DatasetOrigin
) -> list[LatentStatistics] | None:
    """Statistics are worth having, but not worth refusing an export for."""
    try:
        dataset = AudioDataset.open(Path(origin.path))
    except UserError:
        return None
    return latent_statistics(model, dataset) if dataset.fingerprint == origin.fingerprint else None


def write_model(
    model: Autoencoder,
    output: Path,
    metadata: dict[str, Any],
    statistics: list[LatentStatistics] | None = None,
) -> dict[str, Any]:
    """Scripts, verifies and writes `model`; the file appears whole or not at all.

    Raises:
        UserError: when the file does not pass the gate, or does not stream what `model` computes.
    """
    config = model.config
    check_output(output)
    if not all(bool(torch.isfinite(t).all()) for t in model.state_dict().values()):
        raise UserError("not exported: the trained weights are not finite; training has failed")
    instrument = Instrument(model.eval())
    latents = {
        "count": config.latents,
        "ratio": config.ratio,
        **({"statistics": [asdict(s) for s in statistics]} if statistics else {}),
    }
    return export_module(
        instrument,
        output,
        metadata={**metadata, "latents": latents},
        check=lambda path: verify(path, model, instrument),
    )


@torch.no_grad()
def latent_statistics(
    model: Autoencoder, dataset: AudioDataset, seconds: float = 120.0
) -> list[LatentStatistics]:
    """Mean, minimum and maximum of each latent over the first `seconds` of the training split."""
    ratio = model.config.ratio
    instrument = Instrument(model.eval())
    frames = min(dataset.split_frames("train"), int(seconds * dataset.sample_rate)) // ratio * ratio
    block = 64 * ratio
    pieces: list[Tensor] = []
    for start in range(0, frames, block):
        x = torch.from_numpy(dataset.read("train", start, min(block, frames - start)))
        pieces.append(instrument.encode(x.reshape(1, 1, -1))[0])
    # The first frames hear the silence before the recording.
    settled = instrument.streaming_delay["encode"] // ratio
    z = torch.cat(pieces, dim=-1)[:, settled:]
    return [LatentStatistics(float(row.mean()), float(row.min()), float(row.max())) for row in z]

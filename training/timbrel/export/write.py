"""Writing a model file: script, verify, and only then put it in place."""

import json
import os
import tempfile
import warnings
import zipfile
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import timbrel
from timbrel.data import AudioDataset
from timbrel.errors import UserError
from timbrel.export.file import METADATA
from timbrel.export.gate import verify
from timbrel.export.instrument import Instrument
from timbrel.model.autoencoder import Autoencoder
from timbrel.training.run import DatasetOrigin, Run

FORMAT_VERSION = 1


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


def check_output(output: Path) -> None:
    """Refuses a place where no model can be written, before any work is done.

    Raises:
        UserError: saying why.
    """
    if output.suffix != ".ts":
        raise UserError(f"{output}: a model's file name ends in .ts")
    if not output.parent.is_dir():
        raise UserError(f"{output.parent}: no such folder")
    if output.is_dir():
        raise UserError(f"{output}: a folder of this name is in the way")


def write_model(
    model: Autoencoder,
    output: Path,
    metadata: dict[str, Any],
    statistics: list[LatentStatistics] | None = None,
) -> dict[str, Any]:
    """Scripts, verifies and writes `model`; the file appears whole or not at all.

    Raises:
        UserError: when the reloaded file does not stream what `model` computes.
    """
    config = model.config
    check_output(output)
    instrument = Instrument(model.eval()).eval()
    described = {
        "format_version": FORMAT_VERSION,
        **metadata,
        "sample_rate": config.sample_rate,
        # What a listener measures: the streaming delay, and that of a causal filter bank within the
        # network.
        "latency": {
            "encode": instrument.streaming_delay["encode"],
            "decode": instrument.streaming_delay["decode"],
            "forward": instrument.streaming_delay["forward"] + model.latency,
        },
        "latents": {
            "count": config.latents,
            "ratio": config.ratio,
            **({"statistics": [asdict(s) for s in statistics]} if statistics else {}),
        },
        "torch_version": torch.__version__.split("+")[0],
        "timbrel_version": timbrel.__version__,
    }
    handle, temporary = tempfile.mkstemp(dir=output.parent, prefix=f".{output.stem}-", suffix=".ts")
    os.close(handle)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # TorchScript is deprecated, and what every host reads
            scripted = torch.jit.script(instrument)
            content = BytesIO()
            torch.jit.save(scripted, content, {METADATA: json.dumps(described, indent=2)})
            # Written by us: torch ends the process when the disk is full.
            Path(temporary).write_bytes(without_source_paths(content, output.stem))
            verify(Path(temporary), model, instrument)
        os.chmod(temporary, 0o644)
        os.replace(temporary, output)
    except BaseException:
        os.unlink(temporary)
        raise
    return described


def without_source_paths(archive: BytesIO, name: str) -> bytes:
    """A TorchScript archive without what names the folders of the machine that made it.

    Torch stores, for its stack traces, the path of every source file, which does not belong into
    what is given away. The archive's top folder becomes `name`.
    """
    stripped = BytesIO()
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(stripped, "w") as new:
        for entry in old.infolist():
            if entry.filename.endswith(".debug_pkl"):
                continue
            content = old.read(entry)
            target = zipfile.ZipInfo(f"{name}/{entry.filename.partition('/')[2]}", entry.date_time)
            target.compress_type = entry.compress_type
            new.writestr(target, content)
    return stripped.getvalue()


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

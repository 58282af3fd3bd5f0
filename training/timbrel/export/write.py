"""Exporting what was trained: an instrument with what is known of its latents."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from timbrel.errors import UserError
from timbrel.export.archive import check_output
from timbrel.export.fidelity import verify
from timbrel.export.instrument import Instrument, check_kept
from timbrel.export.module import export_module
from timbrel.export.offline import Offline
from timbrel.latent.space import LatentSpace
from timbrel.model.autoencoder import Autoencoder
from timbrel.training.latents import latent_space_of
from timbrel.training.run import find_run

#: The fidelity that a model is exported with when nobody says another.
FIDELITY = 0.99


@dataclass(frozen=True)
class Authorship:
    """Who made a model and on what terms it may be used; both optional."""

    author: str | None = None
    license: str | None = None


@dataclass(frozen=True)
class Latents:
    """How many latents are played: exactly `count`, or as many as `fidelity` asks for.

    Raises:
        UserError: for both at once, or a fidelity that is none.
    """

    count: int | None = None
    fidelity: float | None = None

    def __post_init__(self) -> None:
        if self.count is not None and self.fidelity is not None:
            raise UserError("give --latents or --fidelity, not both: one says how many, the other")
        if self.fidelity is not None and not 0 < self.fidelity <= 1:
            raise UserError(f"--fidelity is {self.fidelity:g}; choose above 0, up to 1 (all)")

    def of(self, space: LatentSpace | None, size: int, rank_by: str) -> int:
        """How many of `size`.

        Raises:
            UserError: for more than there are, or where nothing is known of which are the first.
        """
        if self.count is not None:
            check_kept(size, self.count)
        if space is not None:
            fidelity = FIDELITY if self.fidelity is None else self.fidelity
            return self.count or space.rank(fidelity, rank_by)
        if self.count not in (None, size) or self.fidelity not in (None, 1.0):
            raise UserError(
                "which latents matter cannot be found out: the dataset is no longer where it was; "
                "put it back, or leave --latents and --fidelity out to have them all"
            )
        return size


def export_run(
    path: Path,
    output: Path,
    authorship: Authorship | None = None,
    latents: Latents | None = None,
    *,
    stereo: bool = False,
) -> dict[str, Any]:
    """Exports a checkpoint of a run to a model file.

    Args:
        path: the folder that `timbrel train` wrote, whose last checkpoint is meant, or a
            checkpoint in it; the run need not have ended.
        output: the file to write; replaced only by a file that passed verification.
        authorship: recorded in the file.
        latents: how many can be played; the others are drawn from the prior.
        stereo: of a mono network: two samples of the posterior, left and right.

    Returns:
        The metadata written into the file.

    Raises:
        UserError: when the run is not readable or the file fails verification.
    """
    check_output(output)
    run, checkpoint = find_run(path)
    config = run.config()
    wanted = latents or Latents()
    if wanted.count is not None:
        check_kept(config.model.latents, wanted.count)
    trained = run.load(checkpoint)
    space = latent_space_of(run, trained)
    kept = wanted.of(space, config.model.latents, config.latent_space.rank_by)
    metadata = {
        "name": output.stem,
        "preset": config.preset,
        "step": trained.step,
        "stage": trained.stage,
        "dataset_fingerprint": run.origin().fingerprint,
        **{k: v for k, v in asdict(authorship or Authorship()).items() if v is not None},
    }
    return write_model(trained.model, output, metadata, space, kept, stereo=stereo)


def write_model(
    model: Autoencoder,
    output: Path,
    metadata: dict[str, Any],
    space: LatentSpace | None = None,
    kept: int | None = None,
    *,
    stereo: bool = False,
) -> dict[str, Any]:
    """Scripts, verifies and writes `model`; the file appears whole or not at all.

    Args:
        model: trained.
        output: the file to write.
        metadata: recorded in the file.
        space: the order of its latents; the network's own without it.
        kept: how many can be played; all without it.
        stereo: of a mono network: two samples of the posterior.

    Raises:
        UserError: when the file does not pass the gate, or does not stream what `model` computes.
    """
    check_output(output)
    if not all(bool(torch.isfinite(t).all()) for t in model.state_dict().values()):
        raise UserError("not exported: the trained weights are not finite; training has failed")
    instrument = Instrument(model.eval(), space, kept, stereo=stereo)
    reference = Offline(model, space, kept, samples=2 if stereo else 1)
    reference.temperature, reference.noise = instrument.temperature, instrument.noise
    return export_module(
        instrument,
        output,
        metadata={**metadata, "latents": _described(model, space, kept)},
        check=lambda path: verify(path, reference, instrument),
    )


def _described(model: Autoencoder, space: LatentSpace | None, kept: int | None) -> dict[str, Any]:
    config = model.config
    count = config.latents if kept is None else kept
    described: dict[str, Any] = {"count": count, "ratio": config.ratio, "of": config.latents}
    if space is None:
        return described
    values = space.singular_values.double()
    order = space.order(count)
    reached = values[order[:count]].sum() / values.sum().clamp_min(1e-30)
    return described | {
        "fidelity": round(float(reached), 6),
        "found_at_step": space.step,
        **({} if space.match is None else {"match": round(space.match, 4)}),
        "statistics": [asdict(space.latents[i]) for i in order[:count]],
    }

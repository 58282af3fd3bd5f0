"""`timbrel evaluate RUN`: everything the paper reports of a model, on one page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from timbrel.data import AudioDataset
from timbrel.data.atomic import new_folder
from timbrel.data.recording import read_mono
from timbrel.data.tabla.strokes import LOOP, assets
from timbrel.errors import UserError
from timbrel.evaluation import figures, plots
from timbrel.evaluation.report import (
    Cell,
    Page,
    divergence_rows,
    latent_rows,
    rank_rows,
    refuse_other,
    speed_rows,
)
from timbrel.evaluation.states import states
from timbrel.export.offline import Offline
from timbrel.latent.space import LatentSpace
from timbrel.training.crops import spread_excerpts
from timbrel.training.latents import latent_space_of
from timbrel.training.run import Run, Trained, find_run
from timbrel.training.validation import INFORMATIVE

#: Of the validation split.
EXCERPTS = 32
#: Fidelities that an excerpt is heard at (figure 3).
HEARD_AT = (0.99, 0.9, 0.8)
#: Excerpts that can be listened to.
LISTENED = 4
#: Seconds of a recording that are transferred.
TRANSFERRED = 20.0


@dataclass(frozen=True)
class Evaluation:
    """What was found; the report holds more."""

    page: Path
    stages: list[tuple[str, figures.Closeness]]
    baselines: figures.Baselines
    ranks: list[figures.Rank]
    divergences: list[figures.Divergence]
    speeds: list[figures.Speed]


def evaluate(path: Path, out: Path, recordings: Sequence[Path] = ()) -> Evaluation:
    """Measures a run and writes its report.

    Args:
        path: the run's folder, whose last checkpoint is meant, or a checkpoint in it.
        out: folder of the report; an earlier report there is replaced.
        recordings: other sound, for timbre transfer and out-of-domain divergence.

    Raises:
        UserError: when the run or its dataset is not there, or a recording is not readable.
    """
    run, checkpoint = find_run(path)
    last = run.load(checkpoint)
    dataset = run.dataset()
    if dataset is None:
        raise UserError(
            f"{run.folder}: its dataset is no longer at {run.origin().path}; put it back, or "
            "evaluate an exported model: timbrel evaluate MODEL.ts RECORDINGS --dataset DATASET"
        )
    refuse_other(out)
    config = run.config()
    rate = config.model.sample_rate
    others = {p.name: read_mono(p, rate) for p in recordings}
    space = latent_space_of(run, last)
    assert space is not None, "the dataset is there"
    length = figures.excerpt_length(config.model.ratio)
    held_out = spread_excerpts(dataset, "validation", length, EXCERPTS)
    with new_folder(out, replace=True) as folder:
        page = Page(folder, f"{run.folder.name}: {config.preset}, {last.step:,} steps")
        stages = _stages(page, run, last, dataset, held_out)
        ranks = _fidelity(page, last, space, held_out, rate)
        domains = {"held out": held_out, **_foreign(rate, config.model.channels, length)}
        for name, samples in others.items():
            if len(found := figures.cut(samples, config.model.channels, length)):
                domains[name] = found
        divergences = _divergences(page, last, domains)
        _latents(page, space)
        _listen(page, last, held_out, rate)
        _transfer(page, last, others, rate)
        speeds = _speed(page, last)
        _compression(page, space, config.model.ratio, config.latent_space.rank_by)
        page.write()
    return Evaluation(out / "report.html", *stages, ranks, divergences, speeds)


def _stages(
    page: Page, run: Run, last: Trained, dataset: AudioDataset, held_out: Tensor
) -> tuple[list[tuple[str, figures.Closeness]], figures.Baselines]:
    found = [
        (name, trained.step, figures.closeness(trained.model, held_out))
        for name, trained in states(run, last)
    ]
    beside = figures.baselines(dataset, held_out)
    page.heading("Distance on held-out sound")
    page.text(
        f"Multiscale spectral distance, mean over {len(held_out)} excerpts of the validation split "
        "(floor 80 dB below each one's peak; what is nearly silent is left out, for from there "
        "everything is far); smaller is closer. Beside it: the decoder given "
        "another excerpt's latents, noise with the training sound's mean spectrum, and silence. "
        "Own over other near 1 would be a model that ignores its input."
    )
    head = ["", "step", "own", "other", "own/other", "pitch (cents)", "loudness correlation"]
    nothing = float("nan")
    measured: list[list[Cell]] = [
        [n, s, c.own, c.other, c.own_to_other, c.pitch_cents, c.loudness_correlation]
        for n, s, c in found
    ]
    page.table(
        "distances",
        head,
        [
            *measured,
            ["noise", "", beside.noise, nothing, nothing, nothing, nothing],
            ["silence", "", beside.silence, nothing, nothing, nothing, nothing],
        ],
    )
    return [(name, one) for name, _, one in found], beside


def _fidelity(
    page: Page, last: Trained, space: LatentSpace, held_out: Tensor, rate: int
) -> list[figures.Rank]:
    page.heading("Fidelity (figures 2 and 3)")
    page.text(
        "How many latents a fidelity asks for, and how far from the sound the output is when the "
        "others are drawn from the prior."
    )
    found = figures.ranks(last.model, space, held_out[:16])
    plots.fidelity_plot(page.picture("fidelity"), found, space)
    head = ["latents", "fidelity", "fidelity by variance", "distance", "± over draws"]
    page.table("fidelity", head, rank_rows(found))
    # The excerpt with the most to lose.
    x = held_out[held_out.square().mean(dim=(1, 2)).argmax()][None]
    shown = [("original", last.model.pqmf(x)[0])]
    with torch.no_grad():
        for wanted in HEARD_AT:
            kept = space.rank(wanted, "singular_values")
            y = Offline(last.model, space, kept)(x)[0]
            shown.append((f"f = {wanted} ({kept} latents)", y))
    plots.spectrograms(page.picture("fidelities"), [(n, y[0]) for n, y in shown], rate)
    page.sounds(shown, rate, "fidelity")
    return found


def _foreign(rate: int, channels: int, length: int) -> dict[str, Tensor]:
    """Sound that hardly anybody trains on, and that is always at hand."""
    return {
        "a tabla loop": figures.cut(read_mono(assets() / f"{LOOP}.flac", rate), channels, length)
    }


def _divergences(page: Page, last: Trained, domains: dict[str, Tensor]) -> list[figures.Divergence]:
    page.heading("Divergence from the prior (figure 7 and table 3)")
    found = [figures.divergence(last.model, name, x) for name, x in domains.items()]
    informative = sum(kl > INFORMATIVE for kl in found[0].per_latent)
    page.text(
        f"{informative} of {len(found[0].per_latent)} latents exceed {INFORMATIVE} nats on "
        "held-out sound. In the table: mean over latents and time, ± over excerpts. A model that "
        "knows its sound well puts sound of another kind further away (the paper's table 3)."
    )
    plots.divergence_plot(page.picture("divergence"), found, INFORMATIVE)
    page.table("domains", ["sound", "KL divergence", "±"], divergence_rows(found))
    rows = [[i, *(d.per_latent[i] for d in found)] for i in range(len(found[0].per_latent))]
    page.table("divergence", ["network's latent", *domains], rows)
    return found


def _latents(page: Page, space: LatentSpace) -> None:
    page.heading("Latents, as they are exported")
    page.text(f"Found at step {space.step}. Where they live on the training sound:")
    page.table("latents", ["latent", "std", "min", "max", "follows"], latent_rows(space))


def _listen(page: Page, last: Trained, held_out: Tensor, rate: int) -> None:
    page.heading("Held-out sound, and what becomes of it")
    with torch.no_grad():
        for i, x in enumerate(held_out[:: max(1, len(held_out) // LISTENED)][:LISTENED]):
            shown = [("original", last.model.pqmf(x[None])[0]), ("output", last.model(x[None])[0])]
            page.sounds(shown, rate, f"heldout_{i}")
            drawn = [(name, y.mean(dim=0)) for name, y in shown]
            plots.spectrograms(page.picture(f"heldout_{i}"), drawn, rate)


def _transfer(page: Page, last: Trained, others: dict[str, NDArray[np.float32]], rate: int) -> None:
    if not others:
        return
    page.heading("Timbre transfer")
    config = last.model.config
    for i, (name, samples) in enumerate(others.items()):
        frames = int(TRANSFERRED * rate) // config.ratio * config.ratio
        x = torch.from_numpy(samples)[:frames]
        x = torch.nn.functional.pad(x, (0, -len(x) % config.ratio))
        with torch.no_grad():
            y = last.model(x.expand(1, config.channels, -1))[0]
        shown = [(name, x[None]), ("through the model", y)]
        page.sounds(shown, rate, f"transfer_{i}")
        drawn = [(title, signal.mean(dim=0)) for title, signal in shown]
        plots.spectrograms(page.picture(f"transfer_{i}"), drawn, rate)


def _speed(page: Page, last: Trained) -> list[figures.Speed]:
    found = figures.speeds(last.model)
    if torch.cuda.is_available():
        found += figures.speeds(last.model.cuda())
        last.model.cpu()
    page.heading("Speed (table 2)")
    page.text("The whole signal at once; for blocks as a patch plays them: timbrel bench MODEL.ts.")
    page.table("speed", ["method", "device", "kHz", "× real time"], speed_rows(found))
    return found


def _compression(page: Page, space: LatentSpace, ratio: int, rank_by: str) -> None:
    page.heading("Compression")
    rows: list[list[Cell]] = [
        [f, kept, ratio, ratio / kept]
        for f in (0.9, 0.95, 0.99)
        for kept in [space.rank(f, rank_by)]
    ]
    head = ["fidelity", "latents", "samples per latent frame", "samples per latent value"]
    page.table("compression", head, rows)

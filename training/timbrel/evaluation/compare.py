"""`timbrel compare RUN RUN`: two runs on the same sound, at the same loudness."""

from dataclasses import dataclass
from math import lcm
from pathlib import Path
from statistics import median

import torch

from timbrel.data.atomic import new_folder
from timbrel.errors import UserError
from timbrel.evaluation import plots
from timbrel.evaluation.figures import excerpt_length, in_batches
from timbrel.evaluation.report import Page, level_matched, refuse_other
from timbrel.training.crops import spread_excerpts
from timbrel.training.run import find_run
from timbrel.training.validation import distances

EXCERPTS = 32
LISTENED = 6
#: Two seeds of one run differ by this share of their distance: less says nothing.
BETWEEN_SEEDS = 0.08


@dataclass(frozen=True)
class Comparison:
    """Distances of both runs on the same excerpts, the second one's against the first one's."""

    first: list[float]
    second: list[float]
    page: Path | None

    @property
    def change(self) -> float:
        """Median over excerpts of how much further (closer, if negative) the second is."""
        return median(b / a - 1 for a, b in zip(self.first, self.second, strict=True))

    @property
    def closer(self) -> int:
        """Excerpts that the second is closer to."""
        return sum(b < a for a, b in zip(self.first, self.second, strict=True))

    @property
    def verdict(self) -> str:
        """What may be said, and no more."""
        share = f"{abs(self.change):.1%}"
        way = "closer" if self.change < 0 else "further away"
        of = f"closer on {self.closer} of {len(self.first)} excerpts"
        if abs(self.change) <= BETWEEN_SEEDS:
            return f"no difference that counts: {share} {way} ({of}); two seeds differ by as much"
        return f"the second is {share} {way} ({of}); for a claim, repeat both with 5 seeds"


@torch.no_grad()
def compare(first: Path, second: Path, out: Path | None = None) -> Comparison:
    """Compares two runs (or checkpoints) on held-out sound of the first one's dataset.

    Args:
        first: a run's folder, or a checkpoint in one.
        second: likewise, at the same rate and with the same channels.
        out: where to put a report with level-matched sound; none without it.

    Raises:
        UserError: when they cannot be compared.
    """
    (run, checkpoint), (other, other_checkpoint) = find_run(first), find_run(second)
    models = [run.load(checkpoint).model, other.load(other_checkpoint).model]
    shapes = [(m.config.sample_rate, m.config.channels) for m in models]
    if shapes[0] != shapes[1]:
        raise UserError(
            f"{first} is at {shapes[0][0]} Hz with {shapes[0][1]} channels, {second} at "
            f"{shapes[1][0]} Hz with {shapes[1][1]}: they hear different sound"
        )
    dataset = run.dataset()
    if dataset is None:
        raise UserError(f"{run.folder}: its dataset is no longer at {run.origin().path}")
    length = excerpt_length(lcm(*(model.config.ratio for model in models)))
    x = spread_excerpts(dataset, "validation", length, EXCERPTS)
    targets = [in_batches(model.pqmf, x) for model in models]
    outputs = [
        torch.stack(
            [level_matched(y, like) for y, like in zip(in_batches(model, x), target, strict=True)]
        )
        for model, target in zip(models, targets, strict=True)
    ]
    found = [distances(t, y).tolist() for t, y in zip(targets, outputs, strict=True)]
    comparison = Comparison(found[0], found[1], None if out is None else out / "report.html")
    if out is not None:
        refuse_other(out)
        with new_folder(out, replace=True) as folder:
            page = Page(folder, f"{first.name} and {second.name}")
            page.text(f"On {len(x)} held-out excerpts, level-matched: {comparison.verdict}.")
            rows = [[i, a, b] for i, (a, b) in enumerate(zip(*found, strict=True))]
            page.table("distances", ["excerpt", str(first), str(second)], rows)
            names = ("original", str(first), str(second))
            for i in range(0, len(x), max(1, len(x) // LISTENED)):
                shown = list(zip(names, (targets[0][i], *(y[i] for y in outputs)), strict=True))
                page.sounds(shown, shapes[0][0], f"excerpt_{i}")
                drawn = [(name, y.mean(dim=0)) for name, y in shown]
                plots.spectrograms(page.picture(f"excerpt_{i}"), drawn, shapes[0][0])
            page.write()
    return comparison

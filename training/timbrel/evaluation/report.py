"""A report of a run: figures, pictures and sound in one folder, read with a browser."""

import csv
import html
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from timbrel.errors import UserError
from timbrel.evaluation.figures import Divergence, Rank, Speed
from timbrel.latent.space import LatentSpace

STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:right;"
    "border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}"
    "img{max-width:100%}audio{vertical-align:middle;width:15em}"
)

Cell = str | float | int


class Page:
    """One HTML page, and the files beside it."""

    def __init__(self, folder: Path, title: str) -> None:
        self.folder = folder
        self._parts = [
            f"<!doctype html><meta charset=utf-8><title>{html.escape(title)}</title>"
            f"<style>{STYLE}</style><h1>{html.escape(title)}</h1>"
        ]

    def heading(self, text: str) -> None:
        self._parts.append(f"<h2>{html.escape(text)}</h2>")

    def text(self, text: str) -> None:
        self._parts.append(f"<p>{html.escape(text)}</p>")

    def table(self, name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        """Shows a table, and leaves it as `name`.csv."""
        kept = [list(row) for row in rows]
        with (self.folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(head)
            writer.writerows(kept)
        cells = ["".join(f"<th>{html.escape(h)}</th>" for h in head)]
        cells += ["".join(f"<td>{_shown(value)}</td>" for value in row) for row in kept]
        self._parts.append("<table>" + "".join(f"<tr>{c}</tr>" for c in cells) + "</table>")
        self._parts.append(f"<p><a href={name}.csv>{name}.csv</a></p>")

    def picture(self, name: str) -> Path:
        """Shows a picture that is to be drawn at the path returned."""
        self._parts.append(f"<p><img src={name}.png></p>")
        return self.folder / f"{name}.png"

    def sounds(self, shown: Iterable[tuple[str, Tensor]], sample_rate: int, name: str) -> None:
        """Players for signals ``(channels, samples)``, each with its title."""
        parts = []
        for i, (title, x) in enumerate(shown):
            file = f"{name}_{i}.flac"
            samples = x.clamp(-1, 1).T.numpy()
            soundfile.write(self.folder / file, samples, sample_rate, "PCM_16")
            parts.append(f"{html.escape(title)} <audio controls src={file}></audio>")
        self._parts.append("<p>" + " ".join(parts) + "</p>")

    def write(self) -> Path:
        """The page, `report.html`."""
        path = self.folder / "report.html"
        path.write_text("\n".join(self._parts) + "\n")
        return path


def _shown(value: Cell) -> str:
    if isinstance(value, float):
        return "–" if np.isnan(value) else f"{value:.4g}"
    return html.escape(str(value))


def rank_rows(found: Sequence[Rank]) -> list[list[Cell]]:
    """Table of figure 2."""
    return [list(asdict(r).values()) for r in found]


def divergence_rows(found: Sequence[Divergence]) -> list[list[Cell]]:
    """Table 3."""
    return [[d.name, d.mean, d.spread] for d in found]


def speed_rows(found: Sequence[Speed]) -> list[list[Cell]]:
    """Table 2, in kHz."""
    return [[s.method, s.device, s.samples_per_second / 1000, s.real_time] for s in found]


def latent_rows(space: LatentSpace) -> list[list[Cell]]:
    """What is known of each latent, in the order in which they are exported."""
    rows: list[list[Cell]] = []
    for k, i in enumerate(space.order(space.size).tolist()):
        latent = space.latents[i]
        follows = f"{latent.descriptor} {latent.correlation:+.2f}" if latent.descriptor else ""
        rows.append([k, latent.std, latent.min, latent.max, follows])
    return rows


def refuse_other(out: Path) -> None:
    """Raises UserError where `out` holds something that is no report, which would be lost."""
    if out.is_dir() and any(out.iterdir()) and not (out / "report.html").exists():
        raise UserError(f"{out} holds something that is no report; choose another --out")


def level_matched(x: Tensor, like: Tensor) -> Tensor:
    """`x` with the power of `like`, no louder than full scale."""
    power = x.square().mean().clamp_min(1e-12)
    matched = x * torch.sqrt(like.square().mean() / power)
    return matched / matched.abs().max().clamp_min(1.0)

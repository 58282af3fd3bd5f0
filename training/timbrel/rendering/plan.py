"""Which files become which, decided and refused before any work begins."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from timbrel.data.sources import is_audio, walk
from timbrel.errors import UserError
from timbrel.rendering.settings import SoundFormat

LATENTS = ".npy"

_FILES = {".wav", ".flac", LATENTS}
"""Endings by which an output is taken for a file, and not for a folder."""


class Existing(StrEnum):
    """What to do about outputs that are there already."""

    REFUSE = "refuse"
    REPLACE = "replace"
    KEEP = "keep"


@dataclass(frozen=True)
class Job:
    """One input, and the output that it becomes."""

    source: Path
    name: str
    """How a user knows it: as given, or relative to the folder that was given."""
    target: Path


@dataclass(frozen=True)
class Plan:
    """All that is to be done.

    Attributes:
        jobs: in the order of the inputs.
        kept: outputs that are there already, and stay.
        format: of all sound that is written.
    """

    jobs: list[Job]
    kept: list[Path]
    format: SoundFormat


def make_plan(
    inputs: list[Path],
    out: Path,
    *,
    from_latents: bool,
    to_latents: bool,
    format: SoundFormat | None,
    existing: Existing,
) -> Plan:
    """Pair inputs with outputs.

    Args:
        inputs: files, and folders whose files are looked for at any depth.
        out: a folder; with a single file as input also a file, whose name tells its format.
        from_latents: inputs are latents (`.npy`), not sound.
        to_latents: outputs are.
        format: of sound that is written; None: by the name of `out`, or else WAV.
        existing: what to do about outputs that are there already.

    Raises:
        UserError: an input is missing, two inputs would become one output, an output exists, …
    """
    is_file = out.suffix.lower() in _FILES and not out.is_dir()
    chosen = _format(out, format, is_file=is_file, to_latents=to_latents)
    suffix = LATENTS if to_latents else chosen.suffix
    found = list(_found(inputs, out, from_latents=from_latents))
    if is_file:
        if len(inputs) > 1 or inputs[0].is_dir():
            raise UserError(f"{out} is one file for several inputs; give a folder")
        if not out.parent.is_dir():
            raise UserError(f"{out.parent}: no such folder; make it first")
        jobs = [Job(source, name, out) for source, name in found]
    else:
        if out.exists() and not out.is_dir():
            raise UserError(f"{out} is a file; choose a folder, or a name in .wav, .flac or .npy")
        jobs = _named(found, out, suffix)
    return _settled(jobs, found, existing, chosen)


def _format(
    out: Path, format: SoundFormat | None, *, is_file: bool, to_latents: bool
) -> SoundFormat:
    if to_latents:
        if format is not None:
            raise UserError(
                "the method gives latents, which are written as .npy; leave out --format"
            )
        if is_file and out.suffix.lower() != LATENTS:
            raise UserError(f"{out}: the method gives latents; choose a name in .npy")
        return SoundFormat.WAV
    if not is_file:
        return format or SoundFormat.WAV
    suffix = out.suffix.lower()
    if suffix == LATENTS:
        raise UserError(f"{out}: the method gives sound; choose a name in .wav or .flac")
    chosen = format or (SoundFormat.FLAC if suffix == ".flac" else SoundFormat.WAV)
    if chosen.suffix != suffix:
        raise UserError(f"{out}: --format {chosen} is written to a name in {chosen.suffix}")
    return chosen


def _found(inputs: list[Path], out: Path, *, from_latents: bool) -> Iterator[tuple[Path, str]]:
    """The files to render, each once, and their names."""
    seen: set[str] = set()
    for given in inputs:
        if given.is_dir():
            # Outputs of an earlier run in a folder below are no inputs.
            files = [p for p in walk(given, leave_out=out) if _wanted(p, from_latents)]
            if not files:
                wanted = f"no latents ({LATENTS})" if from_latents else "no audio"
                raise UserError(f"{wanted} in {given}")
        elif given.exists():
            files = [given]
        else:
            raise UserError(f"{given}: no such file or folder")
        for path in files:
            real = os.path.realpath(path)
            if real not in seen:
                seen.add(real)
                yield path, path.relative_to(given).as_posix() if path != given else given.name


def _wanted(path: Path, from_latents: bool) -> bool:
    return path.suffix.lower() == LATENTS if from_latents else is_audio(path)


def _named(found: list[tuple[Path, str]], out: Path, suffix: str) -> list[Job]:
    """Every input's name below `out`; `a.wav` and `a.mp3` become `a.wav.wav` and `a.mp3.wav`."""
    short = [out / Path(name).with_suffix(suffix) for _, name in found]
    # Not every file system tells capitals apart.
    count = Counter(str(target).casefold() for target in short)
    jobs = [
        Job(source, name, target if count[str(target).casefold()] == 1 else out / (name + suffix))
        for (source, name), target in zip(found, short, strict=True)
    ]
    owners: dict[str, Job] = {}
    for job in jobs:
        other = owners.setdefault(str(job.target).casefold(), job)
        if other is not job:
            raise UserError(
                f"{other.source} and {job.source} would both become {job.target}; "
                "render them into folders of their own"
            )
    return jobs


def _settled(
    jobs: list[Job], found: list[tuple[Path, str]], existing: Existing, format: SoundFormat
) -> Plan:
    sources = {os.path.realpath(source) for source, _ in found}
    for job in jobs:
        if os.path.realpath(job.target) in sources:
            raise UserError(f"{job.target} is an input itself; choose another output")
        if job.target.is_dir():
            raise UserError(f"{job.target} is a folder; choose another output")
    there = [job.target for job in jobs if job.target.exists()]
    if there and existing is Existing.REFUSE:
        exist = f"and {len(there) - 1} more exist" if len(there) > 1 else "exists"
        raise UserError(
            f"{there[0]} {exist}; --overwrite replaces what is there, --skip-existing keeps it"
        )
    if existing is Existing.KEEP:
        return Plan([job for job in jobs if not job.target.exists()], there, format)
    return Plan(jobs, [], format)

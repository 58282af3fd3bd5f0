"""A folder of recordings becomes a dataset: one file of frames and a page about it."""

import hashlib
import math
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from timbrel.data.atomic import new_folder, refuse_taken
from timbrel.data.channels import MOST
from timbrel.data.conversion import Conversion, Plan, Progress, cores
from timbrel.data.decode import Decoded
from timbrel.data.journal import Journal
from timbrel.data.manifest import (
    AUDIO_NAME,
    FORMAT_VERSION,
    MANIFEST_NAME,
    Clipped,
    Lazy,
    LazyFile,
    Manifest,
    Note,
    Skipped,
)
from timbrel.data.sources import Recording, Search, search
from timbrel.data.split import assign_splits
from timbrel.errors import UserError

RATES = (8_000, 192_000)
"""Lowest and highest sample rate of a dataset, in Hz."""

SHORTEST = 3.0
"""Seconds of sound in all: the least that training can draw a crop and a validation from."""


@dataclass(frozen=True)
class Outcome:
    """What `preprocess` did."""

    manifest: Manifest
    was_there: bool
    """The same recordings had been converted before; nothing was done."""
    resumed: int = 0
    """Recordings that an interrupted run had finished."""


def preprocess(
    folder: Path,
    out: Path,
    *,
    sample_rate: int = 44_100,
    channels: int = 1,
    lazy: bool = False,
    overwrite: bool = False,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Convert all recordings below `folder` to a dataset at `out`.

    The dataset appears at `out` whole or not at all. Where one of the same recordings is there
    already, it is left as it is. What a killed run or Ctrl-C has left is gone on with.

    Args:
        folder: read with everything below it; never written to.
        out: the dataset's folder, which must not hold anything else.
        sample_rate: of the dataset, in Hz.
        channels: of the dataset; see `timbrel.data.channels.fold`.
        lazy: write an index of the recordings instead of their sound, which is then decoded from
            them whenever it is read.
        overwrite: replace a dataset of other recordings.
        jobs: recordings read at the same time; by default as many as there are cores.
        progress: is told how far it is.

    Raises:
        UserError: there is nothing to convert, too little, or no place for the result.
    """
    progress = progress or Progress()
    plan = Plan(sample_rate, channels, lazy, cores() if jobs is None else jobs)
    _check_plan(plan)
    _check_places(folder, out, overwrite)
    found = search(folder, out, progress.looked_at, plan.jobs)
    if lazy:
        found = _only_findable(found)
    if not found.recordings:
        raise UserError(_nothing(folder, found))
    source = _source(found, plan, folder)
    if (out / MANIFEST_NAME).exists():
        existing = _existing(out)
        if existing and existing.source == source:
            return Outcome(existing, was_there=True)
        if not overwrite:
            raise UserError(
                f"{out} holds a dataset of other recordings, of another rate or of other channels; "
                "choose another folder, or give --overwrite to replace it"
            )
    _check_length(folder, sum(recording.seconds for recording in found.recordings), found)
    with new_folder(out, replace=overwrite, resume=True) as partial:
        _check_disk(partial, found, plan, progress)
        with Journal(partial, source) as journal:
            resumed = len(journal.results)
            Conversion(found.recordings, plan, partial, journal, progress).run()
            manifest = _manifest(found, plan, journal, folder, source)
            _check_length(folder, manifest.seconds, replace(found, skipped=_reasons(manifest)))
            journal.finish()
        manifest.write(partial)
    return Outcome(manifest, was_there=False, resumed=resumed)


def _manifest(found: Search, plan: Plan, journal: Journal, folder: Path, source: str) -> Manifest:
    skipped = [Skipped(path=name, reason=reason) for name, reason in found.skipped]
    parts: list[tuple[Recording, Decoded]] = []
    for recording, result in zip(found.recordings, journal.results, strict=True):
        if result.decoded:
            parts.append((recording, result.decoded))
        else:
            skipped.append(Skipped(path=recording.name, reason=result.reason))
    frames = sum(decoded.frames for _, decoded in parts)
    energy = sum(decoded.energy for _, decoded in parts)
    form = f"{plan.sample_rate} {plan.channels}" if plan.channels > 1 else f"{plan.sample_rate}"
    if plan.lazy:
        digests = "".join(decoded.digest for _, decoded in parts)
        fingerprint = hashlib.sha256(f"{digests} {form}".encode()).hexdigest()
    else:
        fingerprint = journal.fingerprint(form)
    return Manifest(
        format_version=FORMAT_VERSION,
        sample_rate=plan.sample_rate,
        channels=plan.channels,
        frames=frames,
        fingerprint=fingerprint,
        source=source,
        files=tuple(assign_splits([(r.name, d.digest, d.frames) for r, d in parts])),
        lazy=_lazy(folder, parts) if plan.lazy else None,
        skipped=tuple(skipped),
        notes=tuple(Note(path=r.name, note=d.note) for r, d in parts if d.note),
        clipped_files=tuple(
            Clipped(path=r.name, samples=d.clipped_samples) for r, d in parts if d.clipped_samples
        ),
        ignored_files=found.ignored,
        silent_seconds=sum(decoded.silent_seconds for _, decoded in parts),
        rms_dbfs=_decibels(math.sqrt(energy / max(1, frames))),
        peak_dbfs=_decibels(max((decoded.peak for _, decoded in parts), default=0.0)),
    )


def _lazy(folder: Path, parts: list[tuple[Recording, Decoded]]) -> Lazy:
    files: list[LazyFile] = []
    start = 0
    for recording, decoded in parts:
        files.append(
            LazyFile(path=recording.name, start=start, frames=decoded.frames, size=recording.size)
        )
        start += decoded.frames
    return Lazy(folder=str(folder.resolve()), files=tuple(files))


def _only_findable(found: Search) -> Search:
    """Without those whose names are no text: an index could not say where they are."""
    lost = [recording for recording in found.recordings if not _is_text(recording.path.resolve())]
    reason = "its name is not valid UTF-8; rename it, or leave out --lazy"
    return replace(
        found,
        recordings=tuple(recording for recording in found.recordings if recording not in lost),
        skipped=(*found.skipped, *((recording.name, reason) for recording in lost)),
    )


def _is_text(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_plan(plan: Plan) -> None:
    if not RATES[0] <= plan.sample_rate <= RATES[1]:
        raise UserError(f"--rate is {plan.sample_rate} Hz; choose from {RATES[0]} to {RATES[1]}")
    if not 1 <= plan.channels <= MOST:
        raise UserError(f"--channels is {plan.channels}; choose from 1 to {MOST}")
    if plan.jobs < 1:
        raise UserError(f"--jobs is {plan.jobs}; choose 1 or more")


def _check_places(folder: Path, out: Path, overwrite: bool) -> None:
    if not folder.exists():
        raise UserError(f"no folder {folder}; give the folder that holds your recordings")
    if not folder.is_dir():
        raise UserError(f"{folder} is a file; give the folder that holds your recordings")
    if out.resolve() == folder.resolve():
        raise UserError(f"{out} holds the recordings; choose another folder for the dataset")
    if out.is_dir() and (out / MANIFEST_NAME).exists():
        return
    # --overwrite is a leave to replace a dataset, not whatever else a mistyped path may lead to.
    refuse_taken(out, replace=False)


def _existing(out: Path) -> Manifest | None:
    try:
        return Manifest.read(out)
    except UserError:
        return None  # damaged: as good as another


def _nothing(folder: Path, found: Search) -> str:
    count = len(found.skipped) + found.ignored
    if not count:
        return f"no audio in {folder}: the folder is empty"
    if not found.skipped:
        return f"no audio in {folder}: {_files(count)}, none of them audio"
    return (
        f"no audio in {folder}: {_files(count)}, none readable as audio ({_first(found.skipped)})"
    )


def _check_length(folder: Path, seconds: float, found: Search) -> None:
    if seconds < SHORTEST:
        why = f" ({_first(found.skipped)})" if found.skipped else ""
        raise UserError(
            f"too little sound in {folder}: {seconds:.1f} s in {_files(len(found.recordings))}, "
            f"at least {SHORTEST:g} s are needed{why}"
        )


def _check_disk(partial: Path, found: Search, plan: Plan, progress: Progress) -> None:
    lengths = sorted((recording.seconds for recording in found.recordings), reverse=True)
    # What waits for its turn on the disk is there twice while it is copied.
    seconds = 1.01 * sum(lengths) + sum(lengths[: plan.jobs])
    needed = seconds * plan.bytes_per_second
    free = shutil.disk_usage(partial).free + sum(
        path.stat().st_size for path in partial.iterdir() if path.name == AUDIO_NAME
    )
    if free < needed:
        raise UserError(
            f"the dataset needs {needed / 1e6:.1f} MB, {free / 1e6:.1f} MB are free at "
            f"{partial.parent}; free some, choose another disk, or leave the sound where it is "
            "with --lazy"
        )
    progress.planned(sum(lengths), sum(lengths) * plan.bytes_per_second, free)


def _first(skipped: tuple[tuple[str, str], ...], count: int = 3) -> str:
    listed = "; ".join(f"{name}: {reason}" for name, reason in skipped[:count])
    return listed + (f"; and {len(skipped) - count} more" if len(skipped) > count else "")


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _reasons(manifest: Manifest) -> tuple[tuple[str, str], ...]:
    return tuple((entry.path, entry.reason) for entry in manifest.skipped)


def _source(found: Search, plan: Plan, folder: Path) -> str:
    where = folder.resolve() if plan.lazy else ""
    digest = hashlib.sha256(
        f"{FORMAT_VERSION} {plan.sample_rate} {plan.channels} {where}\n".encode(errors="replace")
    )
    for recording in found.recordings:
        digest.update(f"{recording.digest} {recording.name}\n".encode())
    for name, reason in found.skipped:
        digest.update(f"skipped {name} {reason}\n".encode())
    return digest.hexdigest()


def _decibels(amplitude: float) -> float:
    return round(20 * math.log10(max(amplitude, 1e-10)), 2)

"""A folder of recordings becomes a dataset: one file of frames and a page about it."""

import hashlib
import math
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Protocol

from timbrel.data.atomic import new_folder, refuse_taken
from timbrel.data.decode import Decoded, UndecodableError, decode
from timbrel.data.manifest import (
    AUDIO_NAME,
    FORMAT_VERSION,
    MANIFEST_NAME,
    Clipped,
    FileEntry,
    Manifest,
    Note,
    Skipped,
    Split,
)
from timbrel.data.sources import Recording, Search, search
from timbrel.errors import UserError

RATES = (8_000, 192_000)
"""Lowest and highest sample rate of a dataset, in Hz."""

SHORTEST = 3.0
"""Seconds of sound in all: the least that training can draw a crop and a validation from."""

VALIDATION_SHARE = 0.1
_USABLE_VALIDATION = (0.03, 0.3)
"""Share of the frames: less says nothing, more is taken from training."""


class Progress(Protocol):
    """Who wants to hear how far it is."""

    def looked_at(self, done: int, total: int) -> None:
        """So many of so many files have been looked at."""

    def converted(self, seconds: float, total: float) -> None:
        """So many more seconds of sound, of so many in all, have been converted."""


@dataclass(frozen=True)
class Outcome:
    """What `preprocess` did."""

    manifest: Manifest
    was_there: bool
    """The same recordings had been converted before; nothing was done."""


class _Quiet:
    def looked_at(self, done: int, total: int) -> None: ...

    def converted(self, seconds: float, total: float) -> None: ...


def preprocess(
    folder: Path,
    out: Path,
    *,
    sample_rate: int = 44_100,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Outcome:
    """Convert all recordings below `folder` to a dataset at `out`.

    The dataset appears at `out` whole or not at all. Where one of the same recordings is there
    already, it is left as it is.

    Args:
        folder: read with everything below it; never written to.
        out: the dataset's folder, which must not hold anything else.
        sample_rate: of the dataset, in Hz.
        overwrite: replace a dataset of other recordings.
        progress: is told how far it is.

    Raises:
        UserError: there is nothing to convert, too little, or no place for the result.
    """
    progress = progress or _Quiet()
    if not RATES[0] <= sample_rate <= RATES[1]:
        raise UserError(f"--rate is {sample_rate} Hz; choose from {RATES[0]} to {RATES[1]}")
    _check_places(folder, out, overwrite)
    found = search(folder, out, progress.looked_at)
    if not found.recordings:
        raise UserError(_nothing(folder, found))
    source = _source(found, sample_rate)
    if (out / MANIFEST_NAME).exists():
        existing = _existing(out)
        if existing and existing.source == source:
            return Outcome(existing, was_there=True)
        if not overwrite:
            raise UserError(
                f"{out} holds a dataset of other recordings or of another rate; "
                "choose another folder, or give --overwrite to replace it"
            )
    _check_length(folder, sum(recording.seconds for recording in found.recordings), found)
    _check_disk(out, found, sample_rate)
    with new_folder(out, replace=overwrite) as partial:
        manifest = _convert(found, partial, sample_rate, progress)
        _check_length(folder, manifest.seconds, replace(found, skipped=_reasons(manifest)))
        manifest = manifest.model_copy(update={"source": source})
        manifest.write(partial)
    return Outcome(manifest, was_there=False)


def _convert(found: Search, folder: Path, sample_rate: int, progress: Progress) -> Manifest:
    total = sum(recording.seconds for recording in found.recordings)
    skipped = [Skipped(path=name, reason=reason) for name, reason in found.skipped]
    parts: list[tuple[Recording, Decoded]] = []
    with (folder / AUDIO_NAME).open("wb") as out:
        for recording in found.recordings:
            start = out.tell()
            try:
                decoded = decode(
                    recording, sample_rate, out, lambda seconds: progress.converted(seconds, total)
                )
            except UndecodableError as error:
                out.seek(start)
                out.truncate()
                skipped.append(Skipped(path=recording.name, reason=str(error)))
            else:
                parts.append((recording, decoded))
    frames = sum(decoded.frames for _, decoded in parts)
    with (folder / AUDIO_NAME).open("rb") as audio:
        fingerprint = _fingerprint(audio, sample_rate)
    energy = sum(decoded.energy for _, decoded in parts)
    return Manifest(
        format_version=FORMAT_VERSION,
        sample_rate=sample_rate,
        channels=1,
        frames=frames,
        fingerprint=fingerprint,
        source="",
        files=tuple(assign_splits([(r.name, r.digest, d.frames) for r, d in parts])),
        skipped=tuple(skipped),
        notes=tuple(Note(path=r.name, note=d.note) for r, d in parts if d.note),
        clipped_files=tuple(
            Clipped(path=r.name, samples=d.clipped_samples) for r, d in parts if d.clipped_samples
        ),
        ignored_files=found.ignored,
        rms_dbfs=_decibels(math.sqrt(energy / max(1, frames))),
        peak_dbfs=_decibels(max((decoded.peak for _, decoded in parts), default=0.0)),
    )


def assign_splits(files: list[tuple[str, str, int]]) -> list[FileEntry]:
    """Decide what is trained on and what only validates.

    A recording's contents decide, not its name or its neighbours: adding recordings to a folder
    moves few or none of the others from one side to the other. Where whole recordings are too
    coarse (there is only one, say), the last tenth of the longest validates.

    Args:
        files: name, hexadecimal digest and frames of each, in the order of the audio.
    """
    chosen = _validating(files)
    longest = max(range(len(files)), key=lambda index: files[index][2], default=-1)
    entries: list[FileEntry] = []
    start = 0
    for index, (name, _, frames) in enumerate(files):
        held_back = frames if index in chosen else 0
        if not chosen and index == longest:
            held_back = round(frames * VALIDATION_SHARE)
        parts: tuple[tuple[Split, int], ...] = (
            ("train", frames - held_back),
            ("validation", held_back),
        )
        for split, count in parts:
            if count:
                entries.append(FileEntry(path=name, start=start, frames=count, split=split))
                start += count
    return entries


def _validating(files: list[tuple[str, str, int]]) -> set[int]:
    """Which recordings validate, as a whole; empty where no choice of whole ones is usable.

    Digests are as good as random numbers: those in the lowest tenth of their range validate, and
    where chance leaves too few there, the next ones by their order.
    """
    total = sum(frames for _, _, frames in files)
    smallest, largest = (share * total for share in _USABLE_VALIDATION)
    chosen: set[int] = set()
    frames_chosen = 0
    for index in sorted(range(len(files)), key=lambda index: files[index][1]):
        below = int(files[index][1][:8], 16) < VALIDATION_SHARE * 2**32
        if not below and frames_chosen >= smallest:
            break
        chosen.add(index)
        frames_chosen += files[index][2]
    return chosen if smallest <= frames_chosen <= largest else set()


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


def _check_disk(out: Path, found: Search, sample_rate: int) -> None:
    needed = sum(recording.seconds for recording in found.recordings) * sample_rate * 2 * 1.01
    place = out.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < needed:
        raise UserError(
            f"the dataset needs {needed / 1e6:.1f} MB, {free / 1e6:.1f} MB are free at {place}; "
            "free some, or choose another disk"
        )


def _first(skipped: tuple[tuple[str, str], ...], count: int = 3) -> str:
    listed = "; ".join(f"{name}: {reason}" for name, reason in skipped[:count])
    return listed + (f"; and {len(skipped) - count} more" if len(skipped) > count else "")


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _reasons(manifest: Manifest) -> tuple[tuple[str, str], ...]:
    return tuple((entry.path, entry.reason) for entry in manifest.skipped)


def _source(found: Search, sample_rate: int) -> str:
    digest = hashlib.sha256(f"{FORMAT_VERSION} {sample_rate}\n".encode())
    for recording in found.recordings:
        digest.update(f"{recording.digest} {recording.name}\n".encode())
    for name, reason in found.skipped:
        digest.update(f"skipped {name} {reason}\n".encode())
    return digest.hexdigest()


def _fingerprint(audio: BinaryIO, sample_rate: int) -> str:
    digest = hashlib.sha256()
    while chunk := audio.read(1 << 20):
        digest.update(chunk)
    digest.update(str(sample_rate).encode())
    return digest.hexdigest()


def _decibels(amplitude: float) -> float:
    return round(20 * math.log10(max(amplitude, 1e-10)), 2)

"""Which recordings are trained on, and which only validate."""

from timbrel.data.manifest import FileEntry, Split

VALIDATION_SHARE = 0.1
_USABLE_VALIDATION = (0.03, 0.3)
"""Share of the frames: less says nothing, more is taken from training."""


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

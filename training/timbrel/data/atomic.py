"""Folders and files that appear whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from timbrel.data.locking import claimed
from timbrel.errors import UserError


@contextmanager
def new_folder(target: Path, *, replace: bool = False, resume: bool = False) -> Iterator[Path]:
    """Give a hidden folder beside `target` to fill; it becomes `target` when the block succeeds.

    Whatever interrupts the block, be it an error, Ctrl-C, a kill or a power cut, nothing
    half-written ever stands at `target`. What a killed run has left is removed by the next one.

    Args:
        target: the folder to make. It must not exist, or be empty, unless `replace` is given.
        replace: put the new folder in the place of an existing one.
        resume: what Ctrl-C or a kill has left is not removed but given to the next one, which has
            to find out what it is. An error (a full disk, say) removes it all the same.

    Raises:
        UserError: `target` is taken, or another process is writing it at this moment.
    """
    target = Path(os.path.abspath(target))
    refuse_taken(target, replace=replace)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    with claimed(target):
        if not resume:
            shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(exist_ok=True)
        try:
            yield partial
            _sync(partial)
            _move(partial, target)
        except BaseException as error:
            interrupted = isinstance(error, KeyboardInterrupt) and resume
            if not (interrupted and any(partial.iterdir())):
                shutil.rmtree(partial, ignore_errors=True)
            raise


def refuse_taken(target: Path, *, replace: bool) -> None:
    """Raise UserError where `target` holds something that must not be overwritten."""
    if target.is_file():
        raise UserError(f"{target} is a file; choose another output folder")
    if not replace and target.is_dir() and any(target.iterdir()):
        raise UserError(f"{target} is not empty; choose another output folder")


def _sync(folder: Path) -> None:
    """Make the contents durable before the rename, which may otherwise overtake them."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())


def _move(partial: Path, target: Path) -> None:
    if not target.exists():
        partial.rename(target)
        return
    # A rename cannot replace a folder with contents: the old one steps aside first. A crash
    # between the two renames leaves it beside, under its hidden name.
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    target.rename(old)
    partial.rename(target)
    shutil.rmtree(old)


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """Give a hidden file beside `target` to write; it becomes `target` when the block succeeds.

    As for `new_folder`, nothing half-written ever stands at `target`, whatever happens. A file
    that is there already is replaced.

    Raises:
        UserError: another process is writing it at this moment.
    """
    target = Path(os.path.abspath(target))
    partial = target.with_name(f".{target.name}.partial")
    with claimed(target):
        partial.write_bytes(b"")
        try:
            yield partial
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
            partial.replace(target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise

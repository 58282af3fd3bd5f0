"""Folders and files that appear whole or not at all."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from timbrel.errors import UserError


@contextmanager
def new_folder(target: Path, *, replace: bool = False) -> Iterator[Path]:
    """Give a hidden folder beside `target` to fill; it becomes `target` when the block succeeds.

    Whatever interrupts the block, be it an error, Ctrl-C, a kill or a power cut, nothing
    half-written ever stands at `target`. What a killed run has left is removed by the next one.

    Args:
        target: the folder to make. It must not exist, or be empty, unless `replace` is given.
        replace: put the new folder in the place of an existing one.

    Raises:
        UserError: `target` is taken, or another process is writing it at this moment.
    """
    target = Path(os.path.abspath(target))
    refuse_taken(target, replace=replace)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    partial.mkdir(exist_ok=True)
    lock = os.open(partial, os.O_RDONLY)
    try:
        _claim(partial, lock, target)
        for leftover in partial.iterdir():
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        try:
            yield partial
            _sync(partial)
            _move(partial, target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    finally:
        os.close(lock)


def _claim(partial: Path, lock: int, target: Path) -> None:
    """Lock the folder itself: the kernel drops the lock with its process, however that ends."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Another process may have finished, and moved the folder away, since we opened it.
        ours = partial.stat().st_ino == os.fstat(lock).st_ino
    except (BlockingIOError, FileNotFoundError):
        ours = False
    if not ours:
        raise UserError(
            f"another timbrel is writing {target} right now; wait for it or choose another output "
            "folder"
        )


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
    if not target.exists() or not any(target.iterdir()):
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
    lock = os.open(partial, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _claim(partial, lock, target)
        os.ftruncate(lock, 0)
        try:
            yield partial
            os.fsync(lock)
            partial.replace(target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    finally:
        os.close(lock)

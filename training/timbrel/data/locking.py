"""One writer at a time, on every system, and no lock that outlives its process."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from timbrel.errors import UserError


@contextmanager
def claimed(target: Path) -> Iterator[None]:
    """Keep every other process from writing `target` while the block runs.

    The system drops the lock with its process, however that ends; the hidden file beside `target`
    that bears it says nothing by being there.

    Raises:
        UserError: another process is writing it at this moment.
    """
    path = target.with_name(f".{target.name}.lock")
    try:
        # Windows removes a file of this kind with its last handle.
        lock = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_TEMPORARY", 0), 0o666)
    except PermissionError:
        if sys.platform != "win32":
            raise
        raise _busy(target) from None  # its owner has just closed it, and it is going away
    try:
        if not (_lock(lock) and _stands_at(lock, path)):
            raise _busy(target)
        try:
            yield
        finally:
            if sys.platform != "win32":
                path.unlink(missing_ok=True)
    finally:
        os.close(lock)


def _lock(file: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _stands_at(lock: int, path: Path) -> bool:
    """Whether it is still what others find: its last owner may have removed it since we opened."""
    try:
        return os.path.samestat(path.stat(), os.fstat(lock))
    except FileNotFoundError:
        return False


def _busy(target: Path) -> UserError:
    return UserError(
        f"another timbrel is writing {target} right now; wait for it or choose another output"
    )

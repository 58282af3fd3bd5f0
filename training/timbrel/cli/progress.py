"""How commands show how far they are."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


def console() -> Console:
    """Where messages and progress go: stderr, so that stdout stays free for results."""
    return Console(file=sys.stderr, highlight=False)


def progress_bar() -> Progress:
    """A bar with the share done, the time taken and an estimate of the time left."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console(),
    )


@contextmanager
def decoders_muted() -> Iterator[None]:
    """Keep what libraries write to stderr by themselves, about damaged MP3s say, from the screen.

    What Python writes is still seen: its stream moves to another file of the process.
    """
    ours, theirs = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    before = sys.stderr
    before.flush()
    encoding, errors = before.encoding, "backslashreplace"
    sys.stderr = os.fdopen(ours, "w", buffering=1, encoding=encoding, errors=errors)
    os.dup2(theirs, 2)
    os.close(theirs)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(ours, 2)
        sys.stderr.close()
        sys.stderr = before

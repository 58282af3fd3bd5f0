"""Real-time stress: what the audio thread feels while streams play and every core is busy besides.

Beside the engine stand two ways to do it with less thought (stress.cpp): inference under a mutex
that every call of the audio thread takes, and a thread that is made for every block.

`make bench` runs it for some seconds; by itself it takes a minute for each row:

    python benchmarks/stress.py --seconds 60
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from subjects import ROOT, Subject, untrained

PROGRAM = ROOT / "build" / "release" / "benchmarks" / "stress"
STREAMS = 4
PLAYERS = ["engine", "mutex", "thread"]


@dataclass(frozen=True)
class Row:
    """Streams that play at once; times in microseconds per call of one stream.

    Attributes:
        missed: vectors that a driver with four of them in reserve had to do without.
        late: blocks that were not there when their turn came. Where the audio thread waits for
            them instead, it misses vectors.
        raised: whether the system gave the audio thread a real-time priority.
    """

    player: str
    streams: int
    calls: int
    p50: float
    p999: float
    max: float
    missed: int
    blocks: int
    late: int
    skipped: int
    raised: bool


def stress(subject: Subject, player: str, streams: int, seconds: float) -> Row:
    """Plays in a process of its own, whose threads Python does not disturb."""
    command: list[Any] = [PROGRAM, subject.path, player, streams, seconds]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [str(argument) for argument in command],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return Row(player, streams, **json.loads(result.stdout))


@contextlib.contextmanager
def busy_cores() -> Iterator[None]:
    """Every core is wanted by another process that never rests."""
    endless = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(endless) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def rows(subject: Subject, seconds: float) -> list[Row]:
    """All players with all streams; then the engine with fewer, to find what fits."""
    with busy_cores():
        return [
            *(stress(subject, player, STREAMS, seconds) for player in PLAYERS),
            *(stress(subject, "engine", fewer, seconds) for fewer in range(STREAMS - 1, 0, -1)),
        ]


def stress_table(subject: Subject, measured: list[Row]) -> Table:
    priority = "real-time" if all(row.raised for row in measured) else "ordinary"
    table = Table(
        title=f"under stress, {priority} priority: µs per call of 64, 1333 µs of sound",
        caption=f"{subject.name}, blocks of 2048",
        title_justify="left",
        title_style="bold",
        caption_justify="left",
    )
    table.add_column("by")
    for column in ("streams", "p50", "p99.9", "max", "missed", "late", "skipped", "blocks"):
        table.add_column(column, justify="right")
    for row in measured:
        times = (f"{x:.1f}" if x < 1000 else f"{x:.0f}" for x in (row.p50, row.p999, row.max))
        counts = (str(n) for n in (row.missed, row.late, row.skipped, row.blocks))
        table.add_row(row.player, str(row.streams), *times, *counts)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each row")
    parser.add_argument("--preset", default="v1", help="of the model, which is not trained")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        subject = untrained(options.preset, Path(folder))
        Console().print(stress_table(subject, rows(subject, options.seconds)))


if __name__ == "__main__":
    main()

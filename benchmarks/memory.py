"""What streams of one file add to a process, and how long it takes until they are there.

Each case runs in a process of its own, as memory that was freed before would hide what is taken.
"""

import multiprocessing
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from subjects import BLOCK, RATE, VECTOR, Audio, noise

from timbrel.engine import Model, Stream
from timbrel.export.file import load_instrument


@dataclass(frozen=True)
class Cost:
    """Of instances of one file: until they are ready to play, and once they have played."""

    seconds: float
    megabytes: float


@dataclass(frozen=True)
class Growth:
    """What the first instance costs, and what all of them do."""

    one: Cost
    all: Cost


@dataclass(frozen=True)
class Memory:
    """The engine's streams, beside plain torch models, each of which is loaded anew."""

    engine: Growth
    torch: Growth


def memory(path: Path, first: Path, instances: int) -> Memory:
    """Measures `path`; `first` is played before, so that torch's own start is not counted."""
    grown: list[Growth] = []
    for make in (_stream, _torch_model):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            grown.append(pool.apply(_grow, (make, path, first, instances)))
    return Memory(*grown)


Player = Callable[[Audio], object]


def _stream(path: Path) -> Player:
    stream = Stream(Model(path), buffer=BLOCK)
    stream.prepare(RATE, VECTOR)
    return stream.process_blocking


def _torch_model(path: Path) -> Player:
    torch.set_num_threads(1)
    model = load_instrument(path)

    def play(samples: Audio) -> None:
        with torch.inference_mode():
            for block in np.split(samples, samples.shape[1] // BLOCK, axis=1):
                model(torch.from_numpy(block)[None])

    # Its first two calls profile and compile; the engine's streams are made with theirs done.
    play(noise(2 * BLOCK))
    return play


def _grow(make: Callable[[Path], Player], path: Path, first: Path, instances: int) -> Growth:
    sound = noise(4 * BLOCK)
    players = [make(first)]
    players[0](sound)
    costs = []
    before, seconds = _resident_megabytes(), 0.0
    for _ in range(instances):
        start = time.perf_counter()
        players.append(make(path))
        seconds += time.perf_counter() - start
        players[-1](sound)
        costs.append(Cost(seconds, _resident_megabytes() - before))
    return Growth(costs[0], costs[-1])


def _resident_megabytes() -> float:
    command = ["ps", "-o", "rss=", "-p", str(os.getpid())]
    return int(subprocess.run(command, capture_output=True, check=True).stdout) * 1024 / 1e6

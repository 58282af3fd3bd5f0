"""What inference costs, and what of it the audio thread feels."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from subjects import BLOCK, RATE, VECTOR, Audio, Subject, noise

from timbrel.engine import Stream
from timbrel.export.file import load_instrument

WARM_UP = 10


@dataclass(frozen=True)
class Times:
    """Wall times of calls that each bring `frames` samples."""

    milliseconds: Audio
    frames: int

    @property
    def median(self) -> float:
        return float(np.median(self.milliseconds))

    @property
    def p99(self) -> float:
        return float(np.percentile(self.milliseconds, 99))

    @property
    def max(self) -> float:
        return float(self.milliseconds.max())

    @property
    def real_time_factor(self) -> float:
        """How many such calls at the median fit into the time that they play for."""
        return 1000 * self.frames / RATE / self.median


@dataclass(frozen=True)
class Inference:
    """One block through the engine, to its worker and back, beside one plain torch call."""

    engine: Times
    torch: Times

    @property
    def ratio(self) -> float:
        return self.engine.median / self.torch.median


def inference(subject: Subject, rounds: int, blocks_per_round: int = 20) -> Inference:
    """Times blocks in rounds that alternate, so that what else the machine does meets both.

    Both compute with one thread: the engine as it always does unless asked, torch as it is told to.
    """
    stream = Stream(subject.path, buffer=BLOCK)
    # Without slack, a block is due in the call that completes it: the whole way counts.
    stream.prepare(RATE, BLOCK, slack=0)
    model = load_instrument(subject.path)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    block = noise(BLOCK)
    tensor = torch.from_numpy(block)[None]

    def through_torch() -> None:
        with torch.inference_mode():
            model(tensor)

    calls: list[Callable[[], object]] = [lambda: stream.process_blocking(block), through_torch]
    measured: list[list[float]] = [[], []]
    try:
        for call in calls:
            for _ in range(WARM_UP):
                call()
        for _ in range(rounds):
            for call, times in zip(calls, measured, strict=True):
                times += [_milliseconds(call) for _ in range(blocks_per_round)]
    finally:
        torch.set_num_threads(threads)
    engine, reference = (Times(np.array(times, np.float32), BLOCK) for times in measured)
    return Inference(engine, reference)


@dataclass(frozen=True)
class AudioThread:
    """Calls of one vector each, in real time: computed elsewhere, and inside the call."""

    engine: Times
    inside: Times
    late: int
    blocks: int

    @property
    def ratio(self) -> float:
        return self.engine.max / self.inside.max


def audio_thread(subject: Subject, seconds: float) -> AudioThread:
    """Plays as a host does: one call per vector, each at its time.

    `inside` is the engine's own `buffer 0`: the same code but for where the model is computed.
    """
    threaded = Stream(subject.path, buffer=BLOCK)
    inside = Stream(subject.path, buffer=0)
    measured = []
    for stream, process in ((threaded, threaded.process), (inside, inside.process_blocking)):
        stream.prepare(RATE, VECTOR)
        stream.process_blocking(noise(WARM_UP * BLOCK))
        measured.append(_paced(process, seconds))
    stats = threaded.stats
    return AudioThread(measured[0], measured[1], stats.late, stats.blocks)


def _paced(process: Callable[[Audio], Audio], seconds: float) -> Times:
    count = int(seconds * RATE / VECTOR)
    vectors = np.split(noise(count * VECTOR), count, axis=1)
    times = np.empty(count, np.float32)
    start = time.perf_counter()
    for i, vector in enumerate(vectors):
        time.sleep(max(0.0, start + i * VECTOR / RATE - time.perf_counter()))
        times[i] = _milliseconds(lambda v=vector: process(v))  # type: ignore[misc]
    return Times(times, VECTOR)


def _milliseconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - start)

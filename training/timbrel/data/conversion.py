"""Reads several recordings at the same time, and writes them in their order."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import SpooledTemporaryFile
from threading import Event
from typing import IO

from timbrel.data.decode import Decoded, UndecodableError, decode, examine
from timbrel.data.journal import Journal
from timbrel.data.sources import Recording

_AHEAD = 8
"""Recordings per job that may be converted before an earlier one has been."""

_IN_MEMORY = 1 << 20
"""Bytes of a converted recording that wait in memory for those before it; more wait on the disk."""


class Progress:
    """Who wants to hear how far it is; the methods do nothing."""

    def looked_at(self, done: int, total: int) -> None:
        """So many of so many files have been looked at."""

    def planned(self, seconds: float, size: float, free: int) -> None:
        """So much sound will be converted, into so many bytes, of so many that are free."""

    def converted(self, seconds: float, total: float) -> None:
        """So many more seconds of sound, of so many in all, have been converted.

        Several threads call this.
        """


@dataclass(frozen=True)
class Plan:
    """What is made of the recordings."""

    sample_rate: int
    channels: int
    lazy: bool
    jobs: int
    """Recordings read at the same time."""

    @property
    def bytes_per_second(self) -> int:
        """Of sound, on the disk."""
        return 0 if self.lazy else 2 * self.sample_rate * self.channels


def cores() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _StoppedError(Exception):
    """Ends the other threads when one of them, or the user, has had enough."""


_Read = tuple[Decoded, IO[bytes]]
_Waiting = tuple[Recording, "Future[_Read]"]


@dataclass
class Conversion:
    """The recordings, on their way into a journal that may hold the first of them already.

    Threads are enough: decoding, conversion and hashing all release the interpreter.
    """

    recordings: tuple[Recording, ...]
    plan: Plan
    folder: Path
    """For what waits on the disk."""
    journal: Journal
    progress: Progress
    _stopped: Event = field(default_factory=Event)
    _waiting: deque[_Waiting] = field(default_factory=deque)
    _first_with: dict[str, str] = field(default_factory=dict)

    def run(self) -> None:
        """Convert what the journal does not hold yet.

        Raises:
            OSError: the result cannot be written.
        """
        total = sum(recording.seconds for recording in self.recordings)
        done = len(self.journal.results)
        for recording, result in zip(self.recordings, self.journal.results, strict=False):
            self.progress.converted(recording.seconds, total)
            if result.decoded:
                self._first_with[result.decoded.digest] = recording.name
        pool = ThreadPoolExecutor(self.plan.jobs)
        try:
            for recording, future in self._in_order(pool, self.recordings[done:], total):
                self._take(recording, future)
        finally:
            self._stopped.set()
            pool.shutdown(cancel_futures=True)
            for _, future in self._waiting:
                if not future.cancelled() and future.exception() is None:
                    future.result()[1].close()

    def _in_order(
        self, pool: ThreadPoolExecutor, recordings: tuple[Recording, ...], total: float
    ) -> Iterator[_Waiting]:
        def advance(seconds: float) -> None:
            if self._stopped.is_set():
                raise _StoppedError
            self.progress.converted(seconds, total)

        for recording in recordings:
            self._waiting.append((recording, pool.submit(self._read, recording, advance)))
            if len(self._waiting) > _AHEAD * self.plan.jobs:
                yield self._waiting.popleft()
        while self._waiting:
            yield self._waiting.popleft()

    def _read(self, recording: Recording, advance: Callable[[float], None]) -> _Read:
        rate, channels = self.plan.sample_rate, self.plan.channels
        audio = SpooledTemporaryFile(_IN_MEMORY, dir=str(self.folder))  # noqa: SIM115
        try:
            if self.plan.lazy:
                return examine(recording, rate, channels, advance), audio
            return decode(recording, rate, channels, audio, advance), audio
        except BaseException:
            audio.close()
            raise

    def _take(self, recording: Recording, future: "Future[_Read]") -> None:
        try:
            decoded, audio = future.result()
        except UndecodableError as error:
            self.journal.skip(str(error))
            return
        with audio:
            original = self._first_with.setdefault(decoded.digest, recording.name)
            if original != recording.name:
                self.journal.skip(f"same sound as {original}")
            else:
                self.journal.add(decoded, audio)

"""What a conversion has finished, so that the next run goes on where this one was killed."""

import hashlib
import json
import os
import zlib
from pathlib import Path
from typing import IO, Any, Self

from pydantic import BaseModel, ValidationError

from timbrel.data.decode import Decoded
from timbrel.data.manifest import AUDIO_NAME

_JOURNAL_NAME = "journal.jsonl"
_CHUNK = 1 << 20


class Result(BaseModel):
    """One recording, in the order of the search: what was read, or why it was skipped."""

    decoded: Decoded | None = None
    reason: str = ""
    bytes: int = 0
    """In `audio.i16`."""
    crc: int = 0
    """Of those bytes. A power cut may lose sound that the journal already speaks of."""


class Journal:
    """The growing `audio.i16` in a folder, and the results of all recordings in it so far.

    Use it in a `with` block. What is found in the folder is gone on with where it is whole and of
    the same `source`; everything else is removed.
    """

    def __init__(self, folder: Path, source: str) -> None:
        self._journal_path = folder / _JOURNAL_NAME
        self._audio_path = folder / AUDIO_NAME
        self._source = source
        self._digest = hashlib.sha256()
        self.results: list[Result] = []

    def __enter__(self) -> Self:
        lines = _whole_lines(self._journal_path, self._source)
        self._audio_path.touch()
        self._audio: IO[bytes] = self._audio_path.open("r+b")
        self.results = self._verified([result for _, result in lines])
        self._audio.truncate()
        if self.results:
            os.truncate(self._journal_path, lines[len(self.results) - 1][0])
            self._journal = self._journal_path.open("a", encoding="utf-8")
        else:
            self._journal = self._journal_path.open("w", encoding="utf-8")
            self._line({"source": self._source})
        return self

    def __exit__(self, *_: object) -> None:
        self._audio.close()
        self._journal.close()
        if not self.results:  # nothing that would be worth keeping
            self._audio_path.unlink(missing_ok=True)
            self._journal_path.unlink(missing_ok=True)

    def _verified(self, found: list[Result]) -> list[Result]:
        """As many results as have their sound; the file is left standing behind the last of it."""
        for count, result in enumerate(found):
            start, digest = self._audio.tell(), self._digest.copy()
            if self._take_in(self._audio, result.bytes) != (result.bytes, result.crc):
                self._audio.seek(start)
                self._digest = digest
                return found[:count]
        return found

    def _take_in(
        self, file: IO[bytes], limit: int | None, out: IO[bytes] | None = None
    ) -> tuple[int, int]:
        """Adds bytes to the fingerprint, and to `out`; how many there were, and their CRC."""
        size = crc = 0
        while chunk := file.read(_CHUNK if limit is None else min(_CHUNK, limit - size)):
            self._digest.update(chunk)
            crc = zlib.crc32(chunk, crc)
            size += len(chunk)
            if out:
                out.write(chunk)
        return size, crc

    def add(self, decoded: Decoded, audio: IO[bytes]) -> None:
        """Append a recording's frames, and then the line that says so."""
        audio.seek(0)
        size, crc = self._take_in(audio, None, self._audio)
        self._audio.flush()
        self._record(Result(decoded=decoded, bytes=size, crc=crc))

    def skip(self, reason: str) -> None:
        """Say why a recording is not used."""
        self._record(Result(reason=reason))

    def _record(self, result: Result) -> None:
        self._line(result.model_dump())
        self.results.append(result)

    def _line(self, value: dict[str, Any]) -> None:
        self._journal.write(json.dumps(value) + "\n")
        self._journal.flush()

    def fingerprint(self, suffix: str) -> str:
        """sha256 over all of the audio and `suffix`."""
        digest = self._digest.copy()
        digest.update(suffix.encode())
        return digest.hexdigest()

    def finish(self) -> None:
        """Leave the audio alone in its folder, if there is any."""
        self._journal.close()
        self._journal_path.unlink()
        if not self._audio.tell():
            self._audio_path.unlink()


def _whole_lines(path: Path, source: str) -> list[tuple[int, Result]]:
    """The results in a journal of the same recordings, each with the offset of its line's end.

    The last line, and what a power cut has left of others, may be incomplete: they end there.
    """
    try:
        head, *lines = path.read_bytes().splitlines(keepends=True)
        if json.loads(head) != {"source": source}:
            return []
    except (OSError, ValueError):
        return []
    results: list[tuple[int, Result]] = []
    end = len(head)
    for line in lines:
        end += len(line)
        try:
            result = Result.model_validate_json(line)
        except ValidationError:
            break
        if not line.endswith(b"\n"):
            break
        results.append((end, result))
    return results

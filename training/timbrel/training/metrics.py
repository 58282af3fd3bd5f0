"""A run's figures over its whole life, one JSON line each, as if it had never stopped."""

import json
from pathlib import Path
from typing import Any

Record = dict[str, Any]


class MetricsLog:
    """Appends to `file`; what stands there from after step `first` is forgotten.

    A run that was killed goes on from its last checkpoint, and writes those lines again.
    """

    def __init__(self, file: Path, first: int) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists():
            kept = [r for r in read_metrics(file) if r["step"] <= first]
            partial = file.with_suffix(".partial")
            partial.write_text("".join(_line(r) for r in kept))
            partial.replace(file)
        self._file = file.open("a")

    def write(self, record: Record) -> None:
        self._file.write(_line(record))
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def read_metrics(file: Path) -> list[Record]:
    """All whole lines of a log; a kill may have left half of one at its end."""
    records = []
    for line in file.read_text().splitlines():
        try:
            records.append(json.loads(line))
        except ValueError:
            break
    return records


def _line(record: Record) -> str:
    return json.dumps(record) + "\n"

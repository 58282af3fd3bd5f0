"""Shows that the compiler watches everything that is marked TIMBREL_NONBLOCKING.

Usage: check_marks.py CLANG ENGINE_FOLDER

First the engine as it is: what is marked reaches nothing that may wait. Then a copy of it with a
lock, an allocation and a system call planted in every marked function: each has to be refused.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PLANTED_HEADER = """
#include <unistd.h>
#include <mutex>
inline std::mutex planted_mutex;
"""
PLANTS = {
    "a lock": "planted_mutex.lock();",
    "an allocation": "delete new int;",
    "a call": "getpid();",
}
# The opening of a function's body right behind its mark.
MARKED = re.compile(r"TIMBREL_NONBLOCKING(?:_IF\([^()]*\))?\s*\{")
REFUSED = re.compile(r"^(\S+?):(\d+):\d+: warning: .*\[-Wfunction-effects\]$", re.MULTILINE)


def complaints(clang: str, engine: Path, *flags: str) -> str:
    """Everything that clang says of the engine's sources, the boundary to its hosts included."""
    said = ""
    for source in [*sorted((engine / "src/core").glob("*.cpp")), engine / "src/engine.cpp"]:
        command = [clang, "-std=c++20", "-fsyntax-only", "-Wfunction-effects"]
        command += [f"-I{engine / folder}" for folder in ("include", "src", "src/core")]
        command += ['-DTIMBREL_VERSION=""', "-fno-caret-diagnostics", *flags, str(source)]
        said += subprocess.run(command, capture_output=True, text=True, check=False).stderr
    return said


def plant(engine: Path) -> dict[tuple[str, int], str]:
    """Plants in every marked function. Where (file, line) and what."""
    planted = {}
    for file in [*engine.rglob("*.h"), *engine.rglob("*.cpp")]:
        lines = MARKED.sub(
            lambda mark: "\n".join([mark[0], *PLANTS.values(), ""]), file.read_text()
        )
        file.write_text(lines)
        names = {line: name for name, line in PLANTS.items()}
        for number, line in enumerate(lines.split("\n"), start=1):
            if line in names:
                planted[str(file), number] = names[line]
    return planted


def main() -> int:
    clang, engine = sys.argv[1], Path(sys.argv[2])
    if said := complaints(clang, engine):
        print(said)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "engine")
        shutil.copytree(engine, copy)
        planted = plant(copy)
        header = Path(folder, "planted.h")
        header.write_text(PLANTED_HEADER)
        # What is planted is no constant, which is not the point here.
        said = complaints(clang, copy, "-include", str(header), "-Wno-invalid-constexpr")
    refused = {(file, int(line)) for file, line in REFUSED.findall(said)}
    for (file, line), what in planted.items():
        if (file, line) not in refused:
            print(f"{Path(file).relative_to(copy)}:{line}: {what} was planted here and not refused")
    print(f"{len(planted)} planted in {len(planted) // len(PLANTS)} functions")
    return 0 if planted and refused >= planted.keys() else 1


if __name__ == "__main__":
    sys.exit(main())

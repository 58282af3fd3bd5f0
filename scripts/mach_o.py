"""Looks at libraries for macOS: processor, what they load, what of ours they export.

    mach_o.py FILE...

Fails where one is not for arm64, where it would load something from a place that only the machine
has on which it was built, where it is not signed, which macOS demands of arm64, or where it exports
names of ours other than its entry.
"""

import struct
import sys
from dataclasses import dataclass, field
from pathlib import Path

MAGIC_64, ARM64 = 0xFEEDFACF, 0x0100000C
SYMBOLS, ID, LOAD, WEAK, RPATH, REEXPORT, SIGNATURE, MINIMUM = (
    0x2,
    0xD,
    0xC,
    0x80000018,
    0x8000001C,
    0x8000001F,
    0x1D,
    0x32,
)
ALLOWED = ("/usr/lib/", "/System/Library/", "@rpath/", "@loader_path")
OURS, ENTRIES = "timbrel", ("_timbrel_get_api", "_nn_tilde_setup", "_ext_main")
EXTERNAL, KIND, PRIVATE, DEBUG = 0x01, 0x0E, 0x10, 0xE0  # bits of a symbol's type


@dataclass
class Library:
    """What the load commands say, of a library or an object file.

    Attributes:
        imports, exports: names of symbols that come from, or are seen by, other libraries.
        hides: names that are seen by what is linked together, and not beyond.
    """

    arm64: bool
    name: str = ""
    loads: list[str] = field(default_factory=list)
    rpaths: list[str] = field(default_factory=list)
    minimum: str = ""
    signed: bool = False
    imports: list[str] = field(default_factory=list)
    exports: list[str] = field(default_factory=list)
    hides: list[str] = field(default_factory=list)

    def complaints(self) -> list[str]:
        found = [] if self.arm64 else ["not for arm64"]
        found += [
            f"would look for {path}"
            for path in (*self.loads, *self.rpaths)
            if not path.startswith(ALLOWED)
        ]
        found += [
            f"exports {name}" for name in self.exports if OURS in name and name not in ENTRIES
        ]
        return found if self.signed else [*found, "not signed"]


def read(path: Path) -> Library:
    """Raises ValueError where the file is no 64-bit Mach-O of one processor."""
    data = path.read_bytes()
    if len(data) < 32 or struct.unpack_from("<I", data)[0] != MAGIC_64:
        raise ValueError(f"{path} is no 64-bit Mach-O file")
    processor, _, _, commands = struct.unpack_from("<4I", data, 4)
    library = Library(processor == ARM64)
    at = 32
    for _ in range(commands):
        kind, size = struct.unpack_from("<2I", data, at)

        def text(at: int = at, size: int = size) -> str:
            start = at + struct.unpack_from("<I", data, at + 8)[0]
            return data[start : at + size].split(b"\0")[0].decode()

        if kind == SYMBOLS:
            table, count, strings, length = struct.unpack_from("<4I", data, at + 8)
            names = data[strings : strings + length]
            for entry in range(table, table + 16 * count, 16):
                at_name, bits = struct.unpack_from("<IB", data, entry)
                if bits & DEBUG or not bits & EXTERNAL:
                    continue
                name = names[at_name : names.index(b"\0", at_name)].decode()
                if not bits & KIND:
                    library.imports.append(name)
                else:
                    (library.hides if bits & PRIVATE else library.exports).append(name)
        elif kind == ID:
            library.name = text()
        elif kind in {LOAD, WEAK, REEXPORT}:
            library.loads.append(text())
        elif kind == RPATH:
            library.rpaths.append(text())
        elif kind == MINIMUM:
            version = struct.unpack_from("<I", data, at + 12)[0]
            library.minimum = f"{version >> 16}.{version >> 8 & 0xFF}"
        library.signed |= kind == SIGNATURE
        at += size
    return library


def main() -> None:
    """A line per file."""
    failed = False
    for path in map(Path, sys.argv[1:]):
        library = read(path)
        complaints = library.complaints()
        failed |= bool(complaints)
        loads = ", ".join([*library.loads, *(f"rpath {each}" for each in library.rpaths)])
        entries = ", ".join(name for name in library.exports if name in ENTRIES)
        verdict = "; ".join(complaints) or "good"
        print(
            f"{path.name} ({library.name}): macOS {library.minimum}, loads {loads}"
            f"{f', exports {entries}' if entries else ''}; {verdict}"
        )
    sys.exit(failed)


if __name__ == "__main__":
    main()

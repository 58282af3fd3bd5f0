"""The check of libraries for macOS complains about what would not load elsewhere."""

import struct
from pathlib import Path

import mach_o
import pytest

SIGNED = struct.pack("<4I", mach_o.SIGNATURE, 16, 0, 0)


def loads(path: str, kind: int = mach_o.LOAD) -> bytes:
    text = path.encode() + b"\0" * (8 - len(path) % 8)
    return struct.pack("<6I", kind, 24 + len(text), 24, 0, 0, 0) + text


def library(tmp_path: Path, *commands: bytes, processor: int = mach_o.ARM64) -> mach_o.Library:
    body = b"".join(commands)
    head = struct.pack("<8I", mach_o.MAGIC_64, processor, 0, 6, len(commands), len(body), 0, 0)
    path = tmp_path / "library"
    path.write_bytes(head + body)
    return mach_o.read(path)


def test_a_library_that_loads_the_systems_own_is_good(tmp_path: Path) -> None:
    found = library(tmp_path, loads("/usr/lib/libSystem.B.dylib"), loads("@rpath/c10"), SIGNED)
    assert found.loads == ["/usr/lib/libSystem.B.dylib", "@rpath/c10"]
    assert found.complaints() == []


@pytest.mark.parametrize("path", ["/opt/homebrew/lib/libz.dylib", "build/libengine.dylib"])
def test_a_path_of_the_machine_that_built_it_is_found(tmp_path: Path, path: str) -> None:
    found = library(tmp_path, loads(path), SIGNED)
    assert found.complaints() == [f"would look for {path}"]


def test_an_unsigned_library_and_one_for_intel_are_found(tmp_path: Path) -> None:
    found = library(tmp_path, loads("/usr/lib/libSystem.B.dylib"), processor=0x01000007)
    assert found.complaints() == ["not for arm64", "not signed"]


def test_another_file_is_none(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("no library")
    with pytest.raises(ValueError, match="no 64-bit Mach-O"):
        mach_o.read(path)

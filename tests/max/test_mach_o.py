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


def exporting(name: str, kind: int) -> bytes:
    """The command, and behind it, where it says that they are, the symbol and its name."""
    at = 32 + 24 + len(SIGNED)
    text = b"\0" + name.encode() + b"\0"
    command = struct.pack("<6I", mach_o.SYMBOLS, 24, at, 1, at + 16, len(text))
    return command + SIGNED + struct.pack("<IBBHQ", 1, kind, 1, 0, 0) + text


DEFINED, HIDDEN, UNDEFINED = 0x0F, 0x1F, 0x01


@pytest.mark.parametrize(
    ("name", "kind", "complaints"),
    [
        ("__ZN7timbrel4loadEv", DEFINED, ["exports __ZN7timbrel4loadEv"]),
        ("__ZN7timbrel4loadEv", HIDDEN, []),
        ("__ZN7timbrel4loadEv", UNDEFINED, []),
        ("_timbrel_get_api", DEFINED, []),
        ("__ZSt4swap", DEFINED, []),
    ],
)
def test_names_of_ours_that_other_libraries_see_are_found(
    tmp_path: Path, name: str, kind: int, complaints: list[str]
) -> None:
    body = exporting(name, kind)
    head = struct.pack("<8I", mach_o.MAGIC_64, mach_o.ARM64, 0, 6, 2, 40, 0, 0)
    path = tmp_path / "library"
    path.write_bytes(head + body)
    assert mach_o.read(path).complaints() == complaints

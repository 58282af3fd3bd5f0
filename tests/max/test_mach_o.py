"""The checks of libraries for macOS complain about what would not load elsewhere."""

import struct
from pathlib import Path

import mach_o
import pytest
import system_libcxx

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


DEFINED, HIDDEN, UNDEFINED = 0x0F, 0x1F, 0x01


def file_of_symbols(path: Path, symbols: dict[str, int]) -> Path:
    """A signed library, or an object file, with these names and what they are."""
    table, names = b"", b"\0"
    for name, kind in symbols.items():
        table += struct.pack("<IBBHQ", len(names), kind, 1, 0, 0)
        names += name.encode() + b"\0"
    at = 32 + 24 + len(SIGNED)
    command = struct.pack("<6I", mach_o.SYMBOLS, 24, at, len(symbols), at + len(table), len(names))
    head = struct.pack("<8I", mach_o.MAGIC_64, mach_o.ARM64, 0, 6, 2, 40, 0, 0)
    path.write_bytes(head + command + SIGNED + table + names)
    return path


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
    library = mach_o.read(file_of_symbols(tmp_path / "library", {name: kind}))
    assert library.complaints() == complaints


def make_stub(folder: Path, taken: dict[str, int]) -> str:
    torch = file_of_symbols(
        folder / "torch", {"__ZNSt9exceptionD2Ev": UNDEFINED, "__ZN3c105ErrorC1Ev": DEFINED}
    )
    file_of_symbols(folder / "object", taken)
    system_libcxx.main([str(folder / "stub"), str(folder / "object"), "--", str(torch)])
    return (folder / "stub").read_text()


def test_the_stub_of_macoss_library_has_what_is_taken_of_it_and_nothing_else(
    tmp_path: Path,
) -> None:
    taken = ["__ZNSt9exceptionD2Ev", "__ZN3c105ErrorC1Ev", "__Z3ownv", "_malloc"]
    symbols = dict.fromkeys(taken, UNDEFINED) | {"__Z3ownv": HIDDEN}
    assert "symbols:         [ '__ZNSt9exceptionD2Ev' ]" in make_stub(tmp_path, symbols)


def test_what_macos_may_not_have_is_not_taken(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="not known to be in macOS: __ZNSt3__113__hash_memory"):
        make_stub(tmp_path, {"__ZNSt3__113__hash_memoryEPKvm": UNDEFINED})

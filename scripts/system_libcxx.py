"""A stub for linking with the C++ library of macOS, where macOS itself is not there.

    system_libcxx.py STUB OBJECT... -- LIBRARY...

STUB becomes the list of what the OBJECTs take from that library, for a linker. What a library of
libtorch throws is only caught in another one if both have the one C++ library, so the one that
comes with the compiler may not be linked in. The compiler's is newer: fails where a symbol is
taken that neither the LIBRARYs take, which are made for this macOS, nor macOS 11 had.
"""

import sys
from pathlib import Path

import mach_o

CXX = ("__Z", "___cxa_", "___gxx_", "___dynamic_cast")
SINCE_MACOS_11 = {
    "__ZNKSt3__14__fs10filesystem4path6__stemEv",
    "__ZNSt3__14__fs10filesystem11__file_sizeERKNS1_4pathEPNS_10error_codeE",
    "__ZNSt3__14__fs10filesystem17__last_write_timeERKNS1_4pathEPNS_10error_codeE",
    "__ZNSt3__14__fs10filesystem18__weakly_canonicalERKNS1_4pathEPNS_10error_codeE",
    "__ZNSt3__14__fs10filesystem8__removeERKNS1_4pathEPNS_10error_codeE",
    "__ZNSt3__14__fs10filesystem8__renameERKNS1_4pathES4_PNS_10error_codeE",
    "__ZNSt3__120__libcpp_atomic_waitEPVKvx",
    "__ZNSt3__123__cxx_atomic_notify_allEPVKv",
    "__ZNSt3__123__cxx_atomic_notify_oneEPVKv",
    "__ZNSt3__123__libcpp_atomic_monitorEPVKv",
    "__ZNSt3__16__sortIRNS_6__lessIffEEPfEEvT0_S5_T_",
    "__ZdlPvm",
}
"""And what came since, up to the macOS that is built for: std::to_chars of a double, in 13.3."""
SINCE_MACOS_13 = {"__ZNSt3__18to_charsEPcS0_d"}


def main(arguments: list[str]) -> None:
    """Writes the stub."""
    stub, *rest = arguments
    split = rest.index("--")
    objects, libraries = (
        [mach_o.read(Path(name)) for name in part] for part in (rest[:split], rest[split + 1 :])
    )
    defined = {name for each in objects for name in (*each.exports, *each.hides)}
    defined |= {name for each in libraries for name in each.exports}
    taken = {name for each in objects for name in each.imports if name.startswith(CXX)} - defined
    known = {name for each in libraries for name in each.imports}
    if new := taken - known - SINCE_MACOS_11 - SINCE_MACOS_13:
        sys.exit(f"system_libcxx: not known to be in macOS: {', '.join(sorted(new))}")
    lines = ["--- !tapi-tbd", "tbd-version:     4", "targets:         [ arm64-macos ]"]
    lines += ["install-name:    '/usr/lib/libc++.1.dylib'", "current-version: 1600", "exports:"]
    names = ", ".join(f"'{name}'" for name in sorted(taken))
    lines += ["  - targets:         [ arm64-macos ]", f"    symbols:         [ {names} ]", "..."]
    Path(stub).write_text("\n".join(lines) + "\n")
    print(f"{stub}: {len(taken)} symbols, {len(taken & known)} of which libtorch takes as well")


if __name__ == "__main__":
    main(sys.argv[1:])

"""The package's icon: a wave and what a model makes of it, as a PNG without a library for it."""

import math
import struct
import zlib
from pathlib import Path

SIZE = 256
INK, PAPER, ACCENT = (47, 93, 98), (244, 244, 244), (192, 57, 43)


def colour(x: int, y: int) -> tuple[int, int, int]:
    """Bars of a wave above, of its latents below."""
    bar, within = divmod(x - 24, 16)
    if not 0 <= bar < (SIZE - 48) // 16 or within > 10:
        return INK
    swing = 52 * abs(math.sin(0.9 * bar) * math.cos(0.23 * bar)) + 4
    if abs(y - 88) <= swing:
        return PAPER
    level = round(3 * math.sin(0.9 * bar + 1) + 3)
    return ACCENT if 168 <= y < 232 and (y - 168) // 10 == level else INK


def write(path: Path) -> None:
    """A square of 8-bit RGB."""
    rows = (b"\0" + bytes(part for x in range(SIZE) for part in colour(x, y)) for y in range(SIZE))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", SIZE, SIZE, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"".join(rows), 9)),
        (b"IEND", b""),
    )
    data = b"\x89PNG\r\n\x1a\n"
    for kind, content in chunks:
        data += struct.pack(">I", len(content)) + kind + content
        data += struct.pack(">I", zlib.crc32(kind + content))
    path.write_bytes(data)

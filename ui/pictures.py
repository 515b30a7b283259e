"""Pictures among result files: PNG as it is, and binary PPM, which any program can write. Pure.

A PPM may say that it is a tile of a bigger picture, in a comment of its first lines:

    P6
    # tile LEFT TOP of WIDTH HEIGHT
    <width> <height>
    255
    <3 bytes a pixel>
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass

IMAGES = (".png", ".ppm")  # what can be looked at in place
PNG = b"\x89PNG\r\n\x1a\n"
MOST_PIXELS = 1 << 24  # of a tile or of the whole: 64 MiB on a browser's canvas
MOST_SIDE = 1 << 14

_HEAD = re.compile(rb"P6\n(?:#([^\n]{0,120})\n)?(\d{1,5}) (\d{1,5})\n255\n")
_PLACE = re.compile(rb"\s*tile (\d{1,5}) (\d{1,5}) of (\d{1,5}) (\d{1,5})\s*")


@dataclass(frozen=True)
class Place:
    """Where a tile belongs, in pixels of the whole picture."""

    left: int
    top: int
    width: int  # of the whole
    height: int


@dataclass(frozen=True)
class Pixels:
    """`rgb` has `width * height * 3` bytes, row by row. `place` is None for a picture of its own."""

    width: int
    height: int
    rgb: memoryview
    place: Place | None

    def png(self) -> bytes:
        """The same as a PNG file."""
        stride = 3 * self.width
        rows = b"".join(b"\0" + self.rgb[at : at + stride] for at in range(0, len(self.rgb), stride))
        head = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 3)), (b"IEND", b""))
        return PNG + b"".join(_chunk(kind, data) for kind, data in chunks)


def read_ppm(data: bytes) -> Pixels | None:
    """None for anything but a whole binary PPM of a size that can be shown; a senseless place is no place."""
    head = _HEAD.match(data[:256])
    if head is None:
        return None
    width, height = int(head[2]), int(head[3])
    if not _fits(width, height) or len(data) - head.end() != 3 * width * height:
        return None
    return Pixels(width, height, memoryview(data)[head.end() :], _place(head[1] or b"", width, height))


def _place(comment: bytes, width: int, height: int) -> Place | None:
    found = _PLACE.fullmatch(comment)
    if found is None:
        return None
    place = Place(*map(int, found.groups()))
    inside = place.left + width <= place.width and place.top + height <= place.height
    return place if inside and _fits(place.width, place.height) else None


def _fits(width: int, height: int) -> bool:
    return 0 < width <= MOST_SIDE and 0 < height <= MOST_SIDE and width * height <= MOST_PIXELS


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

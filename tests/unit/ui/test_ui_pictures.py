"""Pictures that other people's programs wrote: shown exactly, or not at all."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ui.pictures import Place, read_ppm


def ppm(width: int, height: int, rgb: bytes, comment: str = "") -> bytes:
    return b"P6\n" + (f"#{comment}\n".encode() if comment else b"") + f"{width} {height}\n255\n".encode() + rgb


@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_every_pixel_reaches_the_png(width: int, height: int, data: st.DataObject) -> None:
    rgb = data.draw(st.binary(min_size=3 * width * height, max_size=3 * width * height))
    pixels = read_ppm(ppm(width, height, rgb))
    assert pixels is not None
    seen = Image.open(io.BytesIO(pixels.png()))
    assert (seen.format, seen.size, seen.mode, seen.tobytes()) == ("PNG", (width, height), "RGB", rgb)


def test_a_tile_knows_its_place() -> None:
    pixels = read_ppm(ppm(2, 1, b"abcdef", " tile 4 3 of 10 8"))
    assert pixels is not None
    assert pixels.place == Place(4, 3, 10, 8)


@pytest.mark.parametrize(
    "comment",
    ["", " made by hand", " tile 9 3 of 10 8", " tile 4 8 of 10 8", " tile -1 0 of 10 8", " tile 0 0 of 99999 99999"],
)
def test_a_senseless_place_is_none(comment: str) -> None:
    pixels = read_ppm(ppm(2, 1, b"abcdef", comment))
    assert pixels is not None
    assert pixels.place is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"P5\n2 1\n255\nab",
        ppm(2, 1, b"abcde"),  # a byte short
        ppm(2, 1, b"abcdefg"),  # one too many
        ppm(0, 0, b""),
        b"P6\n99999 99999\n255\n",  # would be 30 GB
        b"P6\n" + b"#" * 10_000 + b"\n2 1\n255\nabcdef",
        b"<svg onload='alert(1)'>",
    ],
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    assert read_ppm(data) is None


@given(st.binary(max_size=400))
def test_no_bytes_at_all_raise(data: bytes) -> None:
    read_ppm(data)
    read_ppm(b"P6\n" + data)

"""Makes the pictures of the example, `pictures/0.qoi` and so on: drawn by formulas, so they belong to nobody."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw

PICTURES = Path(__file__).with_name("pictures")
WIDTH, HEIGHT = 480, 320
Colour = tuple[int, int, int]


def _painted(colour: Callable[[int, int], Colour]) -> Image.Image:
    picture = Image.new("RGB", (WIDTH, HEIGHT))
    picture.putdata([colour(x, y) for y in range(HEIGHT) for x in range(WIDTH)])
    return picture


def sunset() -> Image.Image:
    picture = _painted(lambda x, y: (255 - y // 4, 190 - y // 2, 60 + y // 3))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((300, 90, 380, 170), fill=(255, 240, 200))
    for number in range(9):
        draw.polygon([(number * 60 - 40, 320), (number * 60 + 20, 190 + 37 * number % 60), (number * 60 + 90, 320)],
                     fill=(40 + number * 4, 30, 60 + number * 6))  # fmt: skip
    return picture


def rings() -> Image.Image:
    """Finer and finer rings: what a bad filter turns into patterns that are not there."""

    def ring(x: int, y: int) -> Colour:
        light = 128 + 30 * round(4 * math.cos(((x - 240) ** 2 + (y - 160) ** 2) / 640))
        return (light, light, light)

    return _painted(ring)


def mandelbrot() -> Image.Image:
    def colour(x: int, y: int) -> Colour:
        c, z = complex((x - 320) / 150, (y - 160) / 150), 0j
        for step in range(48):
            z = z * z + c
            if abs(z) > 2:
                return (step * 5, step * 11 % 256, 80 + step * 3)
        return (0, 0, 0)

    return _painted(colour)


def floor() -> Image.Image:
    def colour(x: int, y: int) -> Colour:
        if y < 110:
            return (150 + y // 2, 190 + y // 3, 235)
        depth = 4000 / (y - 100)
        dark = (int((x - 240) * depth / 60 + 1000) // 20 + int(depth) // 14) % 2
        return (60, 50, 45) if dark else (225, 215, 200)

    return _painted(colour)


def drops() -> Image.Image:
    """With transparency."""
    picture = Image.new("RGBA", (HEIGHT, HEIGHT))
    draw = ImageDraw.Draw(picture)
    for number in range(60):
        x, y, size = 53 * number % 320, 97 * number % 320, 8 + 13 * number % 40
        colour = (37 * number % 256, 91 * number % 256, 173 * number % 256, 90 + 29 * number % 166)
        draw.ellipse((x - size, y - size, x + size, y + size), fill=colour)
    return picture


def bricks() -> Image.Image:
    def colour(x: int, y: int) -> Colour:
        row = y // 20
        column = (x + row % 2 * 20) // 40
        if y % 20 < 2 or (x + row % 2 * 20) % 40 < 2:
            return (200, 195, 185)
        shade = (row * 7 + column * 13) % 5 * 9
        return (150 + shade, 70 + shade // 2, 50 + shade // 3)

    return _painted(colour)


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    for number, draw in enumerate((sunset, rings, mandelbrot, floor, drops, bricks)):
        draw().save(PICTURES / f"{number}.qoi")


if __name__ == "__main__":
    main()

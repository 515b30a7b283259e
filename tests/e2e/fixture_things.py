"""What the imaginary node is made of: providers' names and prices, jobs, pictures."""

from __future__ import annotations

import hashlib
import io

from PIL import Image

from fogchain.jobs.spec import BlobRef, JobSpec, Limits, TaskSpec
from fogchain.units import parse_fog, parse_fuel, parse_price

NAMES = ("heron", "otter", "lynx")
PRICES = ("0.4 FOG/Gfuel", "0.5 FOG/Gfuel", "0.55 FOG/Gfuel")


def fake_hex(seed: str, digits: int = 64) -> str:
    return hashlib.sha256(seed.encode()).hexdigest()[:digits]


def tile(job: str, index: int, count: int) -> bytes:
    """A PNG: one tile of a Mandelbrot picture."""
    side = max(1, round(count**0.5))
    left, top = -2.1 + 2.8 * (index % side) / side, -1.2 + 2.4 * (index // side) / side
    picture = Image.new("RGB", (72, 54))
    for x in range(72):
        for y in range(54):
            c = complex(left + 2.8 / side * x / 72, top + 2.4 / side * y / 54)
            z, n = 0j, 0
            while abs(z) < 2 and n < 48:
                z, n = z * z + c, n + 1
            picture.putpixel((x, y), (0, 0, 0) if n == 48 else (20 + n * 4, 40 + n * 3, 90 + n * 3))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def provider_address(number: int) -> str:
    return "0x" + fake_hex(f"provider {number}", 40)


def spec(name: str, count: int) -> JobSpec:
    return JobSpec(
        name=name,
        module=BlobRef(sha256=fake_hex(name), size=29_114),
        budget=parse_fog("250 FOG"),
        max_price=parse_price("0.6 FOG/Gfuel"),
        limits=Limits(fuel=parse_fuel("2 Gfuel")),
        tasks=tuple(TaskSpec(args=("--tile", str(n), "--of", str(count))) for n in range(count)),
    )

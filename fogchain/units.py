"""Amounts with units, parsed and shown exactly: integers inside, never a float.

| quantity | type | integer unit                    | written                            |
|----------|------|---------------------------------|------------------------------------|
| money    | Fog  | 10^-18 FOG                      | `1.5 FOG`                          |
| gas coin | Eth  | 10^-18 ETH                      | `0.01 ETH`                         |
| work     | Fuel | one executed WASM instruction   | `3 Gfuel`, `250 Mfuel`, `10 fuel`  |
| price    | Price| 10^-18 FOG per 10^9 fuel        | `0.8 FOG/Gfuel`                    |
| size     | int  | byte                            | `64 MiB`, `10 kB`, `512 B`         |
| time     | int  | millisecond                     | `30 s`, `5 min`, `2 h`, `250 ms`   |
| ratio    | Bps  | 1/10,000                        | `5 %`, `250 bps`                   |

A bare number is refused: it does not say what it counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NewType

from fogchain.errors import BadInput

Fog = NewType("Fog", int)
Eth = NewType("Eth", int)
Fuel = NewType("Fuel", int)
Price = NewType("Price", int)
Millis = NewType("Millis", int)
Bytes = NewType("Bytes", int)
Bps = NewType("Bps", int)

WEI = 10**18
GFUEL = 10**9
MAX_UINT96 = 2**96 - 1
MAX_UINT64 = 2**64 - 1
MAX_UINT40 = 2**40 - 1

_COIN = {"FOG": WEI}
_ETH = {"ETH": WEI, "gwei": 10**9, "wei": 1}
_FUEL = {"fuel": 1, "kfuel": 10**3, "Mfuel": 10**6, "Gfuel": GFUEL, "Tfuel": 10**12}
_PRICE = {"FOG/Gfuel": WEI}
_SIZE = {
    "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
}  # fmt: skip
_TIME = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_RATIO = {"%": 100, "bps": 1}
_MULTIPLE = {"x": 10_000}

_QUANTITY = re.compile(r"\s*(\d{1,30}(?:_\d{3})*)(?:\.(\d{1,18}))?\s*([A-Za-z%][A-Za-z/%]*)?\s*")


def _parse(text: str, units: dict[str, int], what: str, example: str, limit: int) -> int:
    match = _QUANTITY.fullmatch(text) if isinstance(text, str) and len(text) <= 80 else None
    if match is None:
        raise BadInput(f"{str(text)[:80]!r} is not {what}", hint=f"write it like {example!r}")
    whole, fraction, unit = match.groups()
    if unit is None:
        raise BadInput(f"{text.strip()!r} has no unit", hint=f"write {what} like {example!r}")
    if unit not in units:
        raise BadInput(f"{unit!r} is not a unit of {what}", hint=f"use one of {', '.join(units)}, as in {example!r}")
    scale = units[unit]
    value = int(whole.replace("_", "")) * scale
    if fraction:
        part, rest = divmod(int(fraction) * scale, 10 ** len(fraction))
        if rest:
            raise BadInput(f"{text.strip()!r} is finer than the smallest unit", hint=f"use fewer digits: {example!r}")
        value += part
    if value > limit:
        raise BadInput(f"{text.strip()!r} is more than can be stored", hint=f"use a smaller value, like {example!r}")
    return value


def _decimal(value: int, scale: int, digits: int | None = None) -> str:
    """`value / scale` for a power of ten `scale`: exact, or cut (not rounded up) to `digits` decimals."""
    sign = "-" if value < 0 else ""
    whole, rest = divmod(abs(value), scale)
    fraction = str(rest).zfill(len(str(scale)) - 1) if scale > 1 else ""
    if digits is not None:
        fraction = fraction[:digits]
    fraction = fraction.rstrip("0")
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def parse_fog(text: str) -> Fog:
    """`"1.5 FOG"` to base units. Raises BadInput."""
    return Fog(_parse(text, _COIN, "an amount of money", "1.5 FOG", MAX_UINT96))


def format_fog(amount: int, digits: int | None = None) -> str:
    """Base units to `"1.5 FOG"`; exact unless `digits` cuts the decimals for display."""
    return f"{_decimal(amount, WEI, digits)} FOG"


def parse_eth(text: str) -> Eth:
    """`"0.01 ETH"` to wei. Raises BadInput."""
    return Eth(_parse(text, _ETH, "an amount of gas coin", "0.01 ETH", 2**128))


def format_eth(amount: int, digits: int | None = None) -> str:
    return f"{_decimal(amount, WEI, digits)} ETH"


@dataclass(frozen=True, slots=True)
class Coin:
    """An amount of either money."""

    amount: int  # base units
    unit: Literal["FOG", "ETH"]

    def __str__(self) -> str:
        return format_fog(self.amount) if self.unit == "FOG" else format_eth(self.amount)


def parse_coin(text: str) -> Coin:
    """`"1.5 FOG"`, or `"0.01 ETH"` in any of its units. Raises BadInput."""
    value = _parse(text, {**_COIN, **_ETH}, "an amount of FOG or ETH", "1.5 FOG", 2**128)
    if text.split()[-1].endswith("FOG"):
        return Coin(parse_fog(text), "FOG")
    return Coin(value, "ETH")


def parse_fuel(text: str) -> Fuel:
    """`"3 Gfuel"` to executed instructions. Raises BadInput."""
    return Fuel(_parse(text, _FUEL, "an amount of work", "3 Gfuel", MAX_UINT64))


def format_fuel(amount: int, digits: int | None = None) -> str:
    """In the largest unit of which there is at least one: `"3 Gfuel"`, `"250 Mfuel"`; exact by default."""
    for unit, scale in reversed(_FUEL.items()):
        if unit != "Tfuel" and abs(amount) >= scale:
            return f"{_decimal(amount, scale, digits)} {unit}"
    return f"{amount} fuel"


def parse_price(text: str) -> Price:
    """`"0.8 FOG/Gfuel"` to base units per 10^9 fuel. Raises BadInput."""
    return Price(_parse(text, _PRICE, "a price", "0.8 FOG/Gfuel", MAX_UINT96))


def format_price(price: int, digits: int | None = None) -> str:
    return f"{_decimal(price, WEI, digits)} FOG/Gfuel"


def parse_size(text: str) -> Bytes:
    """`"64 MiB"` to bytes. Raises BadInput."""
    return Bytes(_parse(text, _SIZE, "a size", "64 MiB", 2**48))


def format_size(size: int) -> str:
    """In the largest binary unit that shows it exactly; else bytes: `parse_size(format_size(n)) == n`."""
    for unit in ("GiB", "MiB", "KiB"):
        if size and size % _SIZE[unit] == 0:
            return f"{size // _SIZE[unit]} {unit}"
    return f"{size} B"


def show_size(size: int) -> str:
    """For reading, with one decimal: `"1.4 MiB"`."""
    for unit in ("GiB", "MiB", "KiB"):
        if size >= _SIZE[unit]:
            tenths = size * 10 // _SIZE[unit]
            return f"{_decimal(tenths, 10)} {unit}"
    return f"{size} B"


def parse_duration(text: str) -> Millis:
    """`"30 s"` to milliseconds. Raises BadInput."""
    return Millis(_parse(text, _TIME, "a time span", "30 s", 2**48))


def format_duration(millis: int) -> str:
    """In the largest unit that shows it exactly: `"90 s"`, `"5 min"`."""
    for unit in ("d", "h", "min", "s"):
        if millis and millis % _TIME[unit] == 0:
            return f"{millis // _TIME[unit]} {unit}"
    return f"{millis} ms"


def parse_ratio(text: str) -> Bps:
    """`"5 %"` to basis points, at most 100 %. Raises BadInput."""
    return Bps(_parse(text, _RATIO, "a ratio", "5 %", 10_000))


def format_ratio(bps: int) -> str:
    return f"{_decimal(bps, 100)} %"


def parse_multiple(text: str) -> Bps:
    """`"1.2 x"` to basis points, at most 1,000 x. Raises BadInput."""
    return Bps(_parse(text, _MULTIPLE, "a multiple", "1.2 x", 10_000_000))


def format_multiple(bps: int) -> str:
    return f"{_decimal(bps, 10_000)} x"


def cost(fuel: int, price: int) -> Fog:
    """What `fuel` costs at `price` (base units per Gfuel), rounded up to the next base unit."""
    return Fog(-(-fuel * price // GFUEL))

"""What an offer says beside its signature: class, multiple of the base price, regions, and how likely the node stays.

Prices are base units of FOG per 10^9 fuel, multipliers and chances basis points.
"""

from __future__ import annotations

import math
import re

from fogchain.errors import BadMessage
from fogchain.market.messages import Offer

BPS = 10_000
MIN_MULTIPLIER, MAX_MULTIPLIER = 5_000, 30_000
HORIZONS = (600, 3600, 7200)  # seconds, of the three forecasts
MAX_REGIONS = 8

_ROUNDING = 1e-6  # a forecast is met exactly at its horizon
_REGION = re.compile(r"[a-z0-9]{2,12}(-[a-z0-9]{1,12}){0,3}")


def price_at(base: int, multiplier: int) -> int:
    """The base price times the multiplier, rounded down."""
    return base * multiplier // BPS


def class_id(name: str) -> bytes:
    """The 32 bytes by which the contracts know a resource class. Raises BadMessage for a name that has none."""
    if not name or not name.isascii() or len(name) > 31:
        raise BadMessage(f"{name[:40]!r} is not the name of a resource class")
    return name.encode().ljust(32, b"\0")


def class_name(identifier: bytes) -> str:
    """`cpu` of its 32 bytes; hex where that is no text."""
    short = identifier.rstrip(b"\0")
    return short.decode() if short.isascii() and short.decode().isprintable() else "0x" + identifier.hex()


def regions_of(offer: Offer) -> tuple[str, ...]:
    return tuple(offer.regions.split(",")) if offer.regions else ()


def lies_in(regions: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """Whether one of a machine's regions is one of the wanted, or lies within it, as `eu-de` does in `eu`."""
    return not wanted or any(
        region == whole or region.startswith(whole + "-") for region in regions for whole in wanted
    )


def check(offer: Offer) -> None:
    """Raises BadMessage for an offer that contradicts itself."""
    if offer.multiplier and not MIN_MULTIPLIER <= offer.multiplier <= MAX_MULTIPLIER:
        raise BadMessage(f"an offer's multiplier of {offer.multiplier} is not within {MIN_MULTIPLIER}–{MAX_MULTIPLIER}")
    regions = regions_of(offer)
    if len(regions) > MAX_REGIONS or not all(_REGION.fullmatch(region) for region in regions):
        raise BadMessage("an offer's regions are not a few short names")
    if not BPS >= offer.survival_10m >= offer.survival_1h >= offer.survival_2h:
        raise BadMessage("an offer's chances of survival do not fall with time")
    if offer.slots == 0 or offer.expiry <= offer.issued:
        raise BadMessage("an offer of nothing")


def survival(offer: Offer, seconds: float) -> int:
    """The chance, in basis points, that the node is there for so long: the forecasts, joined at a constant hazard each,
    the last of which goes on."""
    known = (offer.survival_10m, offer.survival_1h, offer.survival_2h)
    before, chance = 0, float(BPS)
    for place, (horizon, forecast) in enumerate(zip(HORIZONS, known, strict=True)):
        if forecast == 0 or chance == 0:
            return 0 if seconds > before else math.floor(chance)
        if seconds <= horizon or place == len(HORIZONS) - 1:
            elapsed = (max(seconds, before) - before) / (horizon - before)
            return math.floor(chance * math.pow(forecast / chance, elapsed) + _ROUNDING)
        before, chance = horizon, float(forecast)
    raise AssertionError("the last forecast goes on")

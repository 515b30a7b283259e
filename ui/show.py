"""Values as people read them: shortened, with the exact value beside it for the tooltip. Unknown is `–`."""

from __future__ import annotations

import time
from dataclasses import dataclass

from fogchain.errors import FogchainError
from fogchain.units import WEI, format_eth, format_fog, format_fuel, format_price

UNKNOWN = "–"
CHAINS = {1: "Ethereum", 31337: "Local chain", 11155111: "Sepolia", 17000: "Holesky"}
_THIN = "\u202f"


@dataclass(frozen=True)
class Shown:
    """`value` and `unit` are drawn apart (big and small); `full` is exact."""

    value: str
    unit: str
    full: str

    @property
    def text(self) -> str:
        return f"{self.value} {self.unit}".strip()


NOTHING = Shown(UNKNOWN, "", "not known")


def fog(amount: int | None) -> Shown:
    """Base units of FOG."""
    if amount is None:
        return NOTHING
    return _coin(amount, format_fog(amount))


def eth(amount: int | None) -> Shown:
    """Wei."""
    if amount is None:
        return NOTHING
    return _coin(amount, format_eth(amount))


def price(amount: int | None) -> Shown:
    """Base units of FOG per Gfuel."""
    if amount is None:
        return NOTHING
    return _coin(amount, format_price(amount))


def fuel(amount: int | None) -> Shown:
    if amount is None:
        return NOTHING
    value, unit = format_fuel(amount, 2).split(" ")
    return Shown(_group(value), unit, f"{_group(str(amount))} fuel")


def number(count: int | None) -> str:
    return UNKNOWN if count is None else _group(str(count))


def _coin(amount: int, full: str) -> Shown:
    """Four decimals; more for small amounts, so that something is never shown as nothing."""
    exact, unit = full.split(" ")
    whole, _, fraction = exact.partition(".")
    digits = 2 if abs(amount) >= 1000 * WEI else 4
    cut = fraction[:digits].rstrip("0")
    if not cut and whole in {"0", "-0"} and amount:
        zeros = len(fraction) - len(fraction.lstrip("0"))
        if zeros >= 9:
            return Shown("<0.000000001", unit, full)
        cut = fraction[: zeros + 3].rstrip("0")
    return Shown(_group(whole) + (f".{cut}" if cut else ""), unit, full)


def _group(digits: str) -> str:
    """Thin spaces between thousands of the whole part."""
    whole, dot, fraction = digits.partition(".")
    sign, whole = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    head = len(whole) % 3
    parts = [whole[:head]] if head else []
    parts += [whole[i : i + 3] for i in range(head, len(whole), 3)]
    return sign + _THIN.join(parts) + dot + fraction


def short(text: str | None, head: int = 6, tail: int = 4) -> str:
    """The two ends of a long identifier."""
    if not text:
        return UNKNOWN
    lead = head + 2 if text.startswith("0x") else head
    return text if len(text) <= lead + tail + 1 else f"{text[:lead]}…{text[-tail:]}"


def span(seconds: float | None) -> str:
    """A length of time in its two largest units: `3 min 20 s`."""
    if seconds is None:
        return UNKNOWN
    left = max(0, int(seconds))
    if 0 <= seconds < 10 and seconds != left:
        return f"{seconds:.1f} s"
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
        elif parts:
            break
        if len(parts) == 2:
            break
    return " ".join(parts)


def ago(when: float | None, now: float) -> str:
    """`12 s ago`, `3 min ago`; times less than 2 s back are `now`."""
    if when is None or when <= 0:
        return UNKNOWN
    past = now - when
    if past < 2:
        return "now"
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        if past >= size:
            return f"{int(past // size)} {unit} ago"
    return "now"


def moment(when: float | None) -> str:
    """Local time of the panel's machine: the clock time today, else with the date."""
    if not when or when <= 0:
        return UNKNOWN
    then = time.localtime(when)
    today = time.localtime()[:3] == then[:3]
    return time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M", then)


def full_moment(when: float | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(when)) if when and when > 0 else "not known"


def chain(chain_id: int) -> str:
    """A chain's name as people know it."""
    return CHAINS.get(chain_id, f"Chain {chain_id}")


def sentences(error: FogchainError) -> str:
    """What was wrong and what to do, as they stand on a page by themselves."""
    parts = [part.strip().rstrip(".") for part in (error.message, error.hint)]
    return " ".join(f"{part[0].upper()}{part[1:]}." for part in parts if part)


def plural(count: int, one: str, many: str | None = None) -> str:
    return f"{number(count)} {one if count == 1 else many or one + 's'}"

"""Base prices: what they are, what moved them, and how they were. Source: `contracts/interfaces/IFogPricing.sol`."""

from __future__ import annotations

from dataclasses import dataclass

from fogchain.chain.client import ChainClient
from fogchain.chain.logbook import LogBook
from fogchain.errors import NotFound
from fogchain.units import GFUEL

EPOCH = 600  # seconds, as in contracts/libraries/ConstantsLib.sol


@dataclass(frozen=True, slots=True)
class Band:
    """A price, in base units of FOG, and between what it stays."""

    now: int
    floor: int
    ceiling: int


@dataclass(frozen=True, slots=True)
class PriceClass:
    """A resource class. Times in Unix seconds of block time."""

    name: str
    per_gfuel: Band
    per_gib_second: Band
    capacity: int  # Gfuel per epoch that bonds answer for
    used: int  # fuel, since the last step
    stepped: int

    def use(self, now: int) -> int | None:
        """Of its capacity since the last step, in basis points; None without capacity."""
        most = self.capacity * GFUEL * (now - self.stepped) // EPOCH
        return min(self.used * 10_000 // most, 10_000) if most else None


@dataclass(frozen=True, slots=True)
class PriceStep:
    """The base prices of a class from `time` on, and the use, in basis points, that led to them; zero after a vote."""

    name: str
    per_gfuel: int
    per_gib_second: int
    use: int
    time: int
    transaction: str


class Prices:
    """One deployment's price control. All raise Unavailable when the chain does not answer."""

    def __init__(self, client: ChainClient) -> None:
        self._client = client
        self._steps = LogBook(client, "FogPricing", ("BasePrice",), (client.deployment.pricing,))

    async def control(self) -> tuple[int, int]:
        """The greatest step, and the use at which prices stay; in basis points."""
        step, target = await self._client.read_all([("pricing", "stepCap"), ("pricing", "targetUse")])
        return step, target

    async def classes(self) -> list[PriceClass]:
        """All that are open."""
        found = []
        for name, (fuel, memory, stepped, _, bounds, used), capacity in await self._client.read("lens", "classes"):
            found.append(
                PriceClass(_text(name), Band(fuel, *bounds[:2]), Band(memory, *bounds[2:]), capacity, used, stepped)
            )
        return found

    async def history(self, name: str | None = None) -> list[PriceStep]:
        """Every step of one class, or of all; oldest first."""
        steps = [
            PriceStep(
                _text(log["class"]), log["per_gfuel"], log["per_gi_bs"], log["util_bps"], log.time, log.transaction
            )
            for log in await self._steps.read()
        ]
        return [step for step in steps if name is None or step.name == name]

    async def known(self, name: str) -> None:
        """Raises NotFound for a class that never was."""
        if not any(step.name == name for step in await self.history()):
            raise NotFound(f"there is no resource class {name!r}", hint="GET /v1/prices names those that are open")


def _text(name: bytes) -> str:
    """`cpu` of its 32 bytes; hex where it is no text."""
    short = name.rstrip(b"\0")
    return short.decode() if short.isascii() and short.decode().isprintable() else "0x" + name.hex()

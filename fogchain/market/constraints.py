"""What a job asks of an offer, and what an offer lacks of it.

Pure. Prices are base units of FOG per 10^9 fuel, chances basis points.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fogchain.market.engines import Runtime, engine_for, split
from fogchain.market.messages import Offer
from fogchain.market.offers import class_id, class_name, lies_in, regions_of, survival
from fogchain.units import cost, format_fog, format_price, format_ratio, show_size

Pay = Literal["session", "batch"]  # locked beforehand with each provider, or by one payment to all when the job ends
Constraint = Literal[
    "reachable", "fresh", "trust", "runtime", "class", "memory", "slots", "region", "survival", "pay", "engine", "price"
]

# In the order in which they are counted together: whether it is there, what the machine is, and last what it costs.
CONSTRAINTS: tuple[Constraint, ...] = (
    "reachable", "fresh", "trust", "runtime", "class", "memory", "slots", "region", "survival", "pay", "engine",
    "price",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a job asks of an offer."""

    runtime: Runtime = "wasm"
    memory: int = 0  # bytes of a task
    slots: int = 1
    max_price: int | None = None
    resource_class: str | None = None
    regions: tuple[str, ...] = ()  # any of them; none: anywhere
    min_survival: int | None = None
    fuel: int = 0  # of a task, at most
    seconds: float = 0.0  # of a task, at most
    pay: Pay = "session"  # or in a batch: then the provider has to let the buyer owe it a task, at most
    engine: str | None = None  # the one that the job began with

    def task_seconds(self, rate: float) -> float:
        """How long a task takes at most where so much fuel is burnt in a second."""
        return min(self.seconds, self.fuel / rate) if rate > 0 else self.seconds


@dataclass(frozen=True, slots=True)
class Candidate:
    """A known provider: its offer, if it ever made one, and what speaks against it whatever it offers."""

    id: str
    offer: Offer | None
    rate: float = 0.0  # fuel a second and slot, as the buyer knows it
    away: str = ""  # why it can't be had now, in words
    stale: str = ""  # for how long nothing was heard of it, in words
    distrust: str = ""  # what it has done, in words


@dataclass(frozen=True, slots=True)
class Failed:
    """A constraint that an offer does not meet. `detail`: in words, what it has."""

    constraint: Constraint
    detail: str


@dataclass(frozen=True, slots=True)
class Count:
    """How many candidates meet a constraint by itself, and how many meet it with all before it."""

    constraint: Constraint
    wanted: str  # in words: "2 GiB", "0.5 FOG/Gfuel"
    alone: int
    together: int


@dataclass(frozen=True, slots=True)
class Change:
    """What the buyer can change so that one more offer matches. `value`: the new one, with its unit; `amount`: the same
    in base units, bytes or basis points where it is a quantity."""

    constraint: Constraint
    value: str
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class Matching:
    """`matching`: ids, best first. `failed`: of each candidate, every constraint that it does not meet."""

    matching: tuple[str, ...]
    counts: tuple[Count, ...]
    failed: Mapping[str, tuple[Failed, ...]]
    nearest: tuple[Change, ...]  # all at once make the nearest offer match; empty when something matches or nothing can
    engine: str | None
    summary: str


def failures(wanted: Wanted, candidate: Candidate) -> tuple[Failed, ...]:
    """What the candidate does not meet; all but the engine, which is agreed on among those that meet the rest."""
    found: list[Failed] = []
    offer = candidate.offer
    if candidate.away or offer is None:
        found.append(Failed("reachable", candidate.away or "it has made no offer"))
    if candidate.stale:
        found.append(Failed("fresh", candidate.stale))
    if candidate.distrust:
        found.append(Failed("trust", candidate.distrust))
    if offer is None:
        return tuple(found)
    if engine_for(split(offer.engines), wanted.runtime) is None:
        found.append(Failed("runtime", offer.engines or "nothing"))
    if wanted.resource_class is not None and offer.resource_class != class_id(wanted.resource_class):
        found.append(Failed("class", class_name(offer.resource_class)))
    if offer.memory < wanted.memory:
        found.append(Failed("memory", show_size(offer.memory)))
    if offer.slots < wanted.slots:
        found.append(Failed("slots", str(offer.slots)))
    if not lies_in(regions_of(offer), wanted.regions):
        found.append(Failed("region", offer.regions or "it says none"))
    if wanted.min_survival is not None:
        chance = survival(offer, wanted.task_seconds(candidate.rate))
        if chance < wanted.min_survival:
            found.append(Failed("survival", format_ratio(chance)))
    if wanted.pay == "batch" and (why := _why_not_on_account(offer, cost(wanted.fuel, offer.price))):
        found.append(Failed("pay", why))
    if wanted.max_price is not None and offer.price > wanted.max_price:
        found.append(Failed("price", format_price(offer.price)))
    return tuple(found)


def _why_not_on_account(offer: Offer, most: int) -> str:
    """Why a run that may come to `most` is not done there without a session, in words; empty when it is."""
    if not offer.on_account:
        return "works on account for nobody"
    if offer.on_account < most:
        return f"lets a buyer owe {format_fog(offer.on_account)}, and one run may come to {format_fog(most)}"
    return ""


def engine_of(wanted: Wanted, candidate: Candidate) -> str | None:
    """The engine with which it would run the job."""
    return engine_for(split(candidate.offer.engines), wanted.runtime) if candidate.offer else None

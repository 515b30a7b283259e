"""Which offers can serve a job, and for each of the others every reason why it can't.

A job that finds nothing has to be told what would help: "12 match class cpu, 0 at this price; least price that
matches: 0.8 FOG/Gfuel". So nothing is filtered away: each constraint is put to each offer.

Pure. Prices are base units of FOG per 10^9 fuel, chances basis points.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fogchain.market.engines import Runtime, engine_for, split
from fogchain.market.messages import Offer
from fogchain.market.offers import class_id, class_name, lies_in, regions_of, survival
from fogchain.units import format_price, format_ratio, show_size

Constraint = Literal[
    "reachable", "fresh", "trust", "runtime", "class", "memory", "slots", "region", "survival", "engine", "price"
]

# In the order in which they are counted together: whether it is there, what the machine is, and last what it costs.
CONSTRAINTS: tuple[Constraint, ...] = (
    "reachable", "fresh", "trust", "runtime", "class", "memory", "slots", "region", "survival", "engine", "price",
)  # fmt: skip
_WHATEVER_IT_OFFERS: frozenset[Constraint] = frozenset({"fresh", "trust"})
_BUYERS: frozenset[Constraint] = frozenset({"class", "memory", "slots", "region", "survival", "price"})  # his to change


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


def match(wanted: Wanted, candidates: Sequence[Candidate]) -> Matching:
    """Put every constraint to every candidate. Those that match run one engine: only then results can be compared."""
    failed = {candidate.id: _failed(wanted, candidate) for candidate in candidates}
    engine = wanted.engine or _commonest_engine(wanted, [c for c in candidates if not failed[c.id]])
    for candidate in candidates:
        theirs = _engine(wanted, candidate)
        if engine is not None and theirs is not None and theirs != engine:
            failed[candidate.id] = (*failed[candidate.id], Failed("engine", theirs))
    counts = _count(wanted, engine, candidates, failed)
    good = [candidate for candidate in candidates if not failed[candidate.id]]
    good.sort(key=lambda candidate: (candidate.offer.price if candidate.offer else 0, candidate.id))
    nearest = () if good else _nearest(wanted, candidates, failed)
    return Matching(
        matching=tuple(candidate.id for candidate in good),
        counts=counts,
        failed=failed,
        nearest=nearest,
        engine=engine,
        summary=_summary(len(candidates), counts, candidates, failed, nearest),
    )


def _failed(wanted: Wanted, candidate: Candidate) -> tuple[Failed, ...]:
    """All but the engine, which is agreed on among those that meet the rest."""
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
    if wanted.max_price is not None and offer.price > wanted.max_price:
        found.append(Failed("price", format_price(offer.price)))
    return tuple(found)


def _engine(wanted: Wanted, candidate: Candidate) -> str | None:
    return engine_for(split(candidate.offer.engines), wanted.runtime) if candidate.offer else None


def _commonest_engine(wanted: Wanted, candidates: Sequence[Candidate]) -> str | None:
    """The one with the most slots."""
    slots: Counter[str] = Counter()
    for candidate in candidates:
        engine = _engine(wanted, candidate)
        if engine is not None and candidate.offer is not None:
            slots[engine] += candidate.offer.slots
    return max(slots, key=lambda name: (slots[name], name), default=None)


def _count(
    wanted: Wanted, engine: str | None, candidates: Sequence[Candidate], failed: Mapping[str, tuple[Failed, ...]]
) -> tuple[Count, ...]:
    unmet: list[set[Constraint]] = []
    for candidate in candidates:
        names: set[Constraint] = {each.constraint for each in failed[candidate.id]}
        unmet.append(names if candidate.offer else names | (set(CONSTRAINTS) - _WHATEVER_IT_OFFERS))
    words = _words(wanted, engine)
    counts, before = [], set[Constraint]()
    for constraint in CONSTRAINTS:
        before.add(constraint)
        if words[constraint] is not None:
            alone = sum(constraint not in each for each in unmet)
            counts.append(Count(constraint, words[constraint] or "", alone, sum(not before & each for each in unmet)))
    return tuple(counts)


def _words(wanted: Wanted, engine: str | None) -> dict[Constraint, str | None]:
    """What is wanted, in words; None for what anything will do for."""
    return {
        "runtime": wanted.runtime,
        "class": wanted.resource_class,
        "memory": show_size(wanted.memory) if wanted.memory else None,
        "slots": str(wanted.slots) if wanted.slots > 1 else None,
        "region": " or ".join(wanted.regions) or None,
        "survival": format_ratio(wanted.min_survival) if wanted.min_survival is not None else None,
        "trust": "nothing shown wrong",
        "fresh": "heard of lately",
        "reachable": "there with an offer",
        "engine": engine,
        "price": format_price(wanted.max_price) if wanted.max_price is not None else None,
    }


_PHRASES: dict[Constraint, str] = {
    "runtime": "run {}",
    "class": "match class {}",
    "memory": "give a task {}",
    "slots": "have {} slots",
    "region": "are in {}",
    "survival": "are likely enough to stay ({})",
    "trust": "are trusted",
    "fresh": "were heard of lately",
    "reachable": "can be reached",
    "engine": "have the engine {}",
    "price": "at this price ({})",
}


def _summary(
    total: int,
    counts: Sequence[Count],
    candidates: Sequence[Candidate],
    failed: Mapping[str, tuple[Failed, ...]],
    nearest: Sequence[Change],
) -> str:
    """The steps at which candidates were lost, up to the one at which the last was; and what would help."""
    if not total:
        return "no provider is known: none is registered on this chain, and none was found nearby"
    parts, left = [], total
    for count in counts:
        if count.together < left or count.constraint in ("runtime", "class"):
            parts.append(f"{count.together} {_PHRASES[count.constraint].format(count.wanted)}")
            left = count.together
        if not left:
            break
    text = f"of {total} known, " + ", ".join(parts) if parts else f"all {total} known match"
    least = least_price(candidates, failed)
    if not left and least is not None:
        text += f"; least price that matches: {format_price(least)}"
    elif not left and nearest:
        text += "; the nearest would match with " + " and ".join(f"{c.constraint} {c.value}" for c in nearest)
    return text


def least_price(candidates: Sequence[Candidate], failed: Mapping[str, tuple[Failed, ...]]) -> int | None:
    """The lowest price among those that fail for their price alone."""
    only = [c.offer.price for c in candidates if c.offer and [f.constraint for f in failed[c.id]] == ["price"]]
    return min(only, default=None)


def _nearest(
    wanted: Wanted, candidates: Sequence[Candidate], failed: Mapping[str, tuple[Failed, ...]]
) -> tuple[Change, ...]:
    """The least that the buyer would have to change for one offer to match: few constraints, then by little."""
    best: tuple[int, float, str] | None = None
    changes: tuple[Change, ...] = ()
    for candidate in candidates:
        unmet = failed[candidate.id]
        if candidate.offer is None or not unmet or not all(each.constraint in _BUYERS for each in unmet):
            continue
        far = sum(_distance(wanted, candidate, each.constraint) for each in unmet)
        rank = (len(unmet), far, candidate.id)
        if best is None or rank < best:
            best = rank
            changes = tuple(
                Change(each.constraint, each.detail, _amount(wanted, candidate, each.constraint)) for each in unmet
            )
    return changes


def _amount(wanted: Wanted, candidate: Candidate, constraint: Constraint) -> int | None:
    offer = candidate.offer
    assert offer is not None
    chance = survival(offer, wanted.task_seconds(candidate.rate))
    amounts: dict[Constraint, int] = {
        "price": offer.price, "memory": offer.memory, "slots": offer.slots, "survival": chance,
    }  # fmt: skip
    return amounts.get(constraint)


def _distance(wanted: Wanted, candidate: Candidate, constraint: Constraint) -> float:
    """By which part the buyer would have to move; a name that differs counts as all of it."""
    offer = candidate.offer
    assert offer is not None
    amount = _amount(wanted, candidate, constraint)
    if amount is None:
        return 1.0
    asked: dict[Constraint, int] = {
        "price": wanted.max_price or 0, "memory": wanted.memory, "slots": wanted.slots,
        "survival": wanted.min_survival or 0,
    }  # fmt: skip
    more, less = max(amount, asked[constraint], 1), max(min(amount, asked[constraint]), 1)
    return more / less - 1


def reasons(wanted: Wanted, found: Matching, candidates: Sequence[Candidate]) -> list[str]:
    """Why the others don't match, in words, one line a constraint; the summary first when nothing matches."""
    lines = [] if found.matching else [found.summary]
    offers = {candidate.id: candidate.offer for candidate in candidates}
    for constraint in CONSTRAINTS:
        unmet = {key: f for key, all_ in found.failed.items() for f in all_ if f.constraint == constraint}
        if unmet:
            lines += _lines(constraint, wanted, found, unmet, [o for key in unmet if (o := offers[key]) is not None])
    return lines


def _lines(
    constraint: Constraint,
    wanted: Wanted,
    found: Matching,
    unmet: Mapping[str, Failed],
    offers: Sequence[Offer],
) -> list[str]:
    count = len(unmet)
    theirs = ", ".join(sorted({each.detail for each in unmet.values()})[:4])
    match constraint:
        case "runtime":
            return [f"{count} do not run {wanted.runtime}"]
        case "class":
            return [f"{count} are of another class than {wanted.resource_class}: {theirs}"]
        case "memory":
            most = show_size(max(offer.memory for offer in offers))
            return [f"{count} give a task at most {most} of memory; the job wants {show_size(wanted.memory)}"]
        case "slots":
            return [f"{count} have fewer than {wanted.slots} slots"]
        case "region":
            return [f"{count} are not in {' or '.join(wanted.regions)}: {theirs}"]
        case "survival":
            return [
                f"{count} are less likely than {format_ratio(wanted.min_survival or 0)} to stay for a task: {theirs}"
            ]
        case "engine":
            return [f"{count} run {wanted.runtime} with {theirs}, whose results can't be compared to {found.engine}'s"]
        case "price":
            return [
                f"{count} ask more than {format_price(wanted.max_price or 0)}; the least that would match one more: "
                f"{format_price(min(offer.price for offer in offers))}"
            ]
        case "trust" | "fresh" | "reachable":
            groups = Counter(each.detail for each in unmet.values())
            return [f"{number} {_STATES[constraint]}: {detail}" for detail, number in sorted(groups.items())]


_STATES: dict[Constraint, str] = {"trust": "not trusted", "fresh": "stale", "reachable": "not there"}

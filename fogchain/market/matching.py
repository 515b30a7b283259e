"""Which offers can serve a job, and for each of the others every reason why it can't.

A job that finds nothing has to be told what would help: "12 match class cpu, 0 at this price; least price that
matches: 0.8 FOG/Gfuel". So nothing is filtered away: each constraint is put to each offer.

Pure. Prices are base units of FOG per 10^9 fuel, chances basis points.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from fogchain.market.constraints import (
    CONSTRAINTS,
    Candidate,
    Change,
    Constraint,
    Count,
    Failed,
    Matching,
    Wanted,
    engine_of,
    failures,
)
from fogchain.market.offers import survival
from fogchain.market.wording import summary, words

_BESIDE_THE_OFFER: frozenset[Constraint] = frozenset({"fresh", "trust"})  # known of a node that made none
_BUYER_CAN_CHANGE: frozenset[Constraint] = frozenset({"class", "memory", "slots", "region", "survival", "pay", "price"})


def match(wanted: Wanted, candidates: Sequence[Candidate]) -> Matching:
    """Put every constraint to every candidate. Those that match run one engine: only then results can be compared."""
    failed = {candidate.id: failures(wanted, candidate) for candidate in candidates}
    engine = wanted.engine or _commonest_engine(wanted, [c for c in candidates if not failed[c.id]])
    for candidate in candidates:
        theirs = engine_of(wanted, candidate)
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
        summary=summary(len(candidates), counts, least_price(candidates, failed), nearest),
    )


def _commonest_engine(wanted: Wanted, candidates: Sequence[Candidate]) -> str | None:
    """The one with the most slots."""
    slots: Counter[str] = Counter()
    for candidate in candidates:
        engine = engine_of(wanted, candidate)
        if engine is not None and candidate.offer is not None:
            slots[engine] += candidate.offer.slots
    return max(slots, key=lambda name: (slots[name], name), default=None)


def _count(
    wanted: Wanted, engine: str | None, candidates: Sequence[Candidate], failed: Mapping[str, tuple[Failed, ...]]
) -> tuple[Count, ...]:
    unmet: list[set[Constraint]] = []
    for candidate in candidates:
        names: set[Constraint] = {each.constraint for each in failed[candidate.id]}
        unmet.append(names if candidate.offer else names | (set(CONSTRAINTS) - _BESIDE_THE_OFFER))
    wording = words(wanted, engine)
    counts, before = [], set[Constraint]()
    for constraint in CONSTRAINTS:
        before.add(constraint)
        if wording[constraint] is not None:
            alone = sum(constraint not in each for each in unmet)
            counts.append(Count(constraint, wording[constraint] or "", alone, sum(not before & each for each in unmet)))
    return tuple(counts)


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
        if candidate.offer is None or not unmet or not all(each.constraint in _BUYER_CAN_CHANGE for each in unmet):
            continue
        far = sum(_distance(wanted, candidate, each.constraint) for each in unmet)
        rank = (len(unmet), far, candidate.id)
        if best is None or rank < best:
            best = rank
            changes = tuple(
                Change(each.constraint, _value(each), _amount(wanted, candidate, each.constraint)) for each in unmet
            )
    return changes


def _value(unmet: Failed) -> str:
    return "session" if unmet.constraint == "pay" else unmet.detail


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

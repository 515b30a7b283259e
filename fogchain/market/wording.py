"""Why offers don't match, in words for the buyer. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from fogchain.market.constraints import CONSTRAINTS, Candidate, Change, Constraint, Count, Failed, Matching, Wanted
from fogchain.market.messages import Offer
from fogchain.units import format_price, format_ratio, show_size


def words(wanted: Wanted, engine: str | None) -> dict[Constraint, str | None]:
    """What is wanted, in words; None for what anything will do for."""
    return {
        "runtime": wanted.runtime,
        "class": wanted.resource_class,
        "memory": show_size(wanted.memory) if wanted.memory else None,
        "slots": str(wanted.slots) if wanted.slots > 1 else None,
        "region": " or ".join(wanted.regions) or None,
        "survival": format_ratio(wanted.min_survival) if wanted.min_survival is not None else None,
        "pay": wanted.pay if wanted.pay == "batch" else None,
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
    "pay": "can be paid in a {}",
    "trust": "are trusted",
    "fresh": "were heard of lately",
    "reachable": "can be reached",
    "engine": "have the engine {}",
    "price": "at this price ({})",
}


def summary(
    total: int,
    counts: Sequence[Count],
    least: int | None,
    nearest: Sequence[Change],
) -> str:
    """The steps at which candidates were lost, up to the one at which the last was; and what would help.

    `least`: the lowest price among those that fail for their price alone.
    """
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
    if not left and least is not None:
        text += f"; least price that matches: {format_price(least)}"
    elif not left and nearest:
        text += "; the nearest would match with " + " and ".join(f"{c.constraint} {c.value}" for c in nearest)
    return text


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
        case "trust" | "fresh" | "reachable" | "pay":
            groups = Counter(each.detail for each in unmet.values())
            return [f"{number} {_STATES[constraint]}: {detail}" for detail, number in sorted(groups.items())]


_STATES: dict[Constraint, str] = {
    "trust": "not trusted", "fresh": "stale", "reachable": "not there", "pay": "can't be paid in a batch",
}  # fmt: skip

"""The table of offers: what each provider offers, and why it does or does not match."""

from __future__ import annotations

from fogchain.api.models import MatchView, OfferMatch, OfferView
from fogchain.units import format_multiple, format_ratio, show_size
from ui import show
from ui.components.base import block, card, shown, text
from ui.components.empty import empty
from ui.components.table import Cell, Column, Grid, Pager, Row, Waiting, amount, named, pill, plain
from ui.tones import MATCH, RUNTIMES

PAGE_SIZE = 25
COLUMNS = (
    Column("Provider"),
    Column("Match", wrap=True),
    Column("Price", end=True),
    Column("Where", optional=True),
    Column("Capacity", end=True, optional=True),
    Column("Runs", optional=True),
    Column("Speed of a slot", end=True, optional=True),
    Column("Stays", end=True, wide=True),
    Column("Rated", end=True, wide=True),
    Column("Heard", end=True, wide=True),
)
WISHES = (Column("Wish"), Column("Met by", end=True), Column("And those above", end=True))
WHY = {  # a constraint that is not met, with what the offer has
    "runtime": "runs {}", "class": "is of the class {}", "memory": "has {} of memory", "slots": "has {} slots",
    "region": "is in {}", "survival": "stays with {}", "pay": "{}", "engine": "runs {}",
    "price": "asks {}",
}  # fmt: skip
YOURS = {  # those that a job can give way on
    "class": "the class {}", "memory": "memory of {}", "slots": "{} slots", "region": "the region {}",
    "survival": "a survival of {}", "pay": "pay by session", "price": "a highest price of {}",
}  # fmt: skip


class OfferTable:
    def __init__(self, title: str = "Offers") -> None:
        self._match: MatchView | None = None
        with card(title, "tag", "flush") as end:
            with end:
                self._count = text("", "fc-num")
            self._waiting = Waiting(5)
            with self._waiting.empty:
                empty(
                    "tag", "No offers yet",
                    "Providers are found in the registry on the chain, on the local network and by the bootstrap list; "
                    "their offers appear here within seconds.",
                )  # fmt: skip
            with self._waiting.content:
                self._grid = Grid(title, COLUMNS)
                self._pager = Pager(PAGE_SIZE, self._draw)

    def show(self, match: MatchView | None) -> None:
        self._match = match
        self._waiting.set(None if match is None else len(match.offers))
        if match is None:
            return
        self._count.set_text(f"{show.number(match.matching)} of {show.number(match.total)} match")
        self._pager.set_total(len(match.offers))
        self._draw()

    def _draw(self) -> None:
        if self._match is not None:
            at = self._pager.offset
            self._grid.show([_row(found) for found in self._match.offers[at : at + PAGE_SIZE]])


class Funnel:
    """How many offers meet each wish by itself, and together with those above."""

    def __init__(self) -> None:
        self._box = block("fc-stack tight")
        with self._box:
            self._summary = text("", tag="p")
            self._nearest = text("", "fc-small fc-dim", "p")
            self._grid = Grid(
                "Wishes", (Column("Wish"), Column("By itself", end=True), Column("With those above", end=True))
            )

    def show(self, match: MatchView) -> None:
        self._summary.set_text(match.summary)
        changes = " and ".join(
            YOURS.get(one.constraint, one.constraint + " {}").format(one.value) for one in match.nearest
        )
        self._nearest.set_text(f"One more would match with {changes}." if changes else "")
        shown(self._nearest, bool(changes))
        shown(self._grid, bool(match.counts))
        self._grid.show(
            [
                Row(
                    count.constraint,
                    (
                        plain(count.constraint, note=count.wanted),
                        plain(show.number(count.alone)),
                        plain(show.number(count.together)),
                    ),
                )
                for count in match.counts
            ]
        )


def why_not(found: OfferMatch) -> str:
    """All reasons, in words, and what would let it in if that is the buyer's to change."""
    reasons = [WHY.get(unmet.constraint, "{}").format(unmet.detail) for unmet in found.failed]
    words = "; ".join(reasons)
    if found.failed and all(unmet.constraint in YOURS for unmet in found.failed):
        words += ". Would match with " + " and ".join(
            YOURS[unmet.constraint].format(unmet.detail) for unmet in found.failed
        )
    return words


def _row(found: OfferMatch) -> Row:
    why, offer = why_not(found), found.offer
    return Row(
        found.address or found.peer_id,
        (
            named(found.name or show.short(found.address), found.address or found.peer_id),
            pill(MATCH["yes" if found.matches else "no"], why, why),
            *(_terms(offer, found) if offer is not None else (plain(show.UNKNOWN),) * 6),
            _rated(found),
            _heard(found),
        ),
    )


def _terms(offer: OfferView, found: OfferMatch) -> tuple[Cell, ...]:
    base = f"{format_multiple(offer.multiplier)} base price" if offer.multiplier else "fixed"
    measured = found.score is not None
    speed = show.fuel(found.score if measured else offer.fuel_rate)
    claimed = f"claims {show.fuel(offer.fuel_rate).text}/s" if measured else "claimed, not measured"
    stays = [f"{span} {format_ratio(chance)}" for span, chance in offer.survival.items()]
    return (
        amount(show.price(offer.price), f"{base}; {_account(offer)}"),
        plain(offer.resource_class, ", ".join(offer.regions), ", ".join(offer.regions) or "region not said"),
        plain(show.plural(offer.slots, "slot"), note=f"{show_size(offer.memory)} each"),
        plain(_kinds(offer), ", ".join(offer.engines)),
        plain(f"{speed.text}/s", speed.full, claimed),
        plain(
            format_ratio(offer.survival["1 h"]) if "1 h" in offer.survival else show.UNKNOWN,
            "chance to be there in " + ", ".join(stays) if stays else "no forecast",
            "for 1 h" if "1 h" in offer.survival else "",
        ),
    )


def _kinds(offer: OfferView) -> str:
    return ", ".join(RUNTIMES[runtime] for runtime in offer.runtimes) or show.UNKNOWN


def _account(offer: OfferView) -> str:
    return f"on account up to {show.fog(offer.on_account).text}" if offer.on_account else "by session only"


def _rated(found: OfferMatch) -> Cell:
    if (rating := found.rating) is None:
        return plain(show.UNKNOWN, "no buyer has published anything of it", faint=True)
    said = f"{show.plural(rating.sessions, 'session')}, {show.fog(rating.paid).text} paid; opinions, and not weighed"
    return plain(f"{rating.value} of 100", said, f"by {show.plural(rating.buyers, 'buyer')}")


def _heard(found: OfferMatch) -> Cell:
    if found.heard_s is None:
        return plain(show.UNKNOWN, "never heard of")
    signed = f"offer of {show.span(int(found.age_s))} ago" if found.age_s is not None else "no offer"
    heard = "now" if found.heard_s < 2 else f"{show.span(int(found.heard_s))} ago"
    return plain(heard, "its last sign of life", signed, faint=True)

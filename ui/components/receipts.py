"""Receipts: as rows, and one opened with both sides' figures beside each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nicegui import background_tasks, ui

from fogchain.api.models import ReceiptProof, ReceiptView
from fogchain.errors import FogchainError
from ui import show
from ui.components.base import block, icon, icon_button, set_classes, shown, text
from ui.components.empty import alert, skeleton
from ui.components.table import Cell, Column, Row, amount, link, pill, plain
from ui.feed import NodeFeed
from ui.panel import Panel
from ui.tones import RUN, tone

RECEIPT_COLUMNS = (
    Column("Task"),
    Column("State"),
    Column("With", optional=True),
    Column("Cost", end=True),
    Column("When", end=True, optional=True),
)
BOOKS_PAGE = 1000  # receipts of the other side that are searched at once
MOST_PAGES = 12


def receipt_row(receipt: ReceiptView, now: float, names: dict[str, str]) -> Row:
    """`names` gives addresses' names where they are known.

    The job is linked where this node is its buyer: only then it knows the job.
    """
    name = names.get(receipt.counterparty.lower(), "")
    task = f"{receipt.job_name or show.short(receipt.job)} #{receipt.task}"
    note = "" if receipt.purpose == "work" else receipt.purpose
    first = link(task, f"/jobs/{receipt.job}", note) if receipt.role == "buyer" else plain(task, receipt.job, note)
    side = "paid" if receipt.role == "buyer" else "earned"
    words = receipt.reason_text or f"exit: {receipt.exit}"
    quiet = receipt.reason in {"", "ok", "checked_ok"}
    return Row(
        f"{receipt.role} {receipt.order}",
        (
            first,
            pill(tone(RUN, receipt.state), f"{side}; {words}; result {receipt.result}", "" if quiet else words),
            plain(name or show.short(receipt.counterparty), receipt.counterparty, mono=not name),
            _cost(receipt),
            plain(show.ago(receipt.finished, now), show.full_moment(receipt.finished), faint=True),
        ),
        first.get("href") or "",
    )


def _cost(receipt: ReceiptView) -> Cell:
    """With the work that was done; for who did it, with what is left for him."""
    gross, fee, net = (show.fog(value) for value in (receipt.cost, receipt.fee, receipt.net))
    if receipt.role == "provider" and receipt.fee:
        return {**amount(gross, f"net {net.text}"), "full": f"{gross.full}, less a fee of {fee.full}: {net.full}"}
    return amount(gross, show.fuel(receipt.fuel).text)


# -- one receipt, from both sides


@dataclass(frozen=True)
class Line:
    """One figure; `theirs` is empty where the other side's is not known."""

    label: str
    mine: str
    theirs: str = ""
    full: str = ""

    @property
    def differs(self) -> bool:
        return bool(self.theirs) and self.mine != self.theirs


_FIGURES: tuple[
    tuple[str, Callable[[ReceiptView], tuple[str, str]], bool], ...
] = (  # label, value, is in the signature
    ("Order", lambda r: (r.order, r.order), True),
    ("Result", lambda r: (r.result, r.result), True),
    ("Work", lambda r: (f"{show.number(r.fuel)} fuel", ""), True),
    ("Exit", lambda r: (r.exit, ""), True),
    ("Started", lambda r: (show.full_moment(r.started), ""), True),
    ("Finished", lambda r: (show.full_moment(r.finished), ""), True),
    ("Price", lambda r: (show.price(r.price).full, ""), True),
    ("Cost", lambda r: (show.fog(r.cost).full, ""), False),
    ("Fee", lambda r: (show.fog(r.fee).full, ""), False),
    ("Net", lambda r: (show.fog(r.net).full, ""), False),
    ("Reason", lambda r: (r.reason_text or r.reason or show.UNKNOWN, r.reason), False),
)


def compare(proof: ReceiptProof, theirs: ReceiptView | None) -> list[Line]:
    """Line by line. Without the other side's books, what its signature covers is what it says."""
    lines = []
    for label, value, signed in _FIGURES:
        mine, full = value(proof.booked)
        signed_by_both = mine if signed and not proof.differences else ""
        other = signed_by_both if theirs is None else value(theirs)[0]
        lines.append(Line(label, mine, other, full))
    return lines


class ReceiptSheet:
    """The dialog; opened for one receipt at a time."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        with (
            ui.dialog() as self._dialog,
            block("fc-sheet", role="dialog", aria_label="Receipt"),
        ):
            with block("fc-row"):
                self._title = text("Receipt", "fc-cut fc-grow", "h2")
                icon_button("x", "Close", self._dialog.close)
            self._verdict, self._words = alert("info", "info")
            self._signatures = block("fc-legend")
            self._table = block("fc-both")
            self._source = text("", "fc-small fc-faint", "p")

    def open(self, receipt: ReceiptView) -> None:
        self._title.set_text(f"{receipt.job_name or show.short(receipt.job)} #{receipt.task}")
        shown(self._verdict, False)
        self._signatures.clear()
        self._table.clear()
        with self._table:
            skeleton(6)
        self._source.set_text("")
        self._dialog.open()
        background_tasks.create(self._load(receipt), name="receipt", context=self._table)

    async def _load(self, receipt: ReceiptView) -> None:
        try:
            proof = await self._panel.main.ask(lambda client: client.receipt(receipt.order, receipt.job))
        except FogchainError as error:
            self._say("bad", show.sentences(error))
            self._table.clear()
            return
        other = self._feed_of(receipt.counterparty)
        theirs = await _books(other, receipt) if other is not None else None
        if not self._table.is_deleted:
            self._draw(proof, theirs, other)

    def _feed_of(self, address: str) -> NodeFeed | None:
        """The other side's node, if this panel follows it."""
        for feed in self._panel.feeds[1:]:
            if feed.live and feed.status is not None and feed.status.address.lower() == address.lower():
                return feed
        return None

    def _draw(self, proof: ReceiptProof, theirs: ReceiptView | None, other: NodeFeed | None) -> None:
        lines, booked = compare(proof, theirs), proof.booked
        wrong = [*proof.differences, *(f"{line.label.lower()} differs" for line in lines if line.differs)]
        side = "provider" if booked.role == "buyer" else "buyer"
        if wrong:
            self._say("bad", "The two sides do not agree: " + "; ".join(wrong))
        elif theirs is not None:
            self._say("good", "Both sides agree, to the base unit: what is signed, and what each has booked.")
        else:
            self._say("good", f"The {side}'s signature stands under these figures.")
        self._signatures.clear()
        with self._signatures:
            _signature("the buyer has signed the order", proof.order_signed)
            if proof.promised is not None:
                _signature("the provider has promised it", proof.promised)
            _signature("the provider has signed the receipt", proof.receipt_signed)
        name = other.name if other is not None else self._panel.main.names.get(booked.counterparty.lower(), "")
        self._table.clear()
        with self._table:
            _both(lines, _party(self._panel.main.name, booked.role), _party(name, side))
        self._source.set_text(
            f"The right column is from {name}'s own books."
            if theirs is not None
            else f"The right column is what the {side} signed; its own books show only where its node is followed, too."
        )

    def _say(self, mood: str, words: str) -> None:
        set_classes(self._verdict, f"fc-alert t-{mood}")
        self._words.set_text(words)


def _party(name: str, role: str) -> str:
    """`heron, provider`; the role alone for who has no other name."""
    return role.capitalize() if name.lower() in {"", role} else f"{name}, {role}"


def _signature(words: str, good: bool) -> None:
    with block(f"fc-key t-{'good' if good else 'bad'}", "span"):
        icon("badge-check" if good else "triangle-alert", "fc-tone")
        text(words if good else f"not so: {words}", tag="span")


def _both(lines: Sequence[Line], mine: str, theirs: str) -> None:
    with block("fc-bothrow head"):
        text("", tag="span")
        text(mine, tag="b")
        text(theirs, tag="b")
    for line in lines:
        with block("fc-bothrow differs" if line.differs else "fc-bothrow"):
            text(line.label, "fc-faint", "span")
            for value in (line.mine, line.theirs):
                words = show.short(value, 10, 8) if len(value) == 64 else value
                text(words or show.UNKNOWN, "fc-num", "span").props["title"] = value


async def _books(feed: NodeFeed, receipt: ReceiptView) -> ReceiptView | None:
    """The same run in the books of the other side; None if it can't be asked or has none."""
    cursor: str | None = None
    role = "provider" if receipt.role == "buyer" else "buyer"
    for _ in range(MOST_PAGES):
        at = cursor
        try:
            page = await feed.ask(
                lambda client: client.receipts(role=role, job=receipt.job, limit=BOOKS_PAGE, cursor=at)  # noqa: B023
            )
        except FogchainError:
            return None
        found = next((one for one in page.items if one.order == receipt.order), None)
        cursor = page.next_cursor
        if found is not None or cursor is None:
            return found
    return None

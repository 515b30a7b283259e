"""How a receipt is drawn as a table row."""

from __future__ import annotations

from fogchain.api.models import ReceiptView
from ui import show
from ui.components.table import Cell, Column, Row, amount, link, pill, plain
from ui.tones import RUN, tone

RECEIPT_COLUMNS = (
    Column("Task"),
    Column("State"),
    Column("With", optional=True),
    Column("Cost", end=True),
    Column("When", end=True, optional=True),
)


def receipt_row(receipt: ReceiptView, now: float, names: dict[str, str]) -> Row:
    """`names` gives addresses' names where they are known.

    The job is linked where this node is its buyer: only then it knows the job.
    """
    name = names.get(receipt.counterparty.lower(), "")
    task = f"{receipt.job_name} #{receipt.task}"
    note = "check" if receipt.purpose == "check" else ""
    first = link(task, f"/jobs/{receipt.job}", note) if receipt.role == "buyer" else plain(task, receipt.job, note)
    state = tone(RUN, receipt.state)
    side = "paid" if receipt.role == "buyer" else "earned"
    return Row(
        receipt.order,
        (
            first,
            pill(state, f"{side}; exit: {receipt.exit}; result {receipt.result}"),
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

"""This node's statement, kept up with the event index."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fogchain.api.statement import BalancesView, StatementLine, StatementView
from fogchain.chain import events as on
from fogchain.chain.index import EventIndex
from fogchain.chain.statement import Balances, Line, Statement, to_csv

_BEFORE_ALL = (-1, -1)  # block and log
BATCH = 5_000  # events read at a time

Names = Callable[[], Mapping[str, str]]


class Statements:
    """Reads on where it stopped; begins anew when the chain went back."""

    def __init__(
        self, index: EventIndex, owner: str, contracts: list[str], *, jobs: Callable[[str], str], names: Names
    ) -> None:
        """`jobs` gives the name of a job by its hex id, empty for one that is not known here; `names` those of
        addresses."""
        self._index, self._owner, self._contracts = index, owner, contracts
        self._jobs, self._names = jobs, names
        index.subscribe(self._heard)
        self._statement, self._place = Statement(owner, contracts), _BEFORE_ALL

    def view(self, first: int, end: int, limit: int, start: int) -> StatementView:
        opening, lines, closing = self._now().between(first, end)
        names = self._names()
        more = start + limit if start + limit < len(lines) else None
        head = self._index.head
        return StatementView(
            address=self._owner,
            block=head.number if head else 0,
            opening=_balances(opening),
            closing=_balances(closing),
            came=sum(line.came for line in lines),
            went=sum(line.went for line in lines),
            fees=sum(line.fee for line in lines),
            items=[self._line(line, names) for line in lines[start : start + limit]],
            next_cursor=str(more) if more is not None else None,
            total=len(lines),
        )

    def csv(self, first: int, end: int) -> str:
        opening, lines, closing = self._now().between(first, end)
        jobs = {job: self._jobs(job) for job in {line.job for line in lines} if job}
        return to_csv(opening, lines, closing, jobs, self._names())

    def _now(self) -> Statement:
        while events := self._index.after(self._place, BATCH):
            self._statement.feed(events)
            last = events[-1].at
            self._place = (last.block, last.index)
        return self._statement

    def _heard(self, events: list[on.Event]) -> None:
        if any(isinstance(event, on.RolledBack) for event in events):
            self._begin()

    def _begin(self) -> None:
        self._statement, self._place = Statement(self._owner, self._contracts), _BEFORE_ALL

    def _line(self, line: Line, names: Mapping[str, str]) -> StatementLine:
        return StatementLine(
            time=line.at.time,
            block=line.at.block,
            kind=line.kind,
            job=line.job or None,
            job_name=self._jobs(line.job) if line.job else "",
            counterparty=line.counterparty or None,
            counterparty_name=names.get(line.counterparty, ""),
            came=line.came,
            went=line.went,
            fee=line.fee,
            after=_balances(line.after),
            transaction=line.at.transaction,
        )


def _balances(balances: Balances) -> BalancesView:
    return BalancesView(wallet=balances.wallet, free=balances.free, locked=balances.locked, bonded=balances.bonded)

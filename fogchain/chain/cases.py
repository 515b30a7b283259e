"""Cases before the court with their evidence: what was delivered, what each auditor got, where the money went.

Source: `contracts/interfaces/IFogCourt.sol`. All is read from events, so anybody can check it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fogchain.chain.client import ChainClient
from fogchain.chain.logbook import Entry, LogBook
from fogchain.errors import NotFound

_COURT = ("CaseOpened", "CommitteeDrawn", "Committed", "Revealed", "Verdict")
_MARKET = ("JobOpened", "JobDelivered", "JobSlashed", "JobSettled")


@dataclass(frozen=True, slots=True)
class Answer:
    """What running the job gave: the hash of the result, and the fuel it took."""

    result: bytes
    fuel: int


@dataclass(frozen=True, slots=True)
class Member:
    """Of a committee. `answer` is None while, or because, it revealed nothing."""

    auditor: str
    committed: bool
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class Round:
    """A committee of 3, 5 or 7; times in Unix seconds of block time."""

    number: int  # 0, 1, 2
    members: tuple[Member, ...]
    commit_by: int
    reveal_by: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What left a guilty provider's bond, in base units of FOG."""

    to_victim: int
    to_finder: int
    burnt: int


@dataclass(frozen=True, slots=True)
class Case:
    """Amounts in base units of FOG, times in Unix seconds of block time."""

    job: bytes
    court: str
    provider: str
    buyer: str
    finder: str
    price: int
    bond: int  # what the buyer put up to challenge; zero for an audit
    delivered: Answer
    delivered_at: int
    opened: int
    verdict_by: int
    rounds: tuple[Round, ...]
    guilty: bool | None  # None without a verdict: while it is open, and when none came in time
    closed: int | None
    transaction: str  # of the verdict, or of the opening
    asked: int  # what the verdict takes from the bond, if so much is there
    taken: Taken | None
    paid: int  # to the provider, after all
    fee: int  # kept back from that
    auditor_pay: int  # to each member that said what the verdict says


class Cases:
    """One deployment's courts: that of its beginning, and those that votes named since. Raise Unavailable."""

    def __init__(self, client: ChainClient) -> None:
        at = client.deployment
        self._client = client
        self._parameters = LogBook(client, "FogMarket", ("ParametersSet",), (at.market,))
        self._slashes = LogBook(client, "FogStake", ("Slashed",), (at.stake,))
        self._market = LogBook(client, "FogMarket", _MARKET, (at.market,))  # asked for single jobs only
        self._courts: dict[str, LogBook] = {}

    async def page(self, first: int, limit: int) -> tuple[list[Case], int]:
        """The newest first, from the `first` on; and how many there are."""
        logs = await self._events()
        opened = [log for log in reversed(logs) if log.name == "CaseOpened"]
        return await self._cases(opened[first : first + limit], logs), len(opened)

    async def find(self, job: bytes) -> Case:
        """Raises NotFound."""
        logs = [log for log in await self._events() if log["job"] == job]
        opened = [log for log in logs if log.name == "CaseOpened"]
        if not opened:
            raise NotFound(f"there is no case about job {job.hex()}", hint="most jobs are never challenged or audited")
        return (await self._cases(opened[:1], logs))[0]

    async def _events(self) -> list[Entry]:
        """Of all courts, in the chain's order."""
        for log in await self._parameters.read():
            court = log["court"]
            if court not in self._courts:
                self._courts[court] = LogBook(self._client, "FogCourt", _COURT, (court,))
        parts = await asyncio.gather(*(book.read() for book in self._courts.values()))
        return sorted((log for part in parts for log in part), key=_order)

    async def _cases(self, opened: Sequence[Entry], logs: Sequence[Entry]) -> list[Case]:
        if not opened:
            return []
        market, slashes = await asyncio.gather(
            self._market.of(sorted({log["job"] for log in opened})), self._slashes.read()
        )
        return [_case(log, _about(log["job"], logs), _about(log["job"], market), slashes) for log in opened]


def _case(opened: Entry, court: Sequence[Entry], market: Sequence[Entry], slashes: Sequence[Entry]) -> Case:
    terms = next(log for log in market if log.name == "JobOpened")
    delivery = next(log for log in market if log.name == "JobDelivered")
    verdict = next((log for log in court if log.name == "Verdict"), None)
    slashed = next((log for log in market if log.name == "JobSlashed"), None)
    settled = next((log for log in market if log.name == "JobSettled"), None)
    return Case(
        job=opened["job"],
        court=opened.address,
        provider=opened["provider"],
        buyer=terms["buyer"],
        finder=opened["finder"],
        price=terms["price"],
        bond=opened["bond"],
        delivered=Answer(delivery["result"], delivery["fuel"]),
        delivered_at=delivery.time,
        opened=opened.time,
        verdict_by=opened["verdict_by"],
        rounds=tuple(_round(log, court) for log in court if log.name == "CommitteeDrawn"),
        guilty=verdict["guilty"] if verdict else None,
        closed=end.time if (end := verdict or settled) else None,
        transaction=(verdict or opened).transaction,
        asked=verdict["slashed"] if verdict else 0,
        taken=_taken(slashed, slashes) if slashed else None,
        paid=settled["paid"] if settled else 0,
        fee=settled["fee"] if settled else 0,
        auditor_pay=verdict["pay"] if verdict else 0,
    )


def _round(drawn: Entry, court: Sequence[Entry]) -> Round:
    own = [log for log in court if log["job"] == drawn["job"] and log.values.get("round") == drawn["round"]]
    committed = {log["auditor"] for log in own if log.name == "Committed"}
    revealed: Mapping[str, Answer] = {
        log["auditor"]: Answer(log["result"], log["fuel"]) for log in own if log.name == "Revealed"
    }
    members = tuple(Member(who, who in committed, revealed.get(who)) for who in drawn["members"])
    return Round(drawn["round"], members, drawn["commit_by"], drawn["reveal_by"])


def _taken(slashed: Entry, slashes: Sequence[Entry]) -> Taken | None:
    """The stake logs where the money went, and right after it the market which job it was for."""
    before = [log for log in slashes if log.transaction == slashed.transaction and log.place < slashed.place]
    if not before:
        return None
    return Taken(before[-1]["to_victim"], before[-1]["to_finder"], before[-1]["burnt"])


def _about(job: bytes, logs: Sequence[Entry]) -> list[Entry]:
    return [log for log in logs if log["job"] == job]


def _order(log: Entry) -> tuple[int, int]:
    return log.block, log.place

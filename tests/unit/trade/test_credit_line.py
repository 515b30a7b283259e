"""Which orders a provider begins, by what their buyers have signed for."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from fogchain.errors import Conflict
from fogchain.market.messages import BY_RECORD, Agreement, TaskOrder
from fogchain.units import GFUEL, WEI
from node.trade.credit import CreditLine

TERMS = Agreement(price=WEI, fee=100, level=1, sample=BY_RECORD, grace=60, penalty=0, privacy="direct")
ORDER = TaskOrder(
    buyer="0x" + "11" * 20, provider="0x" + "22" * 20, session=b"\1" * 32, job=b"\3" * 32, task=0, attempt=0,
    spec=b"\4" * 32, fuel_limit=GFUEL, engine="e", issued=100, deadline=200, sealed=0, terms=TERMS,
)  # fmt: skip


class Standings:
    """A buyer that has had some, and signed for less."""

    def __init__(self, delivered: int, signed: int) -> None:
        self.delivered, self.signed = delivered, signed

    def standing(self, _buyer: str) -> tuple[int, int]:
        return self.delivered, self.signed


def line(ledger: Standings, now: list[float]) -> CreditLine:
    return CreditLine(ledger, SimpleNamespace(), 2 * WEI, 0, lambda: now[0])  # type: ignore[arg-type]


async def test_an_order_waits_for_its_voucher_and_begins_with_it() -> None:
    ledger, slots = Standings(2 * WEI, 0), asyncio.Semaphore(1)
    credit, began = line(ledger, [100.0]), asyncio.Event()

    async def run() -> None:
        async with credit.turn(b"a", ORDER, slots):
            began.set()

    task = asyncio.create_task(run())
    while not credit.is_waiting(b"a"):
        await asyncio.sleep(0)
    assert not began.is_set()
    ledger.signed = WEI
    credit.moved()
    await asyncio.wait_for(task, 10)
    assert began.is_set()


async def test_an_order_that_nobody_pays_for_holds_its_place_until_its_deadline_and_no_longer() -> None:
    """Its buyer is gone for good: what waits for a voucher would wait for ever."""
    now, slots = [100.0], asyncio.Semaphore(1)
    credit = line(Standings(2 * WEI, 0), now)

    async def run(order: TaskOrder) -> None:
        async with credit.turn(b"a", order, slots):
            raise AssertionError("it was not paid for")

    task = asyncio.create_task(run(ORDER))
    while not credit.is_waiting(b"a"):
        await asyncio.sleep(0)
    now[0] = 200.0
    credit.moved()
    with pytest.raises(Conflict, match="deadline passed before it was paid for"):
        await asyncio.wait_for(task, 10)
    with pytest.raises(Conflict):  # and by the clock alone
        await asyncio.wait_for(run(replace(ORDER, deadline=200)), 10)
